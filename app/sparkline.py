"""A line of a few days, small enough for a row of a table."""

from collections.abc import Sequence
from itertools import groupby


def lines(values: Sequence[int | None], width: int, height: int) -> list[str]:
    """The `points` of its polylines in a drawing of this size; broken where there is no number."""
    highest, room = max([1, *(value or 0 for value in values)]), height - 2
    step = width / max(len(values) - 1, 1)
    spots = [
        None if value is None else f"{index * step:.1f},{1 + room - value * room / highest:.1f}"
        for index, value in enumerate(values)
    ]
    runs = [list(run) for there, run in groupby(spots, key=lambda spot: spot is not None) if there]
    return [" ".join(spot for spot in run if spot) for run in runs]
