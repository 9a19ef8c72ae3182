"""The entries that vouch for the numbers: a row per run, a row per day, and who holds a day."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors

from tests.past import (
    add_tenants,
    at,
    bill_from,
    break_days,
    day,
    last_run,
    nightly,
    rows,
    run,
    send,
    value,
)
from tests.server import Db


@pytest.fixture
def tenant(db: Db) -> Any:
    """A tenant with two SMS on day 1 and one on day 3."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, at(1), at(1), at(3))
    return tenant


@pytest.mark.usefixtures("tenant")
def test_every_run_leaves_a_row_whatever_triggered_it(db: Db) -> None:
    """Trigger, login, days, rows: also of a run that found nothing to write."""
    run(db, at(2), "shell script")  # nobody has done the night's work
    rows(db, "select run_usage('pg_cron', %s)", at(3), login="billing_aggregator")
    rows(db, "select aggregate_usage(%s)", day(1), login="billing_operator")
    nightly(db, at(3, "13:00"))
    assert rows(
        db,
        "select trigger, started_by, outcome, days_counted, rows_changed, source_rows, error"
        " from usage_runs order by id",
    ) == [
        ("shell script", "billing_operator", "succeeded", 2, 1, 2, None),
        ("nightly recount", "billing_operator", "succeeded", 1, 0, 2, None),
        ("pg_cron", "billing_aggregator", "succeeded", 2, 1, 1, None),
        ("nightly recount", "billing_aggregator", "succeeded", 2, 0, 2, None),
        ("manual", "billing_operator", "succeeded", 1, 0, 2, None),
        ("nightly", "billing_operator", "succeeded", 1, 0, 1, None),
        ("nightly recount", "billing_operator", "succeeded", 2, 0, 2, None),
    ]


@pytest.mark.usefixtures("tenant")
def test_a_run_says_as_of_when_and_how_long(db: Db) -> None:
    """R28: as_of as given; start and end by the database's clock."""
    before = value(db, "select clock_timestamp()")
    run(db, at(2))
    as_of, started_at, finished_at = last_run(db, "as_of, started_at, finished_at")
    assert as_of == at(2)
    assert before <= started_at <= finished_at <= value(db, "select clock_timestamp()")


@pytest.mark.usefixtures("tenant")
def test_the_row_keeps_the_first_ten_errors(db: Db) -> None:
    """Two thirds of the days fail: partial, with every failure counted and ten of them told."""
    for number in range(1, 25):
        send(db, rows(db, "select id from tenants")[0], at(number))
    break_days(db, f"new.usage_date > '{day(12)}'")
    run(db, at(24))
    outcome, counted, failed, error = last_run(db, "outcome, days_counted, days_failed, error")
    assert (outcome, counted, failed) == ("partial", 12, 12)
    assert error.splitlines() == [
        f"{day(number)}: broken on purpose (P0001)" for number in range(13, 23)
    ]


@pytest.mark.usefixtures("tenant")
def test_numbers_and_ledgers_share_a_transaction(db: Db) -> None:
    """R6: rolled back, neither is there; committed, both."""
    tables = ("billing_usage_daily", "usage_days", "usage_runs")
    sizes = "select " + ", ".join(f"(select count(*) from {table})" for table in tables)  # noqa: S608
    with db.connect("billing_operator", autocommit=False) as connection:
        connection.execute("select run_usage('test', %s)", [at(3)])
        connection.rollback()
    assert value(db, sizes) == (0, 0, 0)
    run(db, at(3))
    assert value(db, sizes) == (2, 3, 2)
    assert value(db, "select count(*) from usage_days join usage_runs on id = run_id") == 3


