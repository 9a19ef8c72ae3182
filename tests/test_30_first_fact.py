"""The same provider id with other content: an error, and the first fact stays."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg import errors, sql

from tests import facts
from tests.facts import markers
from tests.oracle import AiRequest, Call, Email, Event, Message
from tests.past import value
from tests.server import Db

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
OTHER: list[tuple[type[Event], dict[str, Any]]] = [
    (Message, {"occurred_at": NOON - timedelta(days=1)}),
    (Message, {"channel": "mms"}),
    (Message, {"direction": "inbound"}),
    (Message, {"is_test": True}),
    (Call, {"occurred_at": NOON + timedelta(seconds=1)}),
    (Call, {"direction": "inbound"}),
    (Call, {"is_test": True}),
    (Email, {"occurred_at": NOON - timedelta(days=30)}),
    (Email, {"is_test": True}),
    (AiRequest, {"occurred_at": NOON + timedelta(days=1)}),
    (AiRequest, {"feature": "support_ai"}),
    (AiRequest, {"is_test": True}),
]
other_content = pytest.mark.parametrize(
    ("kind", "other"), OTHER, ids=[f"{kind.table} {next(iter(other))}" for kind, other in OTHER]
)


def stored(db: Db, event: Event) -> Any:
    return value(db, f"select to_jsonb(f) - 'ctid' from data.{event.table} as f")  # noqa: S608


@other_content
def test_the_first_fact_stays(db: Db, kind: type[Event], other: dict[str, Any]) -> None:
    """R18: whoever writes is told, and neither the batch nor a column of the first is written."""
    first = kind(uuid4(), NOON, provider_id="x1")
    again = kind(first.tenant_id, **{"occurred_at": NOON, "provider_id": "x1"} | other)
    with db.connect("billing_ingest") as ingest, db.connect() as host:
        facts.insert(ingest, first)
        before, marked = stored(db, first), markers(host)
        with pytest.raises(errors.UniqueViolation) as caught:
            facts.insert(ingest, kind(first.tenant_id, NOON), again)
        assert caught.value.diag.constraint_name == f"{kind.table}_pkey"
        facts.insert(ingest, again, keep_first=True)
        assert (stored(db, first), markers(host)) == (before, marked)


@other_content
def test_an_upsert_cannot_change_what_a_fact_is(
    db: Db, kind: type[Event], other: dict[str, Any]
) -> None:
    """R18: writers may update what a provider tells later, and no other column."""
    first = kind(uuid4(), NOON, provider_id="x1")
    (column,) = other
    upsert = sql.SQL(
        "insert into {table} select (jsonb_populate_record(f, {change})).* from {table} as f"
        " on conflict (tenant_id, provider_id) do update set {column} = excluded.{column}"
    ).format(
        table=sql.Identifier("data", kind.table),
        column=sql.Identifier(column),
        change=sql.SQL("jsonb_build_object({}, {})").format(column, other[column]),
    )
    with db.connect("billing_ingest") as ingest:
        facts.insert(ingest, first)
        before = stored(db, first)
        with pytest.raises(errors.InsufficientPrivilege):
            ingest.execute(upsert)
        assert stored(db, first) == before
        with db.connect() as owner:  # the statement itself is sound
            owner.execute(upsert)
        assert stored(db, first) != before
