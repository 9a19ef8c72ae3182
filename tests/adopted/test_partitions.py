"""Writing through a partitioned parent, as docs/adopt.md says: what is marked and what is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg import errors

from tests import facts, hosts
from tests.oracle import Call, Email
from tests.past import at, rows, value
from tests.server import Db


def test_a_move_through_the_parent_marks_both_partitions(db: Db) -> None:
    """The row itself goes from one partition to the other."""
    february = datetime(2024, 2, 29, 12, tzinfo=UTC)
    with db.connect(hosts.current.writer) as writer:
        (tenant,) = facts.add_tenants(writer)
        event = Email(tenant, february)
        facts.insert(writer, event)
        rows(db, "delete from late_day_markers")
        facts.update(writer, event, occurred_at=february + timedelta(days=1))
    with db.connect() as reader:
        assert facts.markers(reader) == [
            (tenant, february.date()),
            (tenant, february.date() + timedelta(days=1)),
        ]
    where = "select tableoid::regclass::text from shop.events"
    assert value(db, where) == "shop.events_2024_03"


@pytest.mark.parametrize(
    "statement",
    [
        "insert into shop.events_2024_02 (account_no, happened_at, topic, state, ref)"
        " values (1, '2024-02-03 00:00+00', 'call', 'hung-up', 'x')",
        "alter table shop.events detach partition shop.events_2024_02",
        "drop table shop.events_2024_02",
        "truncate shop.events_2024_02",
    ],
)
def test_what_passes_the_parent_by_marks_nothing(db: Db, statement: str) -> None:
    """The page says so, and what to do: recount the day."""
    tenant, february = UUID(int=1), datetime(2024, 2, 3, 12, tzinfo=UTC)
    count = "select billing.aggregate_usage('2024-02-03')"
    with db.connect(hosts.current.writer) as writer:
        facts.add_tenants(writer, ids=[tenant])
        facts.insert(writer, Call(tenant, february))
    assert value(db, count, login="billing_operator") == 1
    rows(db, statement)
    assert value(db, "select count(*) from late_day_markers") == 0
    assert value(db, count, login="billing_operator") == 1


def test_truncate_of_the_parent_is_refused(db: Db) -> None:
    for table in ("shop.texts", "shop.events"):
        with pytest.raises(errors.FeatureNotSupported, match=f"TRUNCATE of {table} is refused"):
            rows(db, f"truncate {table}")


def test_an_id_is_unique_together_with_the_time(db: Db) -> None:
    """The price of a partitioned table, as the page says."""
    with db.connect(hosts.current.writer) as writer:
        (tenant,) = facts.add_tenants(writer)
        first = Call(tenant, at(1), provider_id="x")
        facts.insert(writer, first)
        facts.insert(writer, *[first] * 3, keep_first=True)
        facts.insert(writer, replace(first, occurred_at=at(1, "12:01")), keep_first=True)
    assert value(db, "select count(*) from shop.events") == 2


def test_a_new_partition_has_the_triggers_for_each_row(db: Db) -> None:
    """Its owner needs no more than the shop has granted; a release attaches them again."""
    rows(
        db,
        "set role shop_owner; create table shop.events_2031 partition of shop.events"
        " for values from ('2031-01-01Z') to ('2032-01-01Z')",
    )
    fires = (
        "select tgname::text, tgenabled::text from pg_trigger"
        " where tgrelid = 'shop.events_2031'::regclass order by tgname"
    )
    usual = [("billing_replicated", "R"), ("billing_status", "A")]
    assert rows(db, fires) == usual
    with db.connect() as session:
        (tenant,) = facts.add_tenants(session)
        session.execute("set session_replication_role = replica")
        event = Call(tenant, datetime(2031, 2, 3, tzinfo=UTC))
        facts.insert(session, event)
        assert facts.take_markers(session) == [(tenant, event.day)]
        facts.update(session, event, status="ringing", duration_seconds=0)
    assert value(db, "select state, amount from shop.events") == ("hung-up", 60)
