"""The table on the terminal, the record in history/, the figures of docs/performance.md."""

import json
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import curves, growth, sizes
from bench.stage import Stage
from bench.timing import Case

ROOT = Path(__file__).parent.parent
HISTORY = ROOT / "bench/history"
PAGE = ROOT / "docs/performance.md"
IMAGE = ROOT / "docs/images/growth.svg"
BEGIN, END = "<!-- figures: make bench BENCH='full --publish' -->", "<!-- end of figures -->"


def show(stage: Stage, machine: dict[str, object]) -> None:
    table = Table("", "case", "beside", "floor", "median", "best", "ratio", "bar", "aim", "")
    for case in stage.cases:
        table.add_row(*cells(case), style="red" if case.verdict == "missed" else None)
    console = Console(width=None if sys.stdout.isatty() else 180)
    console.print(facts(sizes.words(stage.sizes)))
    console.print(facts(machine))
    console.print(table)
    for name, fact in (stage.facts | growth.slopes(stage.curves)).items():
        console.print(f"{name}: {number(fact)}", highlight=False)


def cells(case: Case) -> list[str]:
    sign = "≤" if case.wanted == "at most" else "≥"
    return [
        case.name,
        case.what,
        case.floor_is,
        amount(statistics.median(case.floor), case.unit),
        amount(statistics.median(case.values), case.unit),
        amount(case.best, case.unit),
        f"{case.ratio:.3g}",
        f"{sign} {case.bar:g}" if case.bar is not None else "",
        f"{sign} {case.aim:g}" if case.aim is not None else "",
        case.verdict,
    ]


def amount(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def number(fact: object) -> str:
    return f"{fact:,}" if isinstance(fact, int) else str(fact)


def facts(known: dict[str, object]) -> str:
    return " · ".join(f"{name} {number(fact)}" for name, fact in known.items())


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


def publish(stage: Stage, machine: dict[str, object]) -> None:
    """Write the figures into docs/performance.md, between its two marks, and draw the curves."""
    if stage.curves:
        IMAGE.parent.mkdir(exist_ok=True)
        IMAGE.write_text(curves.draw(stage.curves))
    lines = [
        f"{datetime.now(UTC):%-d %B %Y} · {facts(machine)}  ",
        facts(sizes.words(stage.sizes)),
        "",
        "| | case | beside | floor | median | best | ratio | bar | aim | |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(f"| {' | '.join(cells(case))} |" for case in stage.cases),
        "",
        *(f"- {name}: {number(fact)}" for name, fact in stage.facts.items()),
        *(f"- {name}: {fact}" for name, fact in growth.slopes(stage.curves).items()),
    ]
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}")
