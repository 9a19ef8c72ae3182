"""Days and periods as they stand in an address, a form or a body, and what is said of bad ones."""

import re
from datetime import date, timedelta

from litestar.exceptions import ValidationException

from app import utc_day

MOST_DAYS = 31
"""How many days one request may count or verify."""


def parse_day(text: str, key: str = "date") -> date:
    """A UTC day of YYYY-MM-DD; a clear 422 for anything else."""
    try:
        return utc_day.parse(text)
    except ValueError as error:
        raise unfit(key, str(error)) from None


def parse_period(text: str | None) -> date | None:
    """The first day of YYYY-MM; a clear 422 for anything else."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text) or text < "0001":
        raise unfit("period", "write it as YYYY-MM, e.g. 2026-11")
    return date(int(text[:4]), int(text[5:]), 1)


def until(first: date, last: date) -> date:
    """The day after the last one, which functions of the database take as the end; a clear 422 for
    a range that is reversed or too long."""
    days = (last - first).days + 1
    if days < 1:
        raise unfit("to", f"it comes before {first}")
    if days > MOST_DAYS:
        raise unfit("to", f"that is {days} days; at most {MOST_DAYS} at once")
    if last == date.max:
        raise unfit("to", "the last valid day is 9999-12-30")
    return last + timedelta(days=1)


def unfit(key: str, message: str) -> ValidationException:
    """422, on a page 400, that names what does not fit."""
    return ValidationException(extra=[{"key": key, "message": message}])
