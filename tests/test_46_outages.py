"""What goes wrong stays small: the rest is kept, the trouble is on record, and it heals."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from psycopg import errors

from app import backfill
from tests.past import (
    add_tenants,
    at,
    bill_from,
    break_days,
    day,
    last_run,
    mend_days,
    nightly,
    numbers,
    rows,
    run,
    send,
    slow_down,
    states,
    value,
    versions,
)
from tests.server import Db


@pytest.fixture(autouse=True)
def tenant(db: Db) -> Any:
    """One tenant with an SMS on each of 90 days, none of them counted."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, *[at(number) for number in range(1, 91)])
    return tenant


def errors_of_days(db: Db) -> list[Any]:
    query = "select usage_date, last_error from usage_days where last_error is not null order by 1"
    return rows(db, query)


def test_a_failing_day_does_not_stop_the_others(db: Db, tenant: Any) -> None:
    """R5: days 1 and 3 are kept, day 2 is on record and counted once its cause is gone."""
    break_days(db, f"new.usage_date = '{day(2)}'")
    assert run(db, at(4)) == 1
    assert states(db, day(4)) == ["complete", "failed", "complete", "open"]
    assert errors_of_days(db) == [(day(2), "broken on purpose (P0001)")]
    assert last_run(db, "outcome, days_counted, days_failed, error") == (
        "partial",
        3,
        1,
        f"{day(2)}: broken on purpose (P0001)",
    )
    assert value(db, "select count(*) > 0 from late_day_markers where usage_date = %s", day(2))
    mend_days(db)
    assert run(db, at(4, "12:05")) == 0
    assert states(db, day(4)) == ["complete"] * 3 + ["open"]
    assert errors_of_days(db) == []
    assert numbers(db) == {(tenant, day(number)): 1 for number in (1, 2, 3, 4)}


@pytest.mark.parametrize("how", ["late fact", "nightly recount"])
def test_a_failed_recount_keeps_number_and_state(db: Db, tenant: Any, how: str) -> None:
    """R5: a counted day stays as it was, is tried again by every run, and heals."""
    run(db, at(3))
    send(db, tenant, at(1, "13:00"))
    if how == "nightly recount":
        rows(db, "delete from late_day_markers")
    break_days(db, f"new.usage_date = '{day(1)}'")
    nightly(db, at(3, "13:00"))
    assert run(db, at(3, "13:05")) == 1
    assert states(db, day(1)) == ["complete"]
    assert numbers(db)[tenant, day(1)] == 1
    assert errors_of_days(db) == [(day(1), "broken on purpose (P0001)")]
    mend_days(db)
    assert run(db, at(3, "13:10")) == 0
    assert numbers(db)[tenant, day(1)] == 2
    assert errors_of_days(db) == []


def test_many_failing_days_do_not_starve_the_others(db: Db) -> None:
    """R5: 40 old days fail for ever, and still every other day is counted in two calls."""
    break_days(db, f"new.usage_date <= '{day(40)}'")
    assert [run(db, at(80)), run(db, at(80, "12:05"))] == [50, 40]
    assert states(db, day(80)) == ["failed"] * 40 + ["complete"] * 39 + ["open"]
    assert last_run(db, "outcome, days_counted, days_failed") == ("partial", 11, 40)


def test_a_run_in_which_all_fails_is_a_failed_run(db: Db) -> None:
    """Ten errors say it all; the eleventh is only counted."""
    break_days(db, "true")
    assert run(db, at(11)) == 11
    outcome, failed, error = last_run(db, "outcome, days_failed, error")
    assert (outcome, failed, error.count("\n")) == ("failed", 11, 9)


@pytest.mark.parametrize(
    ("end", "error"),
    [("cancel", errors.QueryCanceled), ("terminate", errors.AdminShutdown)],
)
def test_an_interrupted_run_leaves_nothing(db: Db, end: str, error: type[Exception]) -> None:
    """A day is complete or absent; the next run does what is left."""
    slow_down(db, 0.2)
    with db.connect("billing_operator") as mine:
        pid = mine.info.backend_pid
        stopper = threading.Timer(0.5, rows, [db, f"select pg_{end}_backend(%s)", pid])
        stopper.start()
        with pytest.raises(error):
            mine.execute("select run_usage('test', %s)", [at(20)])
        stopper.join()
    assert states(db, day(20)) == ["missing"] * 20
    assert value(db, "select count(*) from usage_runs") == 0
    rows(db, "drop function public.slow_down() cascade")
    assert run(db, at(20)) == 0


def test_two_weeks_without_a_scheduler(db: Db, tenant: Any) -> None:
    """R5: cut at 23:55, day 3 had been counted at 23:50; what came later is found all the same."""
    assert run(db, at(3, "23:50")) == 0
    send(db, tenant, at(3, "23:54"), at(3, "23:58"))
    rows(db, "delete from late_day_markers")  # it was today: rows of today leave none
    ticks = [run(db, at(17, "08:00") + timedelta(minutes=5 * tick)) for tick in range(3)]
    assert ticks == [0, 0, 0]
    assert states(db, day(17)) == ["complete"] * 16 + ["open"]
    expected = {(tenant, day(number)): 1 for number in range(1, 18)}
    assert numbers(db) == expected | {(tenant, day(3)): 3}


def test_an_interrupted_back_fill_keeps_its_days(db: Db, tenant: Any) -> None:
    """`billing aggregate` commits each day; what it has said is done is done."""

    class Interrupted(Exception):
        pass

    def interrupt(done: int) -> None:
        if done == 4:
            raise Interrupted

    with pytest.raises(Interrupted):
        backfill.aggregate(db.settings(), day(1), day(91), None, interrupt)
    told = {(tenant, day(number)): 1 for number in (1, 2, 3, 4)}
    assert told.items() <= numbers(db).items()
    kept = len(numbers(db))  # it may have been at the next day already
    assert kept < 90
    assert states(db, day(kept + 1)) == ["complete"] * kept + ["missing"]
    before = versions(db)
    assert backfill.aggregate(db.settings(), day(1), day(91), None, lambda _: None) == 90 - kept
    assert before.items() <= versions(db).items()
