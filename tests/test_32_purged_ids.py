"""The id of a fact that was given up is never free again (R18)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from psycopg import errors

from tests import facts, hosts
from tests.oracle import AiRequest, Call, Email, Event, Message
from tests.past import add_tenants, at, bill_from, day, nightly, rows, run, value
from tests.sealing import LEFT, OPERATOR, seal
from tests.server import Db
from tests.together import PATIENCE

KINDS = (Message, Call, Email, AiRequest)
WAYS = ("plain", "do nothing", "do update", "copy", "replica", "id given")
PURGED = errors.ObjectNotInPrerequisiteState


@pytest.fixture
def purged(db: Db) -> list[Event]:
    """A fact of every kind with the id P, of a day that was given up; another tenant has facts with
    the same ids on a day that was not."""
    bill_from(db)
    one, other = add_tenants(db, 2)
    gone: list[Event] = [kind(one, at(1), provider_id="P") for kind in KINDS]
    with db.connect() as host:
        facts.insert(host, *gone, *(replace(e, tenant_id=other, occurred_at=at(2)) for e in gone))
    nightly(db, at(6, "04:00"))
    rows(db, "select change_setting('raw_retention_days', '70')", login=OPERATOR)
    assert seal(db, 1) == 4
    return gone


def write(db: Db, event: Event, way: str) -> None:
    """A repeated webhook."""
    table, row = f"data.{event.table}", hosts.OURS.table(event).row(event)
    login = "billing_ingest" if way in ("plain", "do nothing", "do update") else "postgres"
    with db.connect(login) as connection, connection.transaction():
        if way == "replica":
            connection.execute("set session_replication_role = replica")
        if way == "id given":
            facts.insert(connection, replace(event, provider_id="fresh"))
            change = f"update {table} set provider_id = 'P' where provider_id = 'fresh'"  # noqa: S608
            connection.execute(change.encode())
        elif way == "copy":
            statement = f"copy {table} ({', '.join(row)}) from stdin"
            with connection.cursor().copy(statement.encode()) as copy:
                copy.write_row([*row.values()])
        elif way == "do update":
            connection.execute(
                f"insert into {table} ({', '.join(row)})"  # noqa: S608
                f" values ({', '.join(['%s'] * len(row))}) on conflict (tenant_id, provider_id)"
                " do update set status = excluded.status".encode(),
                [*row.values()],
            )
        elif way == "do nothing":
            facts.insert(connection, event, keep_first=True)
        else:
            others = [replace(event, provider_id=f"new {n}") for n in range(3)]
            facts.insert(connection, *others, event)


@pytest.mark.parametrize("way", WAYS)
def test_a_repeated_webhook_is_refused(db: Db, purged: list[Event], way: str) -> None:
    """R16, R18: whatever day it names and whoever writes it how; what came with it is not
    stored."""
    left = value(db, LEFT)
    for event in purged:
        with pytest.raises(PURGED, match=f"{event.table} P of tenant .* was given up"):
            write(db, replace(event, occurred_at=at(3)), way)
    assert value(db, LEFT) == left == 4
    run(db, at(6))
    with db.connect() as reader:
        assert (purged[0].tenant_id, day(3)) not in facts.stored(reader)


def test_everything_else_is_taken(db: Db, purged: list[Event]) -> None:
    """Another id, the same id of another tenant or another source, an id deleted by a person."""
    (third,) = add_tenants(db, 1)
    with db.connect() as host:
        for event in purged:
            facts.insert(host, replace(event, occurred_at=at(3), provider_id="P2"))
            facts.insert(host, replace(event, occurred_at=at(3), tenant_id=third))
            facts.delete(host, replace(event, occurred_at=at(3), tenant_id=third))
            facts.insert(host, replace(event, occurred_at=at(4), tenant_id=third))
    assert value(db, LEFT) == 4 + 8
    seal(db, 2)
    assert value(db, "select count(*), count(distinct id_digest) from data.purged_ids") == (8, 8)


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_a_writer_that_comes_while_rows_are_given_up(db: Db, isolation: str) -> None:
    """R18: it waits for the row, and is then refused, also where its snapshot is of before."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    gone = Message(tenant, at(1), provider_id="P")
    with db.connect() as host:
        facts.insert(host, gone)
    nightly(db, at(6, "04:00"))
    rows(db, "select change_setting('raw_retention_days', '70')", login=OPERATOR)
    with (
        db.connect(OPERATOR, autocommit=False) as sealer,
        db.connect("billing_ingest", autocommit=False) as writer,
        ThreadPoolExecutor(1) as pool,
    ):
        writer.execute(f"set transaction isolation level {isolation}".encode())
        writer.execute("select from data.messages")  # the snapshot
        sealer.execute("select seal_day(%s)", [day(1)])
        job = pool.submit(facts.insert, writer, replace(gone, occurred_at=at(3)))
        wait = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        while not job.done() and not value(db, wait):
            pass
        sealer.commit()
        expected = PURGED if isolation == "read committed" else errors.SerializationFailure
        with pytest.raises(expected):
            job.result(PATIENCE)
    assert value(db, LEFT) == 0


def test_under_a_fixed_snapshot_other_facts_are_taken(db: Db, purged: list[Event]) -> None:
    with db.connect("billing_ingest", autocommit=False) as writer:
        for level in ("repeatable read", "serializable"):
            writer.execute(f"set transaction isolation level {level}".encode())
            facts.insert(writer, replace(purged[0], occurred_at=at(3), provider_id=level))
            writer.commit()
    assert value(db, LEFT) == 6


@pytest.mark.usefixtures("purged")
def test_only_a_digest_is_kept(db: Db) -> None:
    """And nothing of it for those who serve pages, write facts or run commands."""
    columns = "select count(*) from pg_attribute where attrelid = 'data.purged_ids'::regclass"
    assert value(db, columns + " and attnum > 0 and atttypid = 'uuid'::regtype") == 2
    for login in (
        "billing_tenant", "billing_root", "billing_auth", "billing_ingest", "billing_operator",
    ):  # fmt: skip
        for statement in (
            "select from data.purged_ids",
            "delete from data.purged_ids",
            "select billing.require_new_id('messages', gen_random_uuid(), 'P')",
            "select billing.id_digest('messages', gen_random_uuid(), 'P')",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                rows(db, statement, login=login)
    with pytest.raises(errors.InsufficientPrivilege):
        rows(db, "delete from data.purged_ids", login="billing_aggregator")


def test_many_rows_are_looked_up_one_by_one(db: Db, purged: list[Event]) -> None:
    """The plan of a small memory is no worse in a large one: what is read does not grow with it."""
    with db.connect() as host:
        host.execute(
            "insert into data.purged_ids select %s, gen_random_uuid()"
            " from generate_series(1, 50000)",
            [purged[0].tenant_id],
        )
    with db.connect("billing_ingest", autocommit=False) as ingest:
        for hour in range(3):
            moment = at(3) + timedelta(hours=hour)
            facts.insert(ingest, *(Message(purged[0].tenant_id, moment) for _ in range(20)))
        read: Any = ingest.execute(
            "select seq_scan, idx_scan from pg_stat_xact_user_tables where relname = 'purged_ids'"
        ).fetchall()
    assert read == [(0, 60)]
