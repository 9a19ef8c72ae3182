"""Timeouts and locks: a run ends in time by itself, and what is not the day's fault is raised."""

from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.past import (
    add_tenants,
    at,
    bill_from,
    break_days,
    day,
    mend_days,
    numbers,
    rows,
    run,
    send,
    slow_down,
    states,
    value,
)
from tests.server import Db


@pytest.fixture(autouse=True)
def tenant(db: Db) -> Any:
    """One tenant with an SMS on each of 90 days, none of them counted."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, *[at(number) for number in range(1, 91)])
    return tenant


@pytest.mark.parametrize("sqlstate", ["40P01", "55P03", "57014"])
def test_what_says_nothing_about_the_day_is_raised(db: Db, sqlstate: str) -> None:
    """Deadlock, lock timeout and cancel: no day is booked as failed, nothing is half done."""
    break_days(db, f"new.usage_date = '{day(2)}'", sqlstate)
    with pytest.raises(psycopg.Error) as caught:
        run(db, at(3))
    assert caught.value.sqlstate == sqlstate
    assert states(db, day(3)) == ["missing"] * 3
    assert value(db, "select count(*) from usage_runs") == 0
    mend_days(db)
    assert run(db, at(3)) == 0


def test_a_row_that_is_locked_elsewhere_ends_the_run(db: Db, tenant: Any) -> None:
    """lock_timeout, as a migration or a careless session causes it."""
    run(db, at(2))
    send(db, tenant, at(1, "13:00"))
    with db.connect(autocommit=False) as other, db.connect("billing_operator") as mine:
        other.execute("select from billing_usage_daily for update")
        mine.execute("set lock_timeout = '100ms'")
        with pytest.raises(errors.LockNotAvailable):
            mine.execute("select run_usage('test', %s)", [at(2, "13:00")])
    assert value(db, "select count(last_error) from usage_days") == 0
    assert run(db, at(2, "13:00")) == 0
    assert numbers(db)[tenant, day(1)] == 2


def test_a_statement_timeout_keeps_the_finished_days(db: Db) -> None:
    """90 days that no single call could finish: no call fails, every call brings some forward."""
    slow_down(db, 0.045)
    due = [90]
    with db.connect("billing_operator") as connection:
        connection.execute("set statement_timeout = '1200ms'")
        while due[-1]:
            row = connection.execute("select run_usage('test', %s)", [at(90)]).fetchone()
            assert row is not None and row[0] < due[-1]
            due.append(row[0])
    assert len(due) > 4
    assert states(db, day(90)) == ["complete"] * 89 + ["open"]


def test_the_night_ends_within_the_statement_timeout(db: Db) -> None:
    """Catch-up and recount share what time there is; one after the other they would not fit."""
    rows(db, "update settings set nightly_window_days = 29")
    rows(db, "select aggregate_usage(%s, %s)", day(60), day(90), login="billing_operator")
    slow_down(db, 0.045)
    with db.connect("billing_operator") as connection:
        connection.execute("set statement_timeout = '1200ms'")
        connection.execute("select run_nightly(%s)", [at(90)])
    assert rows(db, "select distinct trigger from usage_runs order by 1") == [
        "manual",
        "nightly",
        "nightly recount",
    ]


def test_failing_days_do_not_use_up_the_time(db: Db) -> None:
    """R5: what failed before comes last, so days that take long to fail hold nobody up."""
    break_days(db, f"new.usage_date <= '{day(15)}'")
    slow_down(db, 0.05)
    with db.connect("billing_operator") as connection:
        connection.execute("set statement_timeout = '1 s'")
        for _ in range(30):
            row = connection.execute("select run_usage('test', %s)", [at(22)]).fetchone()
            if row == (15,):
                break
    assert states(db, day(22)) == ["failed"] * 15 + ["complete"] * 6 + ["open"]
