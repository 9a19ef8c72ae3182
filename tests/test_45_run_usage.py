"""What is due, in what order, within what bounds, and as of when."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from tests.past import (
    add_tenants,
    at,
    bill_from,
    break_days,
    day,
    last_run,
    nightly,
    numbers,
    rows,
    run,
    send,
    states,
    value,
    versions,
)
from tests.server import Db


@pytest.fixture(autouse=True)
def tenant(db: Db) -> Iterator[Any]:
    """Billing starts on day 1, with one tenant."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    return tenant


def test_every_day_since_the_start_is_due(db: Db, tenant: Any) -> None:
    """R5, R22: days before today are complete, today is open; a quiet day is counted, too."""
    send(db, tenant, at(1), at(3), at(3, "23:59:59.999999"), at(4, "00:00"))
    assert run(db, at(4)) == 0
    assert states(db, day(5)) == ["complete", "complete", "complete", "open", "missing"]
    assert numbers(db) == {(tenant, day(1)): 1, (tenant, day(3)): 2, (tenant, day(4)): 1}


def test_a_second_run_writes_nothing(db: Db, tenant: Any) -> None:
    """R1: not one daily row is written again, and the ledger says 0."""
    send(db, tenant, at(1), at(2), at(3))
    run(db, at(3))
    before = versions(db)
    assert run(db, at(3, "12:05")) == 0
    assert last_run(db, "days_counted, rows_changed") == (1, 0)
    assert versions(db) == before


def test_thirty_days_a_call_oldest_first_but_today_always(db: Db) -> None:
    """R5, R23: 40 due days take two calls; the last of the 30 days is today."""
    assert run(db, at(40)) == 10
    assert last_run(db, "days_counted") == 30
    assert states(db, day(40)) == ["complete"] * 29 + ["missing"] * 10 + ["open"]
    assert run(db, at(40, "12:05")) == 0
    assert last_run(db, "days_counted") == 11
    assert states(db, day(40)) == ["complete"] * 39 + ["open"]


def test_the_time_of_a_call_is_bounded(db: Db) -> None:
    """60 s, or half the statement timeout; when the time is up, today is still counted."""
    with db.connect() as connection:

        def seconds_left() -> float:
            row = connection.execute(
                "select extract(epoch from billing.run_deadline('60 s') - clock_timestamp())::float"
            ).fetchone()
            return row[0] if row else 0.0

        assert 55 < seconds_left() <= 60
        connection.execute("set statement_timeout = '20 s'")
        assert 5 < seconds_left() <= 10
        with connection.transaction():
            connection.execute("set constraints all deferred")
            counted = connection.execute(
                "select counted, days_left from billing.count_days("
                "billing.begin_run(), %s, %s, '{t,t,t}', clock_timestamp())",
                [at(3), [day(1), day(2), day(3)]],
            ).fetchone()
            connection.execute(
                "insert into data.usage_runs (id, as_of, started_at, finished_at, rows_changed,"
                " source_rows, days_counted, days_failed, trigger, started_by, outcome) values"
                " (currval('data.usage_runs_id_seq'), now(), now(), now(), 0, 0, 1, 0, 'test', '',"
                " 'succeeded')"
            )
        assert counted == ([day(3)], 2)
    assert states(db, day(3)) == ["missing", "missing", "open"]


def test_as_of_decides_which_days_are_due(db: Db, tenant: Any) -> None:
    """R28: the day of the as-of is today; a due day is counted whole, later facts included."""
    send(db, tenant, at(1), at(2, "18:00"), at(3))
    assert run(db, at(2)) == 0
    assert states(db, day(3)) == ["complete", "open", "missing"]
    assert numbers(db) == {(tenant, day(1)): 1, (tenant, day(2)): 1}


def test_an_earlier_as_of_never_reopens_a_day(db: Db) -> None:
    """R28: not even a day that is counted whole again because of very many late tenants."""
    run(db, at(4))
    entries = "select usage_date, counted_at from usage_days order by 1"
    before = rows(db, entries)
    rows(
        db,
        "insert into late_day_markers select gen_random_uuid(), %s from generate_series(1, 201)",
        day(2),
    )
    assert run(db, at(2)) == 0
    assert last_run(db, "days_counted") == 1
    assert rows(db, entries) == before


def test_an_early_run_and_the_nightly_run_agree(db: Db, tenant: Any) -> None:
    """R4: five minutes after midnight or at 04:00, the numbers are the same."""
    send(db, tenant, at(1), at(1, "23:59:59.999999"), at(2, "00:00"))
    run(db, at(2, "00:05"))
    early = numbers(db)
    assert nightly(db, at(2, "04:00")) == 0
    assert numbers(db) == early == {(tenant, day(1)): 2, (tenant, day(2)): 1}
    assert rows(db, "select state, first_complete_at from usage_days order by usage_date") == [
        ("complete", at(2, "04:00")),
        ("open", None),
    ]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns", "Pacific/Kiritimati"])
