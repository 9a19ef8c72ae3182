"""The table on the terminal and the record in history/."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import growth, sizes
from bench.stage import Stage

ROOT = Path(__file__).parent.parent
HISTORY = ROOT / "bench/history"


def show(stage: Stage, machine: dict[str, object]) -> None:
    table = Table("", "case", "beside", "floor", "median", "best", "ratio", "bar", "aim", "")
    for case in stage.cases:
        table.add_row(*cells(case.summary()), style="red" if case.verdict == "missed" else None)
    console = Console(width=None if sys.stdout.isatty() else 180)
    console.print(line(sizes.words(stage.sizes)))
    console.print(line(machine))
    if stage.cases:
        console.print(table)
    for name, fact in (stage.facts | growth.slopes(stage.curves)).items():
        console.print(f"{name}: {words(fact)}", highlight=False)


def cells(case: dict[str, Any]) -> list[str]:
    """A row of the table, of what Case.summary says."""
    sign = "≤" if case["wanted"] == "at most" else "≥"
    return [
        case["name"],
        case["what"],
        case["floor is"],
        *(amount(case[which], case["unit"]) for which in ("floor median", "median", "best")),
        f"{case['ratio']:.3g}",
        *("" if case[mark] is None else f"{sign} {case[mark]:g}" for mark in ("bar", "aim")),
        case["verdict"],
    ]


def amount(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def words(fact: object) -> str:
    return f"{fact:,}" if isinstance(fact, int) else str(fact)


def line(facts: dict[str, object]) -> str:
    return " · ".join(f"{name} {words(fact)}" for name, fact in facts.items())


def keep(stage: Stage, machine: dict[str, object], size: str) -> Path:
    """A file per run; two of them are compared by their ratios."""
    now = datetime.now(UTC)
    record: dict[str, Any] = {
        "at": now.isoformat(timespec="seconds"),
        "size": size,
        "sizes": sizes.words(stage.sizes),
        "machine": machine,
        "cases": [case.summary() for case in stage.cases],
        "facts": stage.facts,
        "curves": stage.curves,
        "slopes": growth.slopes(stage.curves),
    }
    HISTORY.mkdir(exist_ok=True)
    file = HISTORY / f"{now:%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps(record, indent=1, default=str, ensure_ascii=False) + "\n")
    return file
