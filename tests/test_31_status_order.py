"""A status only moves up, whoever writes it and however; what contradicts a final one is noted."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from typing import Any, LiteralString
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from tests import drawn, facts, hosts
from tests.facts import Connection
from tests.oracle import STATUSES, AiRequest, Call, Email, Event, Message, step_of
from tests.past import rows, value
from tests.server import Db

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
KINDS = (Message, Call, Email, AiRequest)
every_kind = pytest.mark.parametrize("kind", KINDS)
NOTES = (
    "select source, kept_status, refused_status from data.contradicted_facts"
    " order by source, refused_status"
)
UPSERT = (
    "insert into {table} ({columns}) values ({values})"
    " on conflict (tenant_id, provider_id) do update set {changes}"
)
MERGE = (
    "merge into {table} as f using (values ({values})) as e ({columns})"
    " on f.tenant_id = e.tenant_id and f.provider_id = e.provider_id"
    " when matched then update set {changes}"
)


def merge(how: LiteralString) -> Callable[[Connection, Event, dict[str, Any]], None]:
    """Tell a change by a statement that has the whole event, as a webhook has."""

    def tell(connection: Connection, event: Event, changes: dict[str, Any]) -> None:
        row = hosts.OURS.table(event).row(event) | changes
        source = sql.SQL("excluded" if "conflict" in how else "e")
        typed: dict[str, LiteralString] = {
            "channel": "::data.message_channel",
            "direction": "::data.direction",
            "num_segments": "::integer",
            "duration_seconds": "::integer",
            "status": "::text",
        }
        statement = sql.SQL(how).format(
            table=sql.Identifier("data", event.table),
            columns=sql.SQL(", ").join(map(sql.Identifier, row)),
            values=sql.SQL(", ").join(sql.SQL("%s" + typed.get(name, "")) for name in row),
            changes=sql.SQL(", ").join(
                sql.SQL("{0} = {1}.{0}").format(sql.Identifier(name), source) for name in changes
            ),
        )
        connection.execute(statement, [*row.values()])

    return tell


def plainly(connection: Connection, event: Event, changes: dict[str, Any]) -> None:
    facts.update(connection, event, **changes)


WAYS = {"update": plainly, "upsert": merge(UPSERT), "merge": merge(MERGE)}
LOGINS = ("billing_ingest", "postgres", "replica")


def stored(connection: Connection, event: Event, *columns: str) -> tuple[Any, ...]:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    query = sql.SQL("select {} from {} where provider_id = %s")
    table = sql.Identifier("data", event.table)
    return connection.execute(query.format(names, table), [event.provider_id]).fetchall()[0]


def as_login(db: Db, login: str) -> Connection:
    connection = db.connect("postgres" if login == "replica" else login)
    if login == "replica":
        connection.execute("set session_replication_role = replica")
    return connection


@every_kind
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("login", LOGINS)
def test_late_statuses_do_not_lower(db: Db, kind: type[Event], way: str, login: str) -> None:
    """R14, R16: all that comes before a final status may come after it."""
    words = [word for outcome in STATUSES[kind.table].values() for word in outcome]
    final = STATUSES[kind.table]["counted"][1 if kind in (Message, Email) else 0]
    last = step_of(kind.table, final) or 0
    early = [word for word in words if (step_of(kind.table, word) or 0) < last]
    assert early
    with as_login(db, login) as connection:
        event = kind(uuid4(), NOON, final)
        facts.insert(connection, event)
        for word in early:
            WAYS[way](connection, event, {"status": word})
            assert stored(connection, event, "status") == (final,)
    assert rows(db, NOTES) == []


@every_kind
@pytest.mark.parametrize("way", WAYS)
def test_it_goes_all_the_way_up(db: Db, kind: type[Event], way: str) -> None:
    """R14: from no status through every step, and each step is stored."""
    steps = sorted(
        {
            step_of(kind.table, word): word
            for outcome in STATUSES[kind.table].values()
            for word in outcome
        }.items()  # type: ignore[type-var]
    )
    with db.connect("billing_ingest") as ingest:
        event = kind(uuid4(), NOON, None)
        facts.insert(ingest, event)
        for _, word in [(0, "warp"), *steps]:
            WAYS[way](ingest, event, {"status": word})
            assert stored(ingest, event, "status") == (word,)
        WAYS[way](ingest, event, {"status": None})
        assert stored(ingest, event, "status") == (steps[-1][1],)


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        (kind, *pair)
        for kind, words in (
            (Message, ("delivered", "failed", "undelivered", "received")),
            (Call, ("completed", "busy", "no-answer")),
            (Email, ("delivered", "bounced", "rejected")),
            (AiRequest, ("succeeded", "error", "cached")),
        )
        for pair in permutations(words, 2)
    ],
)
def test_the_first_final_status_stays(db: Db, kind: type[Event], first: str, second: str) -> None:
    """R14: the other one is noted once, however often it comes."""
    with db.connect("billing_ingest") as ingest:
        event = kind(uuid4(), NOON, first)
        facts.insert(ingest, event)
        for _ in range(3):
            facts.update(ingest, event, status=second)
        assert stored(ingest, event, "status") == (first,)
    assert rows(db, NOTES) == [(kind.table, first, second)]


def test_read_comes_after_delivered_and_may_overtake_it(db: Db) -> None:
    """R14: that is an order and no contradiction; failed after read is one."""
    with db.connect("billing_ingest") as ingest:
        event = Message(uuid4(), NOON, "delivered")
        facts.insert(ingest, event)
        for word, stays in (("read", "read"), ("delivered", "read"), ("failed", "read")):
            facts.update(ingest, event, status=word)
            assert stored(ingest, event, "status") == (stays,)
    assert rows(db, NOTES) == [("messages", "read", "failed")]


@pytest.mark.parametrize(
    ("old", "new", "stays", "noted"),
    [
        ("queued", "warp", "warp", False),
        ("warp", "warp again", "warp again", False),
        ("warp", "queued", "queued", False),
        ("warp", "sent", "sent", False),
        ("warp", None, "warp", False),
        (None, "warp", "warp", False),
        ("sent", "warp", "sent", True),
        ("failed", "warp", "failed", True),
        ("delivered", "w" * 100_000, "delivered", True),
    ],
)
def test_a_word_that_nobody_knows(
    db: Db, old: str | None, new: str | None, stays: str, noted: bool
) -> None:
    """R14: it is stored or noted, and takes nothing back that is decided."""
    with db.connect("billing_ingest") as ingest:
        event = Message(uuid4(), NOON, old)
        facts.insert(ingest, event)
        facts.update(ingest, event, status=new)
        assert stored(ingest, event, "status") == (stays,)
    assert rows(db, NOTES) == ([("messages", old, (new or "")[:200])] if noted else [])


@pytest.mark.parametrize(
    ("event", "changes", "left"),
    [
        # not told is not told anew (R13)
        (Message(uuid4(), NOON, "sent", num_segments=3), {"num_segments": None}, 3),
        (Message(uuid4(), NOON, "sent", num_segments=3), {"num_segments": 0}, 3),
        (Message(uuid4(), NOON, "sent", num_segments=3), {"num_segments": 2}, 2),
        (Message(uuid4(), NOON, "sent", num_segments=None), {"num_segments": 0}, 0),
        (Call(uuid4(), NOON), {"duration_seconds": None}, 60),
        (Call(uuid4(), NOON), {"duration_seconds": 0}, 0),
        # what comes with a status that is not taken
        (Call(uuid4(), NOON), {"status": "in-progress", "duration_seconds": 0}, 60),
        (
            Call(uuid4(), NOON, duration_seconds=None),
            {"status": "ringing", "duration_seconds": 61},
            61,
        ),
        (Message(uuid4(), NOON, "read", num_segments=3), {"status": "sent", "num_segments": 1}, 3),
        (
            Message(uuid4(), NOON, "read", num_segments=0),
            {"status": "sent", "num_segments": 2},
            2,
        ),
        (Email(uuid4(), NOON, "bounced", 3), {"status": "delivered", "recipient_count": 1}, 3),
        (Email(uuid4(), NOON, "bounced", 3), {"recipient_count": 1}, 1),
    ],
)
def test_what_was_told_stays_told(db: Db, event: Event, changes: dict[str, Any], left: int) -> None:
    """R13, R14: amounts are told anew, never taken back, and not by a webhook of before."""
    column = next(name for name in ("num_segments", "duration_seconds", "recipient_count")
                  if hasattr(event, name))  # fmt: skip
    with db.connect("billing_ingest") as ingest:
        facts.insert(ingest, event)
        facts.update(ingest, event, **changes)
        assert stored(ingest, event, column) == (left,)
        assert getattr(event.told(**changes), column) == left


told = st.sampled_from(KINDS).flatmap(
    lambda kind: st.tuples(
        st.builds(kind, st.builds(uuid4), st.just(NOON), drawn.statuses(kind.table)),
        st.lists(
            st.tuples(
                st.sampled_from(sorted(WAYS)),
                st.fixed_dictionaries(
                    {}, optional={"status": drawn.statuses(kind.table)} | drawn.told[kind]
                ).filter(bool),
            ),
            max_size=8,
        ),
    )
)


@given(told=told)
def test_whatever_comes_in_whatever_order(
    module_db: Db, told: tuple[Event, list[tuple[str, dict[str, Any]]]]
) -> None:
    """R13, R14, R16: as the oracle says, after every single webhook."""
    event, webhooks = told
    with module_db.connect("billing_ingest") as ingest:
        facts.insert(ingest, event)
        for way, changes in webhooks:
            WAYS[way](ingest, event, changes)
            event = event.told(**changes)
            names = ["status", *drawn.told[type(event)]]
            assert stored(ingest, event, *names) == tuple(getattr(event, n) for n in names)


@every_kind
def test_every_word_has_a_place(module_db: Db, kind: type[Event]) -> None:
    """R14: what is classified has a step, what has none is unclassified; a final one is decided."""
    words = [(word, outcome) for outcome, all_ in STATUSES[kind.table].items() for word in all_]
    for word, outcome in [*words, ("warp", "unclassified"), (None, "unclassified")]:
        rank, means = value(
            module_db, "select status_rank(%s, %s), outcome_of(%s, %s)",
            kind.table, word, kind.table, word,
        )  # fmt: skip
        assert means == outcome
        assert (rank is None) == (outcome == "unclassified")
        assert (rank or 0) < 10 or outcome in ("counted", "not_counted")
        assert outcome != "not_counted" or rank >= 10


def test_a_person_corrects_by_writing_the_fact_anew(db: Db) -> None:
    """R2, R14: deleted and inserted in one statement, past the rule and not past the markers."""
    with db.connect() as host:
        event = Message(uuid4(), NOON, "delivered", num_segments=3)
        facts.insert(host, event)
        facts.take_markers(host)
        host.execute(
            "with wrong as (delete from data.messages where tenant_id = %s and provider_id = %s"
            " returning *) insert into data.messages"
            " select f.* from wrong as w, jsonb_populate_record("
            ' null::data.messages, to_jsonb(w) || \'{"status": "failed"}\') as f',
            [event.tenant_id, event.provider_id],
        )
        assert stored(host, event, "status", "num_segments") == ("failed", 3)
        assert facts.markers(host) == [(event.tenant_id, NOON.date())] * 2


@pytest.mark.parametrize("login", ["billing_tenant", "billing_root", "billing_auth",
                                   "billing_ingest", "billing_operator"])  # fmt: skip
def test_notes_are_nobodys(module_db: Db, login: str) -> None:
    for statement in (
        "select from data.contradicted_facts",
        "delete from data.contradicted_facts",
        "select billing.settle_status('calls', null, null, '', '', '')",
    ):
        with pytest.raises(Exception, match="permission denied"):
            rows(module_db, statement, login=login)
