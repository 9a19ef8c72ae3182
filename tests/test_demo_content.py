"""What is in the demo data: everything that there is to see."""

import re
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.demo_data import TODAY, each_source, load, rows, value
from tests.server import Db

CLASSIFICATION = Path(__file__).parents[1] / "sql/30_usage_source.sql"


@pytest.fixture(scope="module")
def full(module_db: Db) -> Db:
    """The default load, counted from the first of the month; for tests that only read."""
    load(module_db, today=TODAY)
    with module_db.connect() as connection:
        connection.execute("update data.settings set billing_from = '2024-04-01'")
        connection.execute("select aggregate_usage('2024-04-01', '2024-04-23')")
    return module_db


def test_tenants(full: Db) -> None:
    tenants = {
        name: (plan, status)
        for name, plan, status in rows(full, "select name, plan_code, status from data.tenants")
    }
    assert len(tenants) == 40
    assert {plan for plan, _ in tenants.values()} == {"starter", "pro", "elite", "agency", None}
    assert max(map(len, tenants)) == 60
    assert tenants["Copperfield Roofing & Gutters"] == ("pro", "suspended")
    assert tenants["Windmere Window Cleaning"][0] is None

    seen = {
        name: (first, last, n, voice)
        for name, first, last, n, voice in rows(
            full,
            "select t.name, min(s.occurred_at)::date, max(s.occurred_at)::date, count(s.*),"
            " count(*) filter (where s.source = 'ai_requests')"
            " from data.tenants as t left join billing.usage_source as s on s.tenant_id = t.id"
            " group by t.name",
        )
    }
    assert [name for name, (_, _, n, _) in seen.items() if n == 0] == ["Fennel & Finch Catering"]
    assert seen["Juniper Lane Pet Grooming"][0] >= TODAY - timedelta(days=1)
    for name in ("Saltmarsh Pool Care", "Copperfield Roofing & Gutters"):
        assert seen[name][0] < TODAY - timedelta(days=110)
        assert seen[name][1] < TODAY - timedelta(days=21)
    assert seen["Windmere Window Cleaning"][2] > 500
    assert max(seen, key=lambda name: seen[name][2]) == "Harborlight Marketing Collective"
    assert tenants["Harborlight Marketing Collective"][0] == "agency"
    assert seen["Larkspur Nail Studio"][3] > 0  # with a plan that includes no AI
    assert tenants["Larkspur Nail Studio"][0] == "starter"


@pytest.mark.parametrize("day", [1, 2, 5, 10, 15, 22])
def test_some_are_near_a_limit_and_some_over(full: Db, day: int) -> None:
    """On any day of the month: share of the limit used up to it, the highest of a tenant's."""
    shares = [
        share
        for (share,) in rows(
            full,
            """
            select greatest(
              sum(d.sms_outbound_count) / nullif(p.max_sms_per_month, 0),
              sum(d.voice_minutes_inbound + d.voice_minutes_outbound)
              / nullif(p.max_voice_minutes_per_month, 0),
              sum(d.emails_sent) / nullif(p.max_emails_per_month, 0),
              sum(d.ai_requests) / nullif(p.max_ai_requests_per_month, 0))
            from data.billing_usage_daily as d
            join data.tenants as t on t.id = d.tenant_id
            join data.plans as p on p.code = t.plan_code
            where d.usage_date between '2024-04-01' and %s and p.code <> 'agency'
            group by t.id, p.code""",
            date(2024, 4, day),
        )
    ]
    assert 1 <= sum(0.8 <= share < 1 for share in shares) <= 8
    assert 1 <= sum(share >= 1 for share in shares) <= 10
    assert sum(share < 0.8 for share in shares) > 20


def test_every_status_and_outcome_occurs(full: Db) -> None:
    known = {
        source: {
            status
            for condition in re.findall(r"when p_status (.*?) then", body, re.DOTALL)
            for status in re.findall(r"'([^']+)'", condition)
        }
        for source, body in re.findall(
            r"create function billing\.(\w+)_outcome\(.*?\$\$(.*?)\$\$",
            CLASSIFICATION.read_text(),
            re.DOTALL,
        )
    }
    assert {source: len(statuses) for source, statuses in known.items()} == {
        "message": 13, "call": 9, "email": 9, "ai_request": 5,
    }  # fmt: skip
    for table, found in each_source(full, "select array_agg(distinct status) from {}").items():
        assert known[table.removesuffix("s")] < set(found)
        assert None in found
        assert any(status and status.isupper() for status in found)
    outcomes = rows(full, "select source, outcome, count(*) from usage_source group by 1, 2")
    assert len(outcomes) == 4 * 5
    total = sum(n for *_, n in outcomes)
    assert 100_000 < total < 200_000
    shares = {
        outcome: sum(n for _, an_outcome, n in outcomes if an_outcome == outcome) / total
        for outcome in ("counted", "test", "unclassified")
    }
    assert shares["counted"] > 0.9
    assert 0.005 < shares["test"] < 0.02
    assert 0 < shares["unclassified"] < 0.002


def test_shapes_of_rows(full: Db) -> None:
    assert {n for (n,) in rows(full, "select distinct num_segments from data.messages")} == {
        None, 0, 1, 2, 3,
    }  # fmt: skip
    assert value(full, "select count(distinct (channel, direction)) from data.messages") == 4
    assert value(full, "select count(distinct feature) from data.ai_requests") >= 4
    assert value(full, "select count(distinct model) from data.ai_requests") >= 3
    assert value(full, "select max(recipient_count) from data.emails") > 20
    past_midnight = {
        day
        for (day,) in rows(
            full,
            "select occurred_at::date from data.calls where status = 'completed' and"
            " (occurred_at + make_interval(secs => duration_seconds))::date > occurred_at::date",
        )
    }
    assert {date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29)} <= past_midnight
    legs = value(
        full,
        "select max(n) from (select count(*) as n from data.calls group by tenant_id, occurred_at)"
        " as c",
    )
    assert legs >= 2


def test_weekdays_and_lateness(full: Db) -> None:
    by_weekday = dict(
        rows(
            full,
            "select extract(isodow from occurred_at)::integer, count(*) from data.messages"
            " where extract(day from occurred_at) <> 1 group by 1",
        )
    )
    assert max(by_weekday[6], by_weekday[7]) < 0.75 * min(by_weekday[n] for n in range(1, 6))
    # in the order in which they were stored, late rows lie behind rows of a later day
    for table, stamps in each_source(
        full, "select array_agg(occurred_at order by ctid) from {}"
    ).items():
        late = sum(after < before for before, after in pairwise(stamps))
        assert 0 < late < len(stamps) / 50, table
        assert max(before - after for before, after in pairwise(stamps)) > timedelta(days=5)
