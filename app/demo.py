"""Demo data: believable tenants and their use, the same for a seed whenever they are loaded.

What they are like is said in demo_tenants.sql, how busy their days are in demo_calendar.sql, what
a day looks like in demo_day.sql.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from app.connecting import connect
from app.errors import REFUSED, Problem

# the first says why not, the second adds the tenants, the third says which days to load, the fourth
# loads one
REFUSAL_SQL = Path(__file__).with_name("demo_refusal.sql").read_bytes()
TENANTS_SQL = Path(__file__).with_name("demo_tenants.sql").read_bytes()
CALENDAR_SQL = Path(__file__).with_name("demo_calendar.sql").read_bytes()
DAY_SQL = Path(__file__).with_name("demo_day.sql").read_bytes()


@dataclass(frozen=True)
class DemoResult:
    tenants: int
    first_day: date
    last_day: date
    rows_inserted: int


def load_demo(
    conninfo: str,
    *,
    tenants: int = 40,
    days: int = 120,
    events: int | None = None,
    seed: int = 1,
    progress: Callable[[int, int, int], None] | None = None,
    today: date | None = None,
) -> DemoResult:
    """Load what is missing up to today, as billing_ingest; a second call adds what came since.

    A day is a transaction: interrupted, the next call goes on where it stopped. The first load
    fixes the first day; afterwards days has no effect. events is the number of rows in the range,
    those that today still brings included; by default what the tenants produce by themselves.
    progress hears (days done, days, rows). ValueError when a wish is out of range; Problem, and
    nothing is loaded, where the tenants or the tables that are counted are somebody's own.
    """
    _require(tenants, 1, 100_000, "tenants")
    _require(days, 1, 3_660, "days")
    if events is not None:
        _require(events, 1, 100_000_000, "events")
    _require(seed, -(2**63), 2**63 - 1, "seed")

    asked = {
        "seed": seed,
        "tenants": tenants,
        "days": days,
        "events": events,
        "today": today and str(today),
    }
    with connect(conninfo, autocommit=True) as connection:
        # compiling costs more than these statements; what a crash takes is loaded again
        connection.execute("set jit = off")
        connection.execute("set synchronous_commit = off")
        [(refusal,)] = _run(connection, REFUSAL_SQL, asked=asked)
        if refusal is not None:
            raise Problem(refusal, REFUSED)
        [(first_day, first_end, last_day, profiles)] = _run(connection, TENANTS_SQL, asked=asked)
        asked |= {"first_day": str(first_day), "first_end": str(first_end)}
        asked |= {"last_day": str(last_day)}
        calendar = _run(connection, CALENDAR_SQL, asked=asked, tenants=profiles)
        rows = 0
        for done, (day,) in enumerate(calendar, start=1):
            [(inserted,)] = _run(connection, DAY_SQL, day=day)
            rows += inserted
            if progress is not None:
                progress(done, len(calendar), rows)
    return DemoResult(tenants, first_day, last_day, rows)


def _require(value: int, low: int, high: int, name: str) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low:,} and {high:,}, not {value:,}.")


def _run(connection: psycopg.Connection, statement: bytes, **settings: Any) -> list[Any]:
    """The rows of a statement that reads these settings, demo.asked and so on, as JSON."""
    for name, value in settings.items():
        connection.execute("select set_config(%s, %s, false)", [f"demo.{name}", json.dumps(value)])
    return connection.execute(statement).fetchall()