def test_the_session_time_zone_changes_nothing(db: Db, tenant: Any, zone: str) -> None:
    """R8: days begin at 00:00 UTC, also around a change to daylight saving time."""
    send(db, tenant, at(9, "00:00"), at(9, "23:59:59.999999"), at(10, "00:00"))
    with db.connect("billing_operator") as connection:
        connection.execute("select set_config('timezone', %s, false)", [zone])
        connection.execute("select run_usage('test', %s)", [at(10, "00:00")])
    assert states(db, day(10)) == ["complete"] * 9 + ["open"]
    assert numbers(db) == {(tenant, day(9)): 2, (tenant, day(10)): 1}


def test_absurd_timestamps_make_no_day_due(db: Db, tenant: Any) -> None:
    """R32: nothing outside [billing_from, today] becomes due, whatever is dated there."""
    send(db, tenant, datetime(1970, 1, 1, tzinfo=UTC), at(0), datetime(2999, 1, 1, tzinfo=UTC))
    assert (run(db, at(2)), numbers(db)) == (0, {})
    assert rows(db, "select usage_date from usage_days order by 1") == [day(1), day(2)]


def test_a_day_before_billing_that_was_counted_is_kept_right(db: Db, tenant: Any) -> None:
    """R3, R5: by hand, or because billing_from has moved: late facts and the night find it."""
    rows(db, "select aggregate_usage(%s)", day(0), login="billing_operator")
    run(db, at(1))
    bill_from(db, day(2))
    send(db, tenant, at(0), at(1))
    assert run(db, at(2)) == 0
    assert numbers(db) == {(tenant, day(0)): 1, (tenant, day(1)): 1}
    entries = "select usage_date, state, first_complete_at from usage_days order by 1"
    assert rows(db, entries) == [
        (day(0), "complete", at(1)),
        (day(1), "complete", at(2)),
        (day(2), "open", None),
    ]
    send(db, tenant, at(0))
    assert nightly(db, at(2, "13:00")) == 0
    assert numbers(db) == {(tenant, day(0)): 2, (tenant, day(1)): 1}
    assert rows(db, "select verify_usage(%s, %s)", day(0), day(2), login="billing_operator") == []


def test_bad_input_changes_nothing(db: Db) -> None:
    """R28: the future is 22008, what is no instant and no trigger 22023."""
    for trigger, as_of, sqlstate in [
        ("test", "now() + interval '1 hour'", "22008"),
        ("test", "'infinity'", "22008"),
        ("test", "'-infinity'", "22023"),
        ("test", "null", "22023"),
        ("", "now()", "22023"),
        (" ", "now()", "22023"),
        (None, "now()", "22023"),
    ]:
        with pytest.raises(psycopg.Error) as caught:
            rows(db, f"select run_usage(%s, {as_of})", trigger, login="billing_operator")
        assert caught.value.sqlstate == sqlstate
    assert value(db, "select count(*) from usage_runs") == 0
    assert value(db, "select count(*) from usage_days") == 0


def test_an_overlapping_run_returns_at_once(db: Db) -> None:
    """R6: it counts nothing, says what is due and leaves no row in the ledger."""
    with db.connect("billing_operator", autocommit=False) as other:
        other.execute("select run_usage('other', %s)", [at(3)])
        assert run(db, at(3)) == 3
    assert rows(db, "select trigger from usage_runs where not is_nightly") == ["other"]
    assert run(db, at(3)) == 0


def test_a_day_that_somebody_counts_is_left_and_named(db: Db) -> None:
    """R6: the notice names the run that has the day; the other days are counted."""
    notices: list[str] = []
    with db.connect("billing_operator", autocommit=False) as other:
        other.execute("select aggregate_usage(%s)", [day(2)])
        with db.connect("billing_operator") as mine:
            mine.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
            row = mine.execute("select run_usage('test', %s)", [at(3)]).fetchone()
        pid = other.info.backend_pid
    assert row == (1,)
    (its_run,) = rows(db, "select id from usage_runs where trigger = 'manual'")
    assert notices == [
        f"day {day(2)} is being counted by run {its_run} (backend {pid}); left for the next run"
    ]
    assert run(db, at(3)) == 0
    assert states(db, day(3)) == ["complete", "complete", "open"]


def test_the_calendar_tells_every_state_apart(db: Db, tenant: Any) -> None:
    """R22, R23: only a counted day has figures; 0, open, failed and missing are not the same."""
    send(db, tenant, at(1), at(3))
    run(db, at(2))
    break_days(db, "true")
    assert run(db, at(3)) == 1
    assert rows(
        db,
        "select date, state, sms_outbound_count from usage_daily"
        " where tenant_id = %s and date between %s and %s order by date",
        tenant,
        day(0),
        day(4),
    ) == [
        (day(0), "before_start", None),
        (day(1), "complete", 1),
        (day(2), "complete", 0),
        (day(3), "failed", None),
        (day(4), "missing", None),
    ]
