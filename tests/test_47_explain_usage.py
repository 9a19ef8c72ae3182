"""One number as the rows that make it up, and the rows beside them that do not count, with why."""

from typing import Any

import pytest
from hypothesis import given
from psycopg import errors

from tests import facts
from tests.drawn import DAYS, TENANTS, unique_events
from tests.oracle import AiRequest, Call, Email, Event, Message
from tests.past import add_tenants, at, bill_from, day, rows, run, value
from tests.server import Db

OPERATOR = "billing_operator"
EXPLAIN = "select provider_id, is_counted, reason, contribution from explain_usage(%s, %s, %s)"
NOT_COUNTED = [
    ("M3", False, "pending", 0),
    ("M4", False, "not_counted", 0),
    ("M5", False, "unclassified", 0),
    ("M6", False, "unclassified", 0),
    ("M7", False, "test", 0),
    ("M8", False, "other_metric", 0),
    ("M9", False, "other_metric", 0),
]
"""Messages below that are no outbound SMS, or none yet."""


@pytest.fixture(scope="module")
def tenant(module_db: Db) -> Any:
    """A day with rows of every outcome and family; counted and complete."""
    bill_from(module_db)
    (tenant,) = add_tenants(module_db, 1)
    with module_db.connect() as connection:
        facts.insert(
            connection,
            Message(tenant, at(1, "09:00"), "sent", provider_id="M1", num_segments=3),
            Message(tenant, at(1, "08:00"), "delivered", provider_id="M2", num_segments=None),
            Message(tenant, at(1), "queued", provider_id="M3"),
            Message(tenant, at(1), "failed", provider_id="M4"),
            Message(tenant, at(1), "warp", provider_id="M5"),
            Message(tenant, at(1), None, provider_id="M6"),
            Message(tenant, at(1), "sent", provider_id="M7", is_test=True),
            Message(tenant, at(1), "received", provider_id="M8", direction="inbound"),
            Message(tenant, at(1), "sent", provider_id="M9", channel="mms"),
            Call(tenant, at(1), provider_id="C1", duration_seconds=61),
            Call(tenant, at(1), provider_id="C2", direction="inbound", duration_seconds=60),
            Call(tenant, at(1, "13:00"), provider_id="C3", duration_seconds=0),
            Email(tenant, at(1), provider_id="E1", recipient_count=4),
            AiRequest(tenant, at(1), "cached", provider_id="A1"),
            Message(tenant, at(2, "00:00"), provider_id="M1 of the next day"),
        )
    run(module_db, at(3))
    return tenant


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (
            "sms_outbound_count",
            [
                ("M2", True, "counted", 1),
                ("M1", True, "counted", 1),
                *NOT_COUNTED,
            ],
        ),
        (
            "smsOutboundSegments",
            [
                ("M2", True, "estimated", 1),
                ("M1", True, "counted", 3),
                *NOT_COUNTED,
            ],
        ),
        (
            "voice_minutes",
            [
                ("C1", True, "counted", 2),
                ("C2", True, "counted", 1),
                ("C3", True, "counted", 0),
            ],
        ),
        (
            "voice_seconds_outbound",
            [
                ("C1", True, "counted", 61),
                ("C3", True, "counted", 0),
                ("C2", False, "other_metric", 0),
            ],
        ),
        ("emails_sent", [("E1", True, "counted", 4)]),
        ("ai_requests", [("A1", False, "not_counted", 0)]),
    ],
)
def test_every_row_with_its_reason(
    module_db: Db, tenant: Any, metric: str, expected: list[Any]
) -> None:
    """R12 to R15, R19: what counts first, then what does not; by time, then by id."""
    assert rows(module_db, EXPLAIN, tenant, day(1), metric, login=OPERATOR) == expected


@pytest.mark.ours
def test_what_a_row_tells_and_no_more(module_db: Db, tenant: Any) -> None:
    query = "select to_jsonb(e) from explain_usage(%s, %s, 'sms_outbound_segments', null, 1) as e"
    assert value(module_db, query, tenant, day(1), login=OPERATOR) == {
        "occurred_at": "2025-03-01T08:00:00+00:00",
        "source": "messages",
        "provider_id": "M2",
        "kind": "sms_outbound",
        "status": "delivered",
        "is_counted": True,
        "reason": "estimated",
        "contribution": 1,
    }


