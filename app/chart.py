"""Where the bars of a chart stand: from numbers and words to coordinates, whatever the metric."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import structlog

from app.axis import compact, scale

logger = structlog.get_logger()

Series = dict[str, Any]
Days = Sequence[dict[str, Any]]

AXIS, TOP, BOTTOM, RIGHT = 44, 20, 24, 2
"""Room around the plot, in units of the drawing: for the labels, and for half a letter."""


@dataclass(frozen=True)
class Bar:
    """A day that was counted: height 0 is a zero and is drawn as one."""

    x: float
    y: float
    width: float
    height: float
    is_partial: bool


@dataclass(frozen=True)
class Slot:
    """The place of a day from edge to edge, what it says, and its bar if it was counted."""

    x: float
    width: float
    tip: str
    bar: Bar | None


@dataclass(frozen=True)
class Gap:
    """Days in a row without a number, for the same reason."""

    x: float
    width: float
    middle: float
    word: str


@dataclass(frozen=True)
class Mark:
    """A word at a place on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Plot:
    """One series in one size."""

    width: int
    height: int
    left: int
    right: int
    top: int
    base: int
    tall: int
    ticks: int
    slots: list[Slot]
    gaps: list[Gap]
    lines: list[Mark]
    days: list[Mark]
    months: list[Mark]


@dataclass(frozen=True)
class Panel:
    """One series, drawn for a wide screen and for a narrow one."""

    number: int
    label: str
    unit: str
    wide: Plot
    narrow: Plot


def panels(chart: dict[str, Any]) -> list[Panel] | None:
    """A panel per series of billing.usage_chart: one unit to an axis.

    None when they cannot be drawn: that is recorded, and the rest of the page stays readable.
    """
    try:
        return [
            Panel(
                number=series["number"],
                label=series["label"],
                unit=series["unit"],
                wide=plot(series, chart["days"], width=944, height=168, every=4),
                narrow=plot(series, chart["days"], width=320, height=150, every=8),
            )
            for series in chart["series"]
        ]
    except Exception:
        logger.exception("chart_not_drawn")
        return None


def plot(series: Series, days: Days, width: int, height: int, every: int) -> Plot:
    """Draw a series: a slot per day, a label at every so many days, counted from the last."""
    points = series["points"]
    right, base = width - RIGHT, height - BOTTOM
    slot = (right - AXIS) / len(points)
    step, top = scale([point["value"] or 0 for point in points])
    tall = base - TOP

    def x_of(index: float) -> float:
        return round(AXIS + index * slot, 1)

    def bar_at(index: int) -> Bar | None:
        value = points[index]["value"]
        if value is None:
            return None
        high = round(max(value * tall / top, 1.5 if value else 0), 1)
        return Bar(
            x=x_of(index + 0.18),
            y=round(base - high, 1),
            width=round(slot * 0.64, 1),
            height=high,
            is_partial=days[index]["is_today"],
        )

    last = len(days) - 1
    return Plot(
        width=width,
        height=height,
        left=AXIS,
        right=right,
        top=TOP,
        base=base,
        tall=tall,
        ticks=AXIS - 8,
        slots=[
            Slot(x_of(index), round(slot, 1), point["tip"], bar_at(index))
            for index, point in enumerate(points)
        ],
        gaps=[
            Gap(
                x=x_of(first),
                width=round(slot * number, 1),
                middle=x_of(first + number / 2),
                word=word,
            )
            for word, first, number in _gaps(points, days)
        ],
        lines=[
            Mark(round(base - value * tall / top, 1), compact(value))
            for value in range(0, top + 1, step)
        ],
        days=[
            Mark(x_of(index + 0.5), day["text"])
            for index, day in enumerate(days)
            if (last - index) % every == 0
        ],
        months=[
            Mark(x_of(index), day["month"])
            for index, day in enumerate(days)
            if day["is_first"] and index
        ],
    )


def _gaps(points: Sequence[dict[str, Any]], days: Days) -> list[tuple[str, int, int]]:
    """Word, first slot and number of slots of each run of days without a number."""
    words = [
        day["gap"] if point["value"] is None else None
        for point, day in zip(points, days, strict=True)
    ]
    runs = [(word, len(list(run))) for word, run in groupby(words)]
    starts = [sum(length for _, length in runs[:index]) for index in range(len(runs))]
    return [
        (word, start, length)
        for (word, length), start in zip(runs, starts, strict=True)
        if word is not None
    ]
