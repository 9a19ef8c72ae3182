"""How the pages' statements find their rows: the plan and not the seconds."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tests.ledgers import DAY, keep_books, tenant
from tests.past import rows
from tests.people import People
from tests.plans import nodes
from tests.server import Db

SOURCES = {"messages", "calls", "emails", "ai_requests"}
SUMMARY = "select summary::text from billing.usage_summary_on(%s::date, now())"
PAGE = "select page from billing.usage_page(%s::uuid, %s::date, now())"
CSV = "select csv from billing.usage_csv(%s::uuid, %s::date, now())"


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    """Forty tenants with a hundred days each, and a planner that knows."""
    today = datetime.now(UTC).date()
    keep_books(module_db, today - 100 * DAY, today)
    own, foreign, *_ = [tenant(module_db) for _ in range(40)]
    rows(
        module_db,
        "insert into billing_usage_daily (tenant_id, usage_date, sms_outbound_count)"
        " select t.id, u.usage_date, 1 from tenants as t cross join usage_days as u",
    )
    rows(module_db, "analyze")
    return People(module_db, own, foreign)


def plan_of(
    people: People, login: str, role: str, query: str, *values: object, generic: bool = True
) -> list[dict[str, Any]]:
    """The nodes of the plan that a prepared statement of this login gets."""
    with people.request(people.token(role), login) as connection:
        mode = "force_generic_plan" if generic else "force_custom_plan"
        connection.execute(f"set plan_cache_mode = {mode}".encode())
        connection.prepare_threshold = 0
        (found,) = connection.execute(
            b"explain (format json, verbose) " + query.encode(), values
        ).fetchall()
    plan = found[0] if isinstance(found[0], list) else json.loads(found[0])
    return list(nodes(plan[0]["Plan"]))


@pytest.mark.parametrize("generic", [True, False])
@pytest.mark.parametrize("query", [SUMMARY, PAGE, CSV])
def test_a_tenant_is_an_index_condition(people: People, query: str, generic: bool) -> None:
    """Through the policy: every look into the daily rows is bounded by tenant and by day in the
    index, and no source is read at all. What is not leakproof, like `last_day + 1`, would only
    filter, and a page of long ago would read every day since."""
    values: tuple[UUID | None, ...] = (None,) if query == SUMMARY else (people.own, None)
    plan = plan_of(people, "billing_tenant", "owner", query, *values, generic=generic)
    daily = [node for node in plan if node.get("Relation Name") == "billing_usage_daily"]
    assert daily
    for node in daily:
        index = node if "Index Cond" in node else node["Plans"][0]
        assert index["Index Name"] == "billing_usage_daily_tenant_date_key", node
        assert "tenant_id =" in index["Index Cond"]
        assert "usage_date >=" in index["Index Cond"]
        assert "usage_date <" in index["Index Cond"]
        assert "usage_date" not in node.get("Filter", ""), node
    assert not SOURCES & {node.get("Relation Name") for node in plan}


def test_all_tenants_are_one_grouping(people: People) -> None:
    """No look-up per tenant: the daily rows are read once, whatever the number of tenants."""
    query = (
        "select tenant_name, sms_outbound_count, peak_share from billing.tenant_usage_on(%s, now())"
    )
    plan = plan_of(people, "billing_root", "root", query, None)
    (group,) = [node for node in plan if node["Node Type"] == "Aggregate"]
    assert group["Group Key"] == ["d.tenant_id"]
    (daily,) = [node for node in plan if node.get("Relation Name") == "billing_usage_daily"]
    assert "tenant_id" not in daily.get("Index Cond", "")


def test_root_looks_up_one_tenant(people: People) -> None:
    query = "select sms_outbound_count from billing.tenant_usage_on(null, now()) as u"
    plan = plan_of(people, "billing_root", "root", f"{query} where u.tenant_id = %s", people.own)
    (daily,) = [node for node in plan if node.get("Relation Name") == "billing_usage_daily"]
    index = daily if "Index Cond" in daily else daily["Plans"][0]
    assert "tenant_id =" in index["Index Cond"]
    assert "usage_date >=" in index["Index Cond"]
