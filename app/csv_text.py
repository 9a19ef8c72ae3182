"""Rows as CSV that a spreadsheet opens as what they are: text stays text, never a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

from app.visible import tame

FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What spreadsheets begin a formula with, full-width forms included."""


def render(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """RFC 4180, with a header line."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([inert(cell) for cell in row] for row in rows)
    return text.getvalue()


def inert(cell: object) -> object:
    """What a spreadsheet would take for a formula gets an apostrophe in front, wherever such a one
    looks for its beginning; what would act on a terminal is spelled out."""
    if not isinstance(cell, str):
        return "" if cell is None else cell
    text = tame(cell)
    return f"'{text}" if text.lstrip("\ufeff \u00a0\u3000").startswith(FORMULA) else text
