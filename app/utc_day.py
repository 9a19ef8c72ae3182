"""A UTC day as people and programs write it: YYYY-MM-DD and nothing else, everywhere."""

import re
from datetime import date

FORMAT = "write it as YYYY-MM-DD, e.g. 2026-11-21"


def parse(text: str) -> date:
    """The day; ValueError, with what to do instead, for anything else.

    Python alone also takes 20261121, 2026-W47-6 and, in some places, digits of other scripts.
    """
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(FORMAT) from None
    if day == date.max:  # no day comes after it, and a range ends before its end
        raise ValueError("the last valid day is 9999-12-30")
    return day
