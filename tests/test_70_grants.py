"""What each login may do, tried through the real logins: this much, and no more."""

from collections.abc import Iterable
from typing import Any

import pytest
from psycopg import errors

from tests.past import add_tenants, at, bill_from, day, rows, run, send, value
from tests.server import Db

# what a writer of facts may change later, once a provider tells
MUTABLE = {
    "messages": {"status", "num_segments"},
    "calls": {"status", "duration_seconds"},
    "emails": {"status", "recipient_count"},
    "ai_requests": {"status"},
    "tenants": {"name", "status", "plan_code"},
}
UPSERTS = {
    "messages": (
        "insert into messages as o (tenant_id, occurred_at, provider_id, channel, direction,"
        " status, num_segments) values (%s, '2025-03-01', 'P1', 'sms', 'outbound', %s, 2)"
        " on conflict (tenant_id, provider_id) do update"
        " set status = excluded.status, num_segments = excluded.num_segments"
    ),
    "calls": (
        "insert into calls (tenant_id, occurred_at, provider_id, direction, status,"
        " duration_seconds) values (%s, '2025-03-01', 'P1', 'inbound', %s, 61)"
        " on conflict (tenant_id, provider_id) do update"
        " set status = excluded.status, duration_seconds = excluded.duration_seconds"
    ),
    "emails": (
        "insert into emails (tenant_id, occurred_at, provider_id, status, recipient_count)"
        " values (%s, '2025-03-01', 'P1', %s, 3)"
        " on conflict (tenant_id, provider_id) do update"
        " set status = excluded.status, recipient_count = excluded.recipient_count"
    ),
    "ai_requests": (
        "insert into ai_requests (tenant_id, occurred_at, provider_id, feature, status)"
        " values (%s, '2025-03-01', 'P1', 'sms_ai', %s)"
        " on conflict (tenant_id, provider_id) do update set status = excluded.status"
    ),
}
COUNTING = (
    "aggregate_usage(date '2025-03-01')",
    "aggregate_usage(date '2025-03-01', date '2025-03-02')",
    "aggregate_tenant_usage(gen_random_uuid(), date '2025-03-01', date '2025-03-02')",
    "run_usage('test')",
    "run_nightly()",
    "change_setting('stale_after_hours', '5')",
)
INNER = (
    "write_day(date '2025-03-01', null, now(), 1)",
    "aggregate_days(date '2025-03-01', date '2025-03-02', null)",
    "count_usage(date '2025-03-01')",
    "count_days(1, now(), '{}', '{}', now())",
    "begin_run()",
    "lock_day(date '2025-03-01')",
    "record_failed_day(date '2025-03-01', 1, 'no')",
    "schedule_jobs()",
)
LEDGERS = (
    "billing_usage_daily",
    "usage_days",
    "usage_runs",
    "usage_restatements",
    "late_day_markers",
    "releases",
    "applied_migrations",
)
IDENTITY = ("users", "sessions", "sign_in_attempts", "known_devices", "audit_events")
SOURCES = ("messages", "calls", "emails", "ai_requests")


def each(statement: str, names: Iterable[str]) -> list[str]:
    return [statement.format(name) for name in names]


def refused(db: Db, login: str, *statements: str) -> None:
    with db.connect(login) as connection:
        connection.execute("set default_transaction_read_only = off")
        for statement in statements:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())


@pytest.mark.parametrize("table", UPSERTS)
def test_ingest_upserts_and_never_adds(db: Db, table: str) -> None:
    """R16: whatever a provider repeats or corrects, it is one row."""
    (tenant,) = add_tenants(db, 1)
    for status in ("queued", "delivered", "delivered"):
        rows(db, UPSERTS[table], tenant, status, login="billing_ingest")
    assert value(db, f"select tenant_id, status from data.{table}") == (tenant, "delivered")  # noqa: S608
    assert value(db, "select count(*) > 0 from data.late_day_markers") is True


