"""The benchmark runs from end to end, at a size at which its figures mean nothing."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import growth, publish, report
from bench.__main__ import measure
from bench.sizes import PARTS, SMALL, Asked, Sizes
from bench.stage import Stage
from bench.timing import Case
from tests.server import Server

TINY = Sizes(
    rows_a_day=800,
    days=4,
    tenants=20,
    rounds=1,
    read_tenants=(30,),
    read_days=35,
    months=(1, 2),
    growth_rows_a_day=40,
    idle_tenants=(500, 600),
    load_seconds=1,
)


@pytest.mark.slow
def test_every_case_is_measured(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(server, TINY, lambda _: None)
    measure(stage, Asked("small", TINY, frozenset(PARTS), publish=True))
    assert not stage.failed, stage.facts
    names = {case.name for case in stage.cases}
    assert names >= {"P1", "P2", "P3", "P5", "P6", "P7", "P9", "P10", "P11", "purge", "peer"}
    assert all(case.ratio > 0 and len(case.values) > 0 for case in stage.cases)
    assert stage.facts["P4 rows changed by a re-run (bar 0)"] == 0
    assert len(growth.slopes(stage.curves)) == 3

    page = tmp_path / "performance.md"
    page.write_text(f"before\n{publish.BEGIN}\nold\n{publish.END}\nafter\n")
    monkeypatch.setattr(publish, "PAGE", page)
    monkeypatch.setattr(publish, "IMAGE", tmp_path / "images/growth.svg")
    monkeypatch.setattr(report, "HISTORY", tmp_path / "history")
    report.show(stage, {})
    kept = report.keep(stage, {}, "small")
    publish.publish([kept])
    assert page.read_text().startswith(f"before\n{publish.BEGIN}\n")
    assert page.read_text().endswith(f"\n{publish.END}\nafter\n")
    assert "\nold\n" not in page.read_text()
    assert page.read_text().count("\n| P") >= 9
    ElementTree.parse(tmp_path / "images/growth.svg")  # noqa: S314 - our own
    assert {case["name"] for case in json.loads(kept.read_text())["cases"]} == names


@pytest.mark.parametrize(
    ("wanted", "value", "verdict"),
    [
        ("at most", 4.0, "aim"),
        ("at most", 7.0, "bar"),
        ("at most", 9.0, "missed"),
        ("at least", 9.0, "aim"),
        ("at least", 6.0, "missed"),
    ],
)
def test_a_verdict(wanted: str, value: float, verdict: str) -> None:
    aim, bar = (4, 8) if wanted == "at most" else (8, 7)
    case = Case("P0", "", "", bar, aim, "at most" if wanted == "at most" else "at least")
    case.values, case.floor = [value, 100.0, 0.1], [1.0]
    assert case.verdict == verdict


def test_the_default_is_a_million_events() -> None:
    assert SMALL.rows_a_day * SMALL.days == 1_000_000
