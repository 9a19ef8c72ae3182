"""How the overview of 5,000 tenants finds its rows: what is read and how often, not the seconds."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.ledgers import DAY, keep_books
from tests.past import rows, value
from tests.people import People
from tests.plans import Node, nodes, telling
from tests.server import Db

TENANTS, DAYS, PAGE, FACTS = 5_000, 200, 25, 30_000
PAGE_OF = "select billing.overview_page(%(q)s, %(plan)s, %(status)s, %(show)s, %(sort)s, %(dir)s,"
PAGE_OF += " %(page)s, %(period)s, now())"
NOTHING = dict.fromkeys(("q", "plan", "status", "show", "sort", "dir", "period")) | {"page": 1}
DAILY = "billing_usage_daily"
SOURCES = {
    "messages": "channel, direction, num_segments) select id, at, n, 'sent', 'sms', 'outbound', 1",
    "calls": "direction, duration_seconds) select id, at, n, 'completed', 'inbound', 60",
    "emails": "recipient_count) select id, at, n, 'sent', 1",
    "ai_requests": "feature, model) select id, at, n, 'succeeded', 'sms_ai', 'any'",
}


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    """Each with use on every fourth of two hundred days, rows in every source, and a planner that
    knows."""
    today = datetime.now(UTC).date()
    keep_books(module_db, today - (DAYS - 1) * DAY, today)
    rows(module_db, f"alter database {module_db.name} set session_replication_role = replica")
    rows(
        module_db,
        "insert into tenants (name, plan_code) select 'Tenant ' || n,"
        " (array['starter', 'pro', 'elite', 'agency', null])[1 + mod(n, 5)]"
        " from generate_series(1, %s) as n",
        TENANTS,
    )
    rows(
        module_db,
        "insert into billing_usage_daily"
        " (tenant_id, usage_date, sms_outbound_count, emails_sent, counted_rows)"
        " select t.id, u.usage_date, 30, 3, 33 from usage_days as u join ("
        "  select id, row_number() over (order by id) as n from tenants) as t"
        " on (t.n + (u.usage_date - date '2000-01-01')) % 4 = 0 order by u.usage_date",
    )
    for source, columns in SOURCES.items():
        rows(
            module_db,
            f"insert into {source} (tenant_id, occurred_at, provider_id, status, {columns}"  # noqa: S608
            " from (select id from tenants limit 1) as t cross join lateral (select n::text,"
            " now() - n * interval '1 minute' as at from generate_series(%s, 1, -1) as n) as x",
            FACTS,
        )
    rows(module_db, f"alter database {module_db.name} reset session_replication_role")
    rows(module_db, "vacuum analyze")
    return People(module_db, *rows(module_db, "select id from tenants limit 2"))


def read(node: Node) -> int:
    """Rows that a scan took from its table, all in all."""
    thrown = sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
    return (node["Actual Rows"] + thrown) * node["Actual Loops"]


def conditions(node: Node) -> str:
    return " ".join(str(part.get("Index Cond", "")) for part in nodes(node))


WISHES: list[dict[str, Any]] = [
    {},
    {"page": 7},
    {"sort": "change"},
    {"sort": "peakShare", "dir": "asc", "show": "near"},
    {"sort": "tenantName", "q": "9"},
    {"plan": "pro", "status": "active", "show": "growing", "sort": "emailsSent"},
    {"show": "quiet"},
    {"period": "previous"},
]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_what_is_read(people: People, wish: dict[str, Any]) -> None:
    """No source; tenants once; daily rows of the days shown and compared by the index of days, and
    otherwise only those of the tenants on the page, by theirs; no statement per tenant."""
    start = datetime.now(UTC).date().replace(day=1)
    before = (start - DAY).replace(day=1)
    if "period" in wish:
        start, before = before, (before - DAY).replace(day=1)
        wish = wish | {"period": start}
    with telling(people.db, "billing_root", people.token("root")) as (connection, plans):
        (page,) = connection.execute(PAGE_OF.encode(), NOTHING | wish).fetchall()
    assert page[0]["table"]["tenants"] == TENANTS
    assert 10 < len(plans) < 10 * PAGE
    scans = [node for plan in plans for node in nodes(plan) if "Relation Name" in node]
    for node in scans:
        if node["Relation Name"] in SOURCES:
            assert "Index" in node["Node Type"] or "Bitmap" in node["Node Type"], node
            assert read(node) * 5 < FACTS, node
    assert sum(read(node) for node in scans if node["Relation Name"] == "tenants") <= 2 * TENANTS
    daily = [node for node in scans if node["Relation Name"] == DAILY and node["Actual Loops"]]
    assert daily
    for node in daily:
        assert "usage_date" in conditions(node), node
        assert "usage_date" not in node.get("Filter", ""), node
        if "tenant_id =" in conditions(node):
            assert node["Actual Loops"] <= PAGE * 2
        else:
            assert node["Actual Loops"] == 1, node
    shown = "select count(*) from billing_usage_daily where usage_date >= %s"
    assert sum(map(read, daily)) <= 2 * value(people.db, shown, before)
