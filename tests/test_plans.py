"""How the database goes about it, as far as cost depends on it: access paths, not seconds."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.errors import Diagnostic

from bench import data
from tests.past import rows, value
from tests.people import digest
from tests.server import Db

DAYS, ROWS, TENANTS = 12, 8_000, 300
FIRST = date(2025, 3, 1)
DAY = FIRST + timedelta(days=6)
SOURCES = {"messages", "calls", "emails", "ai_requests"}
Node = dict[str, Any]


@pytest.fixture(scope="module")
def db(module_db: Db) -> Db:
    """Twelve days of the benchmark's data, counted: enough to prefer one way over another."""
    with module_db.connect() as connection:
        connection.execute(data.FUNCTIONS)
        data.add_tenants(connection, 1, TENANTS)
        with data.loading(connection, *data.TABLES):
            data.add_days(connection, FIRST, DAYS, ROWS, TENANTS)
    rows(module_db, "update data.settings set billing_from = %s", FIRST)
    with module_db.connect("billing_operator") as operator:
        operator.execute(
            "select billing.aggregate_usage(%s, %s)", [FIRST, FIRST + timedelta(days=DAYS)]
        )
    rows(module_db, "vacuum (analyze)")
    return module_db


def nodes(plan: Node) -> Iterator[Node]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def explained(connection: psycopg.Connection[Any], query: str, *values: object) -> list[Node]:
    (answer,) = connection.execute(f"explain (format json) {query}".encode(), values).fetchall()
    return list(nodes(answer[0][0]["Plan"]))


def ran(db: Db, call: str, *values: object) -> list[Node]:
    """Every node of every plan that a call of ours really ran, as the server reports them."""
    found = list[Node]()

    def heard(said: Diagnostic) -> None:
        _, plan, text = (said.message_primary or "").partition("plan:\n")
        if plan:
            found.extend(nodes(json.loads(text)["Plan"]))

    with db.connect() as connection:
        connection.add_notice_handler(heard)
        connection.execute(
            "load 'auto_explain'; set auto_explain.log_min_duration = 0;"
            " set auto_explain.log_nested_statements = on; set auto_explain.log_format = json;"
            " set client_min_messages = log"
        )
        connection.execute(call.encode(), values)
    assert found
    return found


def paths(plan: list[Node]) -> set[tuple[str, str]]:
    """(source, how it is read); an index by its name."""
    reads = {(node["Relation Name"], node["Node Type"]) for node in plan if "Relation Name" in node}
    found = {(name, kind) for name, kind in reads if name in SOURCES}
    for node in plan:
        name = node.get("Index Name", "")
        source = name.removesuffix("_occurred_at_brin").removesuffix("_tenant_day_idx")
        if source in SOURCES:
            found.add((source, name))
    return found


def test_a_day_is_read_by_brin(db: Db) -> None:
    """Not by (tenant_id, occurred_at), which is three times as slow; nor all that ever was."""
    found = paths(ran(db, "select billing.aggregate_usage(%s)", DAY))
    assert found == {(source, "Bitmap Heap Scan") for source in SOURCES} | {
        (source, f"{source}_occurred_at_brin") for source in SOURCES
    }


def test_late_facts_are_looked_up_by_their_tenant(db: Db) -> None:
    tenant = value(db, "select id from bench.tenants where rank = 200")
    rows(db, "insert into data.late_day_markers values (%s, %s)", tenant, DAY)
    plan = ran(db, "select billing.run_usage('test', %s)", f"{FIRST + timedelta(days=DAYS)} 00:00Z")
    used = {index for _, index in paths(plan) if index.endswith("_idx")}
    assert used == {f"{source}_tenant_day_idx" for source in SOURCES}
    assert value(db, "select count(*) from data.late_day_markers") == 0


BY_HAND = """
select m.tenant_id,
  case m.channel
    when 'sms' then
      case m.direction when 'outbound' then 'sms_outbound'::billing.usage_kind
        else 'sms_inbound' end
    else
      case m.direction when 'outbound' then 'mms_outbound'::billing.usage_kind
        else 'mms_inbound' end
  end as kind,
  case
    when m.is_test then 'test'::billing.usage_outcome
    when m.status in ('delivered', 'sent', 'received', 'undelivered', 'read',
      'partially_delivered') then 'counted'
    when m.status in ('failed', 'canceled') then 'not_counted'
    when m.status in ('queued', 'accepted', 'scheduled', 'sending', 'receiving') then 'pending'
    else 'unclassified'
  end as outcome,
  1 as units
from data.messages as m
where m.occurred_at >= '2025-03-07 00:00Z' and m.occurred_at < '2025-03-08 00:00Z'
"""
ADAPTED = """
select s.tenant_id, s.kind, s.outcome, s.units
from billing.usage_source as s
where s.occurred_at >= '2025-03-07 00:00Z' and s.occurred_at < '2025-03-08 00:00Z'
  and s.source = 'messages'
"""


def test_an_adapter_costs_nothing_over_sql_by_hand(db: Db) -> None:
    """The view and its functions dissolve: the same plan, down to the expressions."""
    total = "select count(*), sum(x.units) from ({}) as x group by x.tenant_id, x.kind, x.outcome"
    with db.connect() as connection:
        by_hand, adapted = (
            explained(connection, total.format(query)) for query in (BY_HAND, ADAPTED)
        )
        assert [shape(node) for node in adapted] == [shape(node) for node in by_hand]
        answers = [
            sorted(connection.execute(total.format(query).encode()).fetchall())
            for query in (BY_HAND, ADAPTED)
        ]
    assert answers[0] == answers[1]


def shape(node: Node) -> tuple[object, ...]:
    return (
        node["Node Type"],
        node.get("Relation Name"),
        node.get("Index Name"),
        node.get("Filter"),
        node.get("Group Key"),
    )


def test_pages_never_look_at_a_source(db: Db) -> None:
    """What a tenant and root are shown is made of daily rows only, however it is asked."""
    tenant = value(db, "select id from bench.tenants where rank = 1")
    for login, role, view in (
        ("billing_tenant", "owner", "usage_summary"),
        ("billing_root", "root", "tenant_usage"),
    ):
        whose = tenant if role == "owner" else None
        rows(db, "select billing.add_user(%s, %s, %s, '-')", f"{role}@plan.example", role, whose)
        rows(
            db,
            "select billing.issue_session(%s, %s, 15)",
            *(f"{role}@plan.example", digest(role)),
        )
        with db.connect(login, autocommit=False) as connection:
            connection.execute("select billing.enter(%s)", [role])
            plan = explained(connection, f"select * from billing.{view}")  # noqa: S608
        read = {node["Relation Name"] for node in plan if "Relation Name" in node}
        assert "billing_usage_daily" in read
        assert not read & SOURCES
