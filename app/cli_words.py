"""Days and numbers, as people write and read them."""

from datetime import date, timedelta

import click

from app import utc_day
from app.errors import USAGE, Problem


class Day(click.ParamType[date]):
    """A UTC day, as people write it."""

    name = "YYYY-MM-DD"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        if isinstance(value, date):
            return value
        try:
            return utc_day.parse(str(value))
        except ValueError as error:
            self.fail(f"{value!r} is not a day; {error}.", param, ctx)


def instant(utc_text: str) -> str:
    """2026-11-21 12:05:00 of what billing.utc_text wrote, whatever its year."""
    day, _, clock = utc_text.partition("T")
    return f"{day}{' BC' if clock.endswith('BC') else ''} {clock[:8]}"


def plural(number: int, noun: str) -> str:
    """1 day, 2 days, 1,000 days."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def half_open(first: date, last: date | None) -> tuple[date, date]:
    """The one place where inclusive dates become the half-open range of the SQL functions."""
    last = last or first
    if last < first:
        raise Problem(f"The range is reversed: {first} comes after {last}", USAGE)
    return first, last + timedelta(days=1)


def several(dates: list[date]) -> str:
    """2026-11-01 to 2026-11-05, 2026-11-07: runs of days, as few words as possible."""
    runs: list[list[date]] = []
    for day in sorted(dates):
        if runs and (day - runs[-1][-1]).days == 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(f"{run[0]} to {run[-1]}" if run[1:] else str(run[0]) for run in runs)
