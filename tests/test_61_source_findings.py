"""What billing.findings says of the tables that are counted."""

from typing import Any, LiteralString

import pytest

from tests.oracle import STATUSES
from tests.past import rows, value
from tests.releases import migrate
from tests.server import Db
from tests.test_60_findings import SOURCE_RULES

BREAKS = [
    (
        "grant select on data.messages to billing_aggregator",
        "revoke select on data.messages from billing_aggregator",
        "source_unreadable",
    ),
    (
        "create policy aggregator_reads_emails on data.emails"
        " for select to billing_aggregator using (true)",
        "drop policy aggregator_reads_emails on data.emails",
        "source_hidden",
    ),
    *(
        (
            f"create trigger mark_late_{change} after {change} on data.calls referencing {tables}"
            f" for each statement execute function billing.mark_late_{function}()",
            f"drop trigger mark_late_{change} on data.calls",
            "source_not_marked",
        )
        for change, tables, function in (
            ("insert", "new table as changed_rows", "days"),
            ("update", "old table as old_rows new table as changed_rows", "moves"),
            ("delete", "old table as changed_rows", "days"),
        )
    ),
    (
        "create trigger mark_replicated after insert or update or delete on data.calls"
        " for each row execute function billing.mark_replicated();"
        " alter table data.calls enable replica trigger mark_replicated",
        "drop trigger mark_replicated on data.calls",
        "replica_not_marked",
    ),
    (
        "create trigger keep_status before update on data.calls for each row"
        " when (new.status is distinct from old.status) execute function billing.keep_call();"
        " alter table data.calls enable always trigger keep_status",
        "drop trigger keep_status on data.calls",
        "status_not_kept",
    ),
    (
        "create trigger refuse_purged_ids after insert on data.calls"
        " referencing new table as changed_rows for each statement"
        " execute function billing.refuse_purged_ids();"
        " alter table data.calls enable always trigger refuse_purged_ids",
        "drop trigger refuse_purged_ids on data.calls",
        "id_not_kept",
    ),
    (
        "alter table data.calls drop constraint calls_rule",
        "insert into data.calls (tenant_id, occurred_at, direction, provider_id)"
        " values (gen_random_uuid(), now(), 'inbound', 'x');"
        " alter table data.calls add constraint calls_rule check (status is not null) not valid",
        "id_not_checked",
    ),
]
# trigger, table, how it fires instead
STATES = [
    *(
        (trigger, table, how)
        for table in ("messages", "calls", "emails", "ai_requests")
        for trigger, how in (
            ("mark_late_insert", "disable"),
            ("mark_late_update", "enable replica"),
            ("mark_late_delete", "disable"),
            ("refuse_truncate", "enable"),
            ("keep_status", "disable"),
            ("keep_status", "enable"),
            ("refuse_purged_ids", "disable"),
            ("refuse_purged_id", "enable"),
        )
    ),
    ("note_new_tenants", "tenants", "disable"),
    ("mark_replicated", "tenants", "enable"),
    ("refuse_sealed_day", "late_day_markers", "enable"),
    ("restate_update", "billing_usage_daily", "disable"),
]


STATE = "select tgenabled::text from pg_trigger where tgname = %s and tgrelid = %s::regclass"


def findings(db: Db) -> list[Any]:
    query = "select rule, severity, object from billing.source_findings order by 1, 3"
    return rows(db, query, login="billing_operator")


@pytest.mark.parametrize(("mends", "breaks", "rule"), BREAKS)
def test_rule(module_db: Db, mends: LiteralString, breaks: LiteralString, rule: str) -> None:
    """0 → 1 → 0: counting cannot read a table, is shown no row of it, hears of no late change."""
    assert findings(module_db) == []
    rows(module_db, breaks)
    try:
        table = next(word for word in breaks.split() if word.startswith("data."))
        severity = "advice" if rule in ("source_not_marked", "id_not_checked") else "error"
        name = f"calls_rule on {table}" if rule == "id_not_checked" else table
        assert findings(module_db) == [(rule, severity, name)]
    finally:
        rows(module_db, mends)
    assert findings(module_db) == []


@pytest.mark.parametrize(("trigger", "table", "how"), STATES)
def test_a_trigger_that_does_not_fire_as_it_should(
    module_db: Db, trigger: str, table: str, how: str
) -> None:
    """R3: off, or on in the wrong role; and a release puts it right."""
    state = value(module_db, STATE, trigger, f"data.{table}")
    rows(module_db, f"alter table data.{table} {how} trigger {trigger}")
    found = findings(module_db)
    assert ("trigger_state", "error", f"{trigger} on data.{table}") in found
    usual = {"O": "enable", "A": "enable always", "R": "enable replica"}[state]
    rows(module_db, f"alter table data.{table} {usual} trigger {trigger}")
    assert findings(module_db) == []


def test_after_a_restore_with_triggers_off(db: Db) -> None:
    """pg_restore --data-only --disable-triggers leaves every trigger enabled, and none of ours as
    it was; `billing migrate` makes them anew."""
    rows(
        db, "alter table data.calls disable trigger all; alter table data.calls enable trigger all"
    )
    told = {name for rule, _, name in findings(db) if rule == "trigger_state"}
    assert told == {
        f"{trigger} on data.calls"
        for trigger in (
            "keep_status", "mark_replicated", "refuse_purged_id", "refuse_purged_ids",
            "refuse_truncate",
        )
    }  # fmt: skip
    assert migrate(db) == ["rebuilt schema billing"]
    assert findings(db) == []


def test_a_word_without_a_rank(db: Db) -> None:
    """R14: whoever classifies a new word says also where it belongs."""
    rows(
        db,
        "create or replace function billing.call_outcome(p_status text, p_is_test boolean)"
        " returns billing.usage_outcome language sql immutable parallel safe as $$"
        " select case when p_is_test then 'test'::billing.usage_outcome"
        " when p_status in ('completed', 'voicemail') then 'counted' else 'unclassified' end $$",
    )
    assert findings(db) == [("status_without_rank", "error", "calls: voicemail")]


def test_every_rule_is_tested() -> None:
    tested = {rule for _, _, rule in BREAKS} | {"trigger_state", "status_without_rank"}
    assert tested == SOURCE_RULES


def test_tables_behind_views_are_found(module_db: Db) -> None:
    """A host may put a view of its own between its tables and billing.usage_source."""
    before = rows(module_db, "select pg_get_viewdef('billing.usage_source')")[0]
    rows(
        module_db,
        "create table public.faxes as select * from billing.usage_source with no data;"
        " create view public.all_faxes as select * from public.faxes;"
        " create or replace view billing.usage_source with (security_invoker = true) as"
        " select * from public.all_faxes",
    )
    try:
        assert findings(module_db) == [
            ("replica_not_marked", "advice", "public.faxes"),
            ("source_not_marked", "advice", "public.faxes"),
            ("source_unreadable", "error", "public.faxes"),
            ("status_not_kept", "advice", "public.faxes"),
        ]
    finally:
        rows(
            module_db,
            "create or replace view billing.usage_source with (security_invoker = true) as"
            f" {before} drop view public.all_faxes; drop table public.faxes",
        )
    assert findings(module_db) == []


def test_the_words_that_pages_show_are_those_that_count(module_db: Db) -> None:
    """Every known status, with the outcome that counting gives it (R14)."""
    shown = rows(module_db, "select source, outcome::text, status from billing.usage_statuses")
    assert sorted(shown) == sorted(
        (source, outcome, status)
        for source, outcomes in STATUSES.items()
        for outcome, statuses in outcomes.items()
        for status in statuses
    )
