"""What billing.findings says of the tables that are counted."""

from typing import Any, LiteralString

import pytest

from tests.oracle import STATUSES
from tests.past import rows
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
            f"alter table data.calls enable trigger mark_late_{change}",
            f"alter table data.calls disable trigger mark_late_{change}",
            "source_not_marked",
        )
        for change in ("insert", "update", "delete")
    ),
]


def findings(db: Db) -> list[Any]:
    query = "select rule, severity, object from billing.source_findings order by 1, 3"
    return rows(db, query, login="billing_operator")


@pytest.mark.parametrize(("mends", "breaks", "rule"), BREAKS)
def test_rule(module_db: Db, mends: LiteralString, breaks: LiteralString, rule: str) -> None:
    """0 → 1 → 0: counting cannot read a table, is shown no row of it, hears of no late change."""
    assert findings(module_db) == []
    rows(module_db, breaks)
    try:
        (table,) = (word for word in breaks.split() if word.startswith("data."))
        severity = "advice" if rule == "source_not_marked" else "error"
        assert findings(module_db) == [(rule, severity, table)]
    finally:
        rows(module_db, mends)
    assert findings(module_db) == []


def test_every_rule_is_tested() -> None:
    assert {rule for _, _, rule in BREAKS} == SOURCE_RULES


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
            ("source_not_marked", "advice", "public.faxes"),
            ("source_unreadable", "error", "public.faxes"),
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
