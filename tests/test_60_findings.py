"""Every rule of billing.findings: silent on a sound database, loud while it is broken."""

import re
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from app.settings import ROOT
from tests.metric_rules import METRIC_BREAKS
from tests.role_rules import ROLE_BREAKS, Break, granting
from tests.server import Db

# rule, what breaks it, what mends it
BREAKS: list[Break] = [
    *ROLE_BREAKS,
    granting("granted_to_public", "select on billing.metrics", "public"),
    granting("granted_to_public", "execute on function billing.run_nightly(timestamptz)", "public"),
    (
        "row_security_off",
        "alter table data.messages no force row level security",
        "alter table data.messages force row level security",
    ),
    (
        "row_security_off",
        "alter table data.tenants disable row level security",
        "alter table data.tenants enable row level security",
    ),
    (
        "day_held_open",
        "select pg_advisory_lock_shared(770038, billing.utc_day(now()) - date '2000-01-02')",
        "select pg_advisory_unlock_shared(770038, billing.utc_day(now()) - date '2000-01-02')",
    ),
    (
        "table_without_policy",
        "drop policy aggregator_takes_markers on data.late_day_markers",
        "create policy aggregator_takes_markers on data.late_day_markers"
        " for all to billing_aggregator using (true) with check (true)",
    ),
    (
        "policy_for_everybody",
        "create policy open_house on data.calls using (true)",
        "drop policy open_house on data.calls",
    ),
    (
        "view_runs_as_owner",
        "alter view billing.tenant_usage reset (security_invoker)",
        "alter view billing.tenant_usage set (security_invoker = true)",
    ),
    (
        "materialized_view",
        "create materialized view data.frozen as select 1 as one",
        "drop materialized view data.frozen",
    ),
    (
        "leakproof_function",
        "alter function billing.utc_day(timestamptz) leakproof",
        "alter function billing.utc_day(timestamptz) not leakproof",
    ),
    (
        "definer_without_search_path",
        "alter function billing.run_nightly(timestamptz) reset search_path",
        "alter function billing.run_nightly(timestamptz) set search_path = pg_catalog, pg_temp",
    ),
    (
        "definer_of_wrong_role",
        "alter function billing.read_health() owner to billing_owner",
        "alter function billing.read_health() owner to billing_aggregator",
    ),
    (
        "wrong_owner",
        "alter table data.plans owner to billing_deploy",
        "alter table data.plans owner to billing_owner",
    ),
    (
        "key_without_tenant",
        "create unique index stray on data.messages (provider_id)",
        "drop index data.stray",
    ),
    (
        "key_without_tenant",
        "alter table data.calls add constraint stray foreign key (provider_id)"
        " references data.plans (code) not valid",
        "alter table data.calls drop constraint stray",
    ),
    (
        "clock_in_upsert",
        "create function billing.hasty() returns void language sql as $$ insert into data.plans"
        " select * from data.plans on conflict (code) do update set label = now()::text $$;"
        " revoke execute on function billing.hasty() from public",
        "drop function billing.hasty()",
    ),
    *METRIC_BREAKS,
    (
        "rows_from_before",
        "alter table data.tenants drop constraint tenants_name_fits,"
        " add constraint tenants_name_fits check (char_length(name) <= 200) not valid",
        "alter table data.tenants validate constraint tenants_name_fits",
    ),
    (
        "shared_address",
        "drop index data.users_email_key; create index users_email_key on data.users (email)",
        "drop index data.users_email_key; create unique index users_email_key on data.users"
        ' ((lower(btrim(normalize(email, nfkc)) collate "und-x-icu") collate "C"))',
    ),
    (
        "undocumented",
        "comment on column data.plans.label is null",
        "comment on column data.plans.label is 'Name shown to people.'",
    ),
]
# needs pg_cron, one database of a server: tested with the schedule
JOB_RULES = {"job_missing", "job_unknown", "job_cannot_log_in"}
# tested in test_61_source_findings.py
SOURCE_RULES = {
    "source_unreadable",
    "source_hidden",
    "source_not_marked",
    "replica_not_marked",
    "status_not_kept",
    "id_not_kept",
    "trigger_state",
    "status_without_rank",
    "id_not_checked",
}
# depend on the server itself
SERVER_RULES = {"server_below_floor", "server_untested", "scheduler_missing"}


def findings(connection: psycopg.Connection[Any]) -> set[str]:
    return {
        str(rule)
        for (rule,) in connection.execute("select rule from billing.findings")
        if rule not in SERVER_RULES
    }


@pytest.mark.parametrize(
    ("rule", "breaks", "mends"), BREAKS, ids=[f"{b[0]}-{n}" for n, b in enumerate(BREAKS)]
)
def test_rule(module_db: Db, rule: str, breaks: LiteralString, mends: LiteralString) -> None:
    """0 → 1 → 0, with an object and with what to do about it."""
    with module_db.connect() as connection:
        assert findings(connection) == set()
        connection.execute(breaks)
        try:
            assert rule in findings(connection)
            found = connection.execute("select * from billing.findings where rule = %s", [rule])
            for _, severity, name, what_to_do in found:
                assert severity in ("error", "advice")
                assert name
                assert what_to_do.endswith((".", ";"))
        finally:
            connection.execute(mends)
        assert findings(connection) == set()


def test_every_rule_is_tested() -> None:
    files = "".join(path.read_text() for path in ROOT.glob("sql/6*findings.sql"))
    rules = set(re.findall(r"^select '([a-z_]+)'", files, re.MULTILINE))
    assert rules == {rule for rule, _, _ in BREAKS} | JOB_RULES | SERVER_RULES | SOURCE_RULES


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        (140012, "below floor"),
        (150019, "below floor"),
        (150020, "supported"),
        (159999, "supported"),
        (160015, "below floor"),
        (160016, "supported"),
        (170011, "below floor"),
        (170012, "supported"),
        (180000, "untested"),
    ],
)
def test_floor_of_the_server(module_db: Db, version: int, verdict: str) -> None:
    with module_db.connect("billing_operator") as connection:
        row = connection.execute("select billing.server_verdict(%s)", [version]).fetchone()
        assert row == (verdict,)


def test_the_operator_and_nobody_on_the_web_may_look(module_db: Db) -> None:
    with module_db.connect("billing_operator") as connection:
        connection.execute("select * from billing.findings")
    for login in ("billing_tenant", "billing_root", "billing_auth", "billing_ingest"):
        with module_db.connect(login) as connection, pytest.raises(InsufficientPrivilege):
            connection.execute("select * from billing.findings")