@pytest.mark.usefixtures("tenant")
def test_what_is_written_stays(db: Db) -> None:
    """Not even the role that counts may change the ledger of runs or take away days or numbers."""
    run(db, at(2))
    for statement in (
        "update data.usage_runs set outcome = 'succeeded'",
        "delete from data.usage_runs",
        "truncate data.usage_runs",
        "delete from data.usage_days",
        "delete from data.billing_usage_daily",
        "update data.usage_restatements set new_value = 0",
        "delete from data.usage_restatements",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            rows(db, statement, login="billing_aggregator")


@pytest.mark.usefixtures("tenant")
def test_counting_needs_a_fresh_snapshot_for_each_statement(db: Db) -> None:
    """R6: under REPEATABLE READ what was committed during a wait would be missed; refused."""
    for query in ("select run_usage('test')", "select aggregate_usage('2025-03-01')"):
        with (
            db.connect("billing_operator", autocommit=False) as connection,
            pytest.raises(errors.InvalidTransactionState, match="READ COMMITTED"),
        ):
            connection.execute("set transaction isolation level repeatable read")
            connection.execute(query.encode())


@pytest.mark.parametrize("held", [date(1970, 1, 1), date(2000, 1, 1), date(2025, 3, 1)])
def test_who_holds_a_day_is_known_by_run_and_backend(db: Db, held: date) -> None:
    """R6: a lock on a day names the run that has it, days before 2000 included."""
    describe = "select billing.describe_day_holder(%s)"
    with db.connect(autocommit=False) as other:
        row = other.execute("select begin_run(), lock_day(%s)", [held]).fetchone()
        assert row is not None
        assert value(db, describe, held) == f"run {row[0]} (backend {other.info.backend_pid})"
        assert value(db, describe, date(2025, 3, 2)) == "another transaction"
        assert value(db, "select try_lock_day(%s)", held) is False
    assert value(db, "select try_lock_day(%s)", held) is True


DISAGREEING = """
    select usage_date
    from usage_days as u
    left join billing_usage_daily as d using (usage_date)
    group by u.usage_date
    having (u.counted_rows, u.pending_rows, u.not_counted_rows, u.test_rows, u.unclassified_rows,
            u.estimated_rows)
        is distinct from (
            coalesce(sum(d.counted_rows), 0), coalesce(sum(d.pending_rows), 0),
            coalesce(sum(d.not_counted_rows), 0), coalesce(sum(d.test_rows), 0),
            coalesce(sum(d.unclassified_rows), 0), coalesce(sum(d.estimated_rows), 0))
    """
DEEDS: dict[str, Callable[[Db, int, Any], object]] = {
    "send": lambda db, number, tenant: send(db, tenant, at(number)),
    "queue": lambda db, number, tenant: send(db, tenant, at(number), status="queued"),
    "misname": lambda db, number, tenant: send(db, tenant, at(number), status="?"),
    "deliver": lambda db, _, tenant: rows(
        db, "update messages set status = 'delivered' where tenant_id = %s", tenant
    ),
    "delete": lambda db, number, tenant: rows(
        db, "delete from messages where tenant_id = %s and occurred_at = %s", tenant, at(number)
    ),
    "run": lambda db, number, _: run(db, at(number)),
    "nightly": lambda db, number, _: nightly(db, at(number)),
    "count day": lambda db, number, _: rows(db, "select aggregate_usage(%s)", day(number)),
    "count tenant": lambda db, number, tenant: rows(
        db, "select aggregate_tenant_usage(%s, %s, %s)", tenant, day(number), day(number + 1)
    ),
}


@pytest.mark.ours
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(DEEDS)), st.integers(1, 4), st.integers(0, 2)), max_size=12
    )
)
def test_the_day_ledger_is_the_sum_of_the_daily_rows(
    module_db: Db, deeds: list[tuple[str, int, int]]
) -> None:
    """R10: after whatever was written and counted, in whatever order and by whatever way."""
    db = module_db
    bill_from(db)
    for table in ("messages", "late_day_markers", "usage_days", "billing_usage_daily", "tenants"):
        rows(db, f"delete from {table}")  # noqa: S608
    tenants = add_tenants(db, 3)
    for deed, number, which in deeds:
        DEEDS[deed](db, number, tenants[which])
        assert rows(db, DISAGREEING) == []
    assert run(db, at(4)) == 0
    assert rows(db, DISAGREEING) == []
    counted = value(db, "select coalesce(sum(source_rows), 0) from usage_days")
    assert counted == value(db, "select count(*) from messages")
