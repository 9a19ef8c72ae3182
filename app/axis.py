"""The axis of a chart: round steps and short labels."""

from collections.abc import Sequence

TICKS = 4
"""Lines above the base line, at most."""


def scale(values: Sequence[int]) -> tuple[int, int]:
    """Step and end of an axis for these numbers: steps of 1, 2 or 5 times a power of ten."""
    highest = max([1, *values])
    magnitude = 1
    while True:
        for step in (magnitude, 2 * magnitude, 5 * magnitude):
            if step * TICKS >= highest:
                return step, step * -(-highest // step)
        magnitude *= 10


def compact(number: int) -> str:
    """A label for an axis: 950, 1.2k, 30k, 4.5M, 12G."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + letter
    return str(number)