def test_pages_and_reasons(module_db: Db, tenant: Any) -> None:
    """Page by page it is the whole, each row once; and a reason alone is asked for by name."""
    query = (
        "select provider_id from explain_usage(%s, %s, 'sms_outbound_count', %s, %s::integer, %s)"
    )

    def page(reason: str | None, limit: int | None, offset: int) -> list[Any]:
        return rows(module_db, query, tenant, day(1), reason, limit, offset, login=OPERATOR)

    whole = page(None, None, 0)
    assert len(whole) == len(set(whole)) == 9
    assert [row for start in range(0, 12, 2) for row in page(None, 2, start)] == whole
    assert page("unclassified", None, 0) == ["M5", "M6"]
    assert page("unclassified", 1, 1) == ["M6"]
    assert page("nonsense", None, 0) == []


@given(unique_events)
def test_the_rows_add_up_to_the_number(module_db: Db, events: list[Event]) -> None:
    """Every metric of every tenant and day, sums of metrics included; and no row is left out."""
    with module_db.connect() as connection:
        facts.wipe(connection)
        facts.add_tenants(connection, ids=TENANTS)
        facts.insert(connection, *events)
        for number in DAYS:
            connection.execute("select aggregate_usage(%s::date)", [number])
        wrong = connection.execute(
            """
            select t.id, x.day, m.name
            from tenants as t
            cross join unnest(%s::date[]) as x (day)
            cross join metrics as m
            left join billing_usage_daily as d on d.tenant_id = t.id and d.usage_date = x.day
            cross join lateral (
              select coalesce(sum(e.contribution), 0) as explained,
                bool_and(e.is_counted = (e.reason in ('counted', 'estimated'))) as is_clear
              from explain_usage(t.id, x.day, m.name) as e
            ) as e
            where not e.is_clear or e.explained <> coalesce(case m.name
              when 'voice_minutes' then d.voice_minutes_inbound + d.voice_minutes_outbound
              else (to_jsonb(d) ->> m.name)::bigint end, 0)
            """,
            [list(DAYS)],
        ).fetchall()
        assert wrong == []
        told = connection.execute(
            "select count(*) from tenants as t, unnest(%s::date[]) as x (day),"
            " unnest(array['sms_inbound_count', 'voice_minutes', 'emails_sent', 'ai_requests'])"
            " as m, explain_usage(t.id, x.day, m)",
            [list(DAYS)],
        ).fetchone()
        assert told == (len([event for event in events if event.tenant_id in TENANTS]),)


BAD: list[tuple[Any, ...]] = [
    ("12345678-1234-1234-1234-123456789012", day(1), "ai_requests", None, None, 0),
    (None, day(1), "ai_requests", None, None, 0),
    ("own", day(1), "id", None, None, 0),
    ("own", day(1), None, None, None, 0),
    ("own", None, "ai_requests", None, None, 0),
    ("own", "infinity", "ai_requests", None, None, 0),
    ("own", day(1), "ai_requests", None, -1, 0),
    ("own", day(1), "ai_requests", None, None, -1),
    ("own", day(1), "ai_requests", None, None, None),
]


@pytest.mark.parametrize("asked", BAD)
def test_bad_questions(db: Db, asked: tuple[Any, ...]) -> None:
    (own,) = add_tenants(db, 1)
    values = [own if item == "own" else item for item in asked]
    call = "select explain_usage(%s::uuid, %s::date, %s, %s, %s::integer, %s)"
    with pytest.raises(errors.InvalidParameterValue):
        rows(db, call, *values, login=OPERATOR)


def test_a_sealed_day_cannot_be_explained(db: Db) -> None:
    """R20: its source rows are gone; the refusal says so."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    run(db, at(3))
    rows(db, "update usage_days set sealed_at = now() where usage_date = %s", day(1))
    with pytest.raises(errors.ObjectNotInPrerequisiteState, match="day 2025-03-01 is sealed"):
        rows(db, EXPLAIN, tenant, day(1), "ai_requests", login=OPERATOR)
    assert rows(db, EXPLAIN, tenant, day(2), "ai_requests", login=OPERATOR) == []
