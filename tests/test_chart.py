"""Geometry: every bar inside the plot, as high as its number, gaps where there is none."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app import axis, chart, sparkline

NUMBERS = st.one_of(st.none(), st.just(0), st.integers(0, 10**12))
VALUES = st.lists(NUMBERS, min_size=30, max_size=30)


def bars(plot: chart.Plot) -> list[chart.Bar]:
    return [slot.bar for slot in plot.slots if slot.bar is not None]


def drawn(values: list[int | None], width: int = 944, height: int = 168) -> chart.Plot:
    days: list[dict[str, Any]] = [
        {
            "text": f"{index + 1} Apr",
            "month": "April",
            "is_first": index == 9,
            "is_today": index == len(values) - 1,
            "gap": "Not counted" if index % 2 else "Failed",
        }
        for index in range(len(values))
    ]
    points = [{"value": value, "tip": f"{value} messages"} for value in values]
    return chart.plot({"points": points}, days, width, height, every=4)


@given(values=VALUES)
@example(values=[None] * 30)
@example(values=[0] * 30)
@example(values=[9_999_999_999] + [1] * 29)
def test_every_day_is_in_its_place(values: list[int | None]) -> None:
    plot = drawn(values)
    known = [value for value in values if value is not None]
    assert [slot.bar is None for slot in plot.slots] == [value is None for value in values]
    for slot, following in pairwise(plot.slots):
        assert slot.x + slot.width == pytest.approx(following.x, abs=0.11)
    for bar, value in zip(bars(plot), known, strict=True):
        assert plot.left <= bar.x < bar.x + bar.width <= plot.right
        assert plot.top - 0.1 <= bar.y <= plot.base
        assert bar.y + bar.height == pytest.approx(plot.base, abs=0.11)
        assert (bar.height == 0) is (value == 0)
    for (one, bar), (two, next_bar) in pairwise(zip(known, bars(plot), strict=True)):
        assert bar.x + bar.width < next_bar.x
        assert (one > two) <= (bar.height >= next_bar.height)
    covered = sum(gap.width for gap in plot.gaps) / ((plot.right - plot.left) / 30)
    assert covered == pytest.approx(values.count(None), abs=0.3)


@given(values=VALUES)
def test_the_axis_is_of_round_numbers(values: list[int | None]) -> None:
    numbers = [value or 0 for value in values]
    step, top = axis.scale(numbers)
    assert top >= max(numbers)
    assert top - step < max([1, *numbers])
    assert top % step == 0
    assert top // step <= axis.TICKS
    assert str(step).rstrip("0") in ("1", "2", "5")
    lines = drawn(values).lines
    assert lines[0].text == "0"
    assert len({line.text for line in lines}) == len(lines)
    assert [line.at for line in lines] == sorted((line.at for line in lines), reverse=True)


def test_labels_months_gaps_and_today() -> None:
    plot = drawn([1, None, 2, 3, *[4] * 26])
    assert [day.text for day in plot.days][-2:] == ["26 Apr", "30 Apr"]
    assert [month.text for month in plot.months] == ["April"]
    assert [(gap.word, gap.middle) for gap in plot.gaps] == [("Not counted", 88.9)]
    assert [bar.is_partial for bar in bars(plot)] == [False] * 28 + [True]


def test_a_run_of_gaps_is_told_once_for_each_reason() -> None:
    values: list[int | None] = [None, None, 1, None, *[1] * 26]
    assert [gap.word for gap in drawn(values).gaps] == [
        *("Failed", "Not counted", "Not counted"),
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1k"), (1500, "1.5k"), (20000, "20k"), (5 * 10**6, "5M"),
     (2 * 10**9, "2G")],
)  # fmt: skip
def test_labels_are_compact(number: int, text: str) -> None:
    assert axis.compact(number) == text


def test_what_cannot_be_drawn_takes_nothing_else_with_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert chart.panels({"series": [{"number": 1, "points": []}], "days": []}) is None
    assert "chart_not_drawn" in capsys.readouterr().out


@given(values=VALUES)
def test_a_sparkline_breaks_where_there_is_no_number(values: list[int | None]) -> None:
    lines = sparkline.lines(values, 72, 20)
    spots = [spot.split(",") for line in lines for spot in line.split(" ")]
    assert len(spots) == 30 - values.count(None)
    assert all(0 <= float(x) <= 72 and 1 <= float(y) <= 19 for x, y in spots)
    runs = "".join("." if value is None else "x" for value in values).split(".")
    assert len(lines) == len([run for run in runs if run])
