"""Counting what is due and changing settings, as the operator: `billing run` and `settings`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import psycopg
from psycopg.rows import class_row

from app.connecting import connect
from app.settings import Settings


@dataclass(frozen=True)
class RunResult:
    """What a series of runs came to."""

    days: int
    rows_changed: int
    still_due: int
    error: str


@dataclass(frozen=True)
class _LastRun:
    """NULL throughout before the first run."""

    id: int | None
    days: int
    rows_changed: int
    error: str | None


@dataclass(frozen=True)
class Setting:
    """A row of data.settings, turned on its side."""

    name: str
    value: str | None
    meaning: str


def run(settings: Settings, trigger: str, progress: Callable[[int, int], None]) -> RunResult:
    """Call run_usage until nothing is due or a call brings nothing forward."""
    result = RunResult(0, 0, 0, "")
    with (
        connect(settings.conninfo("operator"), autocommit=True) as connection,
        connection.cursor(row_factory=class_row(_LastRun)) as cursor,
    ):
        seen = _last_run(cursor).id
        before = None
        while True:
            row = connection.execute("select billing.run_usage(%s)", [trigger]).fetchone()
            due = row[0] if row else 0
            last = _last_run(cursor)
            if last.id == seen:  # somebody else was at it
                result = RunResult(result.days, result.rows_changed, due, result.error)
            else:
                result = RunResult(
                    result.days + last.days,
                    result.rows_changed + last.rows_changed,
                    due,
                    last.error or "",
                )
            progress(result.days, result.days + due)
            if due in (0, before):
                return result
            seen, before = last.id, due


def _last_run(cursor: psycopg.Cursor[_LastRun]) -> _LastRun:
    last = cursor.execute(
        "select last_run_id as id, last_run_days as days,"
        " last_run_rows_changed as rows_changed, last_run_error as error"
        " from billing.usage_health"
    ).fetchone()
    assert last is not None  # noqa: S101 - the view has exactly one row
    return last


def read_settings(settings: Settings) -> list[Setting]:
    """Every setting with its value and meaning."""
    with (
        connect(settings.conninfo("operator")) as connection,
        connection.cursor(row_factory=class_row(Setting)) as cursor,
    ):
        return cursor.execute("select name, value, meaning from billing.read_settings()").fetchall()


def change_setting(settings: Settings, name: str, value: str | None) -> None:
    """Change one setting; the database says what is wrong with a bad value."""
    with connect(settings.conninfo("operator")) as connection:
        connection.execute("select billing.change_setting(%s, %s)", [name, value])


def bill_from(settings: Settings, day: date) -> None:
    """Let counting reach back to this day; never moves the start forward."""
    for setting in read_settings(settings):
        if setting.name == "billing_from" and setting.value and setting.value > day.isoformat():
            change_setting(settings, "billing_from", day.isoformat())