@pytest.mark.parametrize("table", MUTABLE)
def test_what_a_fact_is_cannot_be_changed(module_db: Db, table: str) -> None:
    """Whose it is, when it was, what it was: the first fact stays."""
    columns = rows(
        module_db,
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0",
        f"data.{table}",
    )
    for column, of_type in columns:
        statement = f"update data.{table} set {column} = null::{of_type} where false"  # noqa: S608
        if column in MUTABLE[table]:
            rows(module_db, statement, login="billing_ingest")
        else:
            refused(module_db, "billing_ingest", statement)
    assert MUTABLE[table] < {column for column, _ in columns}


def test_ingest_takes_nothing_away_and_reads_no_numbers(module_db: Db) -> None:
    refused(
        module_db,
        "billing_ingest",
        *each("delete from data.{}", MUTABLE),
        *each("truncate data.{}", MUTABLE),
        *each("select from data.{}", (*LEDGERS, *IDENTITY, "settings")),
        "insert into data.late_day_markers values (gen_random_uuid(), '2025-03-01')",
        "insert into data.plans select * from data.plans",
        "select from billing.tenant_usage",
        "select from billing.usage_source",
    )


@pytest.mark.parametrize(
    "login", ["billing_tenant", "billing_root", "billing_auth", "billing_ingest"]
)
def test_only_the_operator_counts(module_db: Db, login: str) -> None:
    refused(module_db, login, *(f"select billing.{call}" for call in COUNTING))


@pytest.mark.parametrize(
    "login",
    ["billing_tenant", "billing_root", "billing_auth", "billing_ingest", "billing_operator"],
)
def test_what_counting_is_made_of_is_nobodys_to_call(module_db: Db, login: str) -> None:
    refused(module_db, login, *(f"select billing.{call}" for call in INNER))


def test_the_operator_counts_and_touches_no_table(db: Db) -> None:
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, at(1))
    assert run(db, at(2)) == 0
    login = "billing_operator"
    assert value(db, "select aggregate_usage(%s)", day(1), login=login) == 0
    assert value(db, "select complete_through from usage_health", login=login) == day(1)
    tables = (*SOURCES, *LEDGERS, *IDENTITY, "tenants", "plans", "settings")
    refused(
        db,
        login,
        *each("select from data.{}", tables),
        *each("delete from data.{}", tables),
        "select from billing.tenant_usage",
        "select from billing.usage_daily",
        "select from billing.usage_source",
        f"select from billing.count_usage('{day(1)}')",
    )


def test_signing_in_reads_no_view_and_no_table(module_db: Db) -> None:
    views = rows(module_db, "select viewname from pg_views where schemaname = 'billing'")
    tables = rows(module_db, "select tablename from pg_tables where schemaname = 'data'")
    refused(module_db, "billing_auth", *(f"select from billing.{view}" for view in views))
    refused(module_db, "billing_auth", *(f"select from data.{table}" for table in tables))


def test_counting_appends_to_its_ledgers_and_takes_nothing_back(module_db: Db) -> None:
    """Whoever gets hold of the counting role cannot rewrite facts or history."""
    refused(
        module_db,
        "billing_aggregator",
        *each("update data.{} set tenant_id = null", SOURCES),
        *each("delete from data.{}", ("tenants", "plans")),  # of facts: test_49_retention.py
        *each("delete from data.{}", set(LEDGERS) - {"late_day_markers"}),
        "update data.usage_runs set error = null",
        "update data.usage_restatements set new_value = 0",
        "update data.late_day_markers set usage_date = null",
        *each("select from data.{}", IDENTITY),
    )


def test_new_functions_are_nobodys_until_70_says_so(module_db: Db) -> None:
    """The default of PostgreSQL is that everybody may execute them."""
    granted: Any = rows(
        module_db,
        "select p.oid::regprocedure from pg_proc as p, aclexplode(p.proacl) as a"
        " where p.pronamespace = 'billing'::regnamespace and a.grantee = 0"
        " union all select p.oid::regprocedure from pg_proc as p"
        " where p.pronamespace = 'billing'::regnamespace and p.proacl is null",
    )
    assert granted == []
