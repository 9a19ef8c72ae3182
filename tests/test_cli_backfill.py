"""`billing aggregate --jobs N`: the same numbers, several days at a time, and each day whole."""

from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import errors as pg

from app import backfill
from tests.command_line import billing_on
from tests.past import add_tenants, at, bill_from, break_days, day, numbers, rows, send, value
from tests.server import Db

DAYS = 12


@pytest.fixture
def tenants(db: Db) -> list[Any]:
    """Three tenants with one to three SMS on each of twelve days."""
    bill_from(db)
    tenants = add_tenants(db, 3)
    for number, tenant in enumerate(tenants, 1):
        send(db, tenant, *(at(n, f"0{hour}:00") for n in range(1, 13) for hour in range(number)))
    return tenants


def test_every_day_is_counted_once(db: Db, tenants: list[Any]) -> None:
    done = billing_on(db, "aggregate", day(1), day(DAYS), "--jobs", 4)
    assert done.exit_code == 0, done.output
    assert done.stdout == "12 days counted, 36 rows changed.\n"
    assert numbers(db) == {
        (tenant, day(n)): number for number, tenant in enumerate(tenants, 1) for n in range(1, 13)
    }
    assert value(db, "select count(*), sum(days_counted) from usage_runs") == (DAYS, DAYS)
    again = billing_on(db, "aggregate", day(1), day(DAYS), "--jobs", 4)
    assert again.stdout == "12 days counted, 0 rows changed.\n"


def test_days_are_counted_at_the_same_time(db: Db, tenants: list[Any]) -> None:
    """One session waits for a day that somebody holds; the other does all the others."""
    del tenants
    finished: list[int] = []
    with psycopg.connect(db.conninfo()) as holder:
        holder.execute("select billing.lock_day(%s)", [day(1)])

        def progress(done: int) -> None:
            finished.append(done)
            if done == DAYS - 1:
                assert set(counted(db)) == {day(n) for n in range(2, DAYS + 1)}
                holder.rollback()

        backfill.aggregate(db.settings(), day(1), day(DAYS + 1), None, progress, jobs=2)
    assert finished == list(range(1, DAYS + 1))
    assert len(counted(db)) == DAYS


def test_an_error_ends_it_and_keeps_what_is_done(db: Db, tenants: list[Any]) -> None:
    del tenants
    break_days(db, f"new.usage_date = '{day(6)}'")
    done = billing_on(db, "aggregate", day(1), day(DAYS), "--jobs", 2)
    assert (done.exit_code, done.stdout) == (3, "")
    assert "broken on purpose" in done.stderr
    assert set(counted(db)) >= {day(n) for n in range(1, 5)}
    assert day(6) not in counted(db)
    assert day(DAYS) not in counted(db)


def test_a_bad_range_is_refused_before_anything(db: Db, tenants: list[Any]) -> None:
    del tenants
    with pytest.raises(pg.DatetimeFieldOverflow):
        backfill.aggregate(db.settings(), day(1), date(2999, 1, 1), None, lambda _: None, jobs=2)
    assert counted(db) == []


def counted(db: Db) -> list[date]:
    return rows(db, "select usage_date from usage_days where counted_at is not null")
