"""Facts that are stored and not what they should be: how many, an example, and all of them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import errors

from tests import facts
from tests.oracle import AiRequest, Message
from tests.past import add_tenants, at, bill_from, day, nightly, rows, run, value
from tests.server import Db

OPERATOR = "billing_operator"
STRANGER = UUID(int=9)


@pytest.fixture
def now(db: Db) -> datetime:
    """Billing began the day before yesterday; a fact of every questionable kind came in."""
    rows(db, "update settings set billing_from = utc_day(now()) - 2")
    (tenant,) = add_tenants(db, 1)
    now: datetime = value(db, "select now()")
    with db.connect() as connection:
        facts.insert(
            connection,
            Message(tenant, now, provider_id="fine"),
            Message(tenant, now - timedelta(days=1), "warp", provider_id="odd 1"),
            Message(tenant, now, None, provider_id="odd 2"),
            Message(tenant, now, num_segments=None, provider_id="guess"),
            Message(tenant, now + timedelta(days=2), provider_id="early"),
            Message(tenant, datetime.fromisoformat("1970-01-01T00:00Z"), provider_id="old"),
            AiRequest(STRANGER, now, provider_id="nobody's 1"),
            AiRequest(STRANGER, now - timedelta(days=400), provider_id="nobody's 2"),
        )
    run(db, now)
    return now


def listed(db: Db, kind: str, limit: int = 10, offset: int = 0) -> list[str]:
    query = "select provider_id from questionable_rows(%s, %s, %s)"
    return rows(db, query, kind, limit, offset, login=OPERATOR)


@pytest.mark.usefixtures("now")
def test_every_kind_and_nothing_else(db: Db) -> None:
    """R13, R14, R32: a row is listed for what it is, the newest day first where days are known."""
    assert listed(db, "unclassified") == ["odd 2", "odd 1"]
    assert listed(db, "unclassified", 1, 1) == ["odd 1"]
    assert listed(db, "estimated") == ["guess"]
    assert listed(db, "future") == ["early"]
    assert listed(db, "ancient") == ["old"]
    assert listed(db, "orphaned") == ["nobody's 2", "nobody's 1"]
    for arguments in (("odd",), ("future", -1), ("future", 1, -1), (None,)):
        with pytest.raises(errors.InvalidParameterValue):
            rows(db, f"select questionable_rows({', '.join(['%s'] * len(arguments))})",
                 *arguments, login=OPERATOR)  # fmt: skip


def test_health_tells_how_many_and_one_of_them(db: Db, now: datetime) -> None:
    """Unknown tenants are looked for every night; everything else is there at once."""
    rows(db, "delete from data.orphaned_facts")
    query = "select unclassified_rows, estimated_rows, future_rows, orphaned_rows from usage_health"
    assert value(db, query, login=OPERATOR) == (2, 1, 1, 0)
    nightly(db, now)
    assert value(db, query, login=OPERATOR) == (2, 1, 1, 2)
    found = {
        kind: more
        for kind, *more in rows(
            db, "select kind, source_rows, example, command from data_quality", login=OPERATOR
        )
    }
    assert list(found) == ["unclassified", "orphaned", "future", "ancient", "estimated"]
    assert [entry[0] for entry in found.values()] == [2, 2, 1, 1, 1]
    assert found["orphaned"][1].startswith(f"tenant {STRANGER}, ")
    assert found["orphaned"][1].endswith("ai_requests nobody's 2, status 'succeeded'")
    assert found["ancient"][1].endswith(", 1970-01-01, messages old, status 'sent'")
    assert found["unclassified"][1].endswith("messages odd 2, status none")
    assert {entry[2] for entry in found.values()} == {f"billing quality {kind}" for kind in found}


def test_a_tenant_that_is_added_is_no_orphan_any_more(db: Db, now: datetime) -> None:
    """Its facts of days since billing began are counted by the next run (R3)."""
    nightly(db, now)
    rows(db, "insert into tenants (id, name) values (%s, 'Known now')", STRANGER)
    run(db, value(db, "select now()"))
    assert listed(db, "orphaned") == []
    nightly(db, value(db, "select now()"))
    assert value(db, "select orphaned_rows from usage_health", login=OPERATOR) == 0
    query = "select sum(ai_requests) from billing_usage_daily where tenant_id = %s"
    assert value(db, query, STRANGER) == 1


def test_nothing_to_tell(db: Db) -> None:
    rows(db, "update settings set billing_from = utc_day(now())")
    nightly(db, value(db, "select now()"))
    assert rows(db, "select * from data_quality", login=OPERATOR) == []


def test_a_page_of_many_days(db: Db) -> None:
    """Wherever a page begins and ends; and days that it does not show are not looked into."""
    rows(db, "update settings set billing_from = utc_day(now()) - 8")
    tenants = add_tenants(db, 4)
    now: datetime = value(db, "select now()")
    with db.connect() as connection:
        facts.insert(
            connection,
            *(
                Message(who, now - timedelta(days=ago), "warp", provider_id=f"{ago} {number}")
                for ago in (0, 1, 3, 4, 8)
                for number, who in enumerate(tenants)
            ),
        )
    run(db, now)
    every = listed(db, "unclassified", 100)
    assert [name[0] for name in every] == [*"0000", *"1111", *"3333", *"4444", *"8888"]
    for offset in range(22):
        for limit in (0, 1, 4, 7):
            assert listed(db, "unclassified", limit, offset) == every[offset : offset + limit]
    with db.connect(OPERATOR, autocommit=False) as connection:
        connection.execute("select from questionable_rows('unclassified', 1)")
        read = connection.execute(
            "select coalesce(sum(seq_tup_read + idx_tup_fetch), 0) from pg_stat_xact_user_tables"
            " where relname = 'messages'"
        ).fetchall()
    assert 0 < read[0][0] <= 4


def test_what_is_stuck(db: Db) -> None:
    """R14: pending for more than three days, the newest first; found through the ledgers."""
    rows(db, "update settings set billing_from = utc_day(now()) - 8")
    (tenant,) = add_tenants(db, 1)
    now: datetime = value(db, "select now()")
    with db.connect() as connection:
        facts.insert(
            connection,
            *(
                Message(tenant, now - timedelta(days=ago), status, provider_id=f"{status} {ago}")
                for ago in (0, 3, 4, 7)
                for status in ("queued", "sent")
            ),
        )
    run(db, now)
    assert listed(db, "stuck") == ["queued 4", "queued 7"]
    assert listed(db, "stuck", 1, 1) == ["queued 7"]
    query = "select source_rows, example from data_quality where kind = 'stuck'"
    number, example = value(db, query, login=OPERATOR)
    assert (number, "messages queued 4, status 'queued'" in example) == (2, True)
    rows(db, "update messages set status = 'failed'", login="billing_ingest")
    run(db, value(db, "select now()"))
    assert listed(db, "stuck") == []
    assert rows(db, query, login=OPERATOR) == []


def test_contradictions(db: Db) -> None:
    """R14: the newest first, with both words; gone with the fact, its correction or the note."""
    (tenant,) = add_tenants(db, 1)
    now: datetime = value(db, "select now()")
    events = [Message(tenant, now, "failed", provider_id=f"M{n}") for n in range(3)]
    with db.connect() as connection:
        facts.insert(connection, *events)
        for event in events:
            facts.update(connection, event, status="delivered")
    query = "select provider_id, status from questionable_rows('contradicted')"
    found = rows(db, query, login=OPERATOR)
    assert found == [(f"M{n}", "failed, then delivered") for n in (2, 1, 0)]
    number, example = value(db, "select source_rows, example from data_quality", login=OPERATOR)
    assert (number, "M2, status 'failed, then delivered'" in example) == (3, True)
    rows(db, "delete from data.messages where provider_id = 'M0'")
    rows(db, "delete from data.contradicted_facts where provider_id = 'M1'")
    assert rows(db, query, login=OPERATOR) == found[:1]
    rows(db, "alter table data.messages disable trigger keep_status")
    rows(db, "update data.messages set status = 'delivered'")
    assert rows(db, query, login=OPERATOR) == []


def test_facts_of_sealed_days(db: Db) -> None:
    """R21: what came in without triggers is shown; other days are not looked into."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    with db.connect() as connection:
        facts.insert(
            connection, *(Message(tenant, at(n), provider_id=f"M{n}") for n in range(1, 9))
        )
    nightly(db, at(10))
    rows(db, "select change_setting('raw_retention_days', '70')", login=OPERATOR)
    for number in (1, 2, 3, 5, 6):
        rows(db, "select seal_day(%s)", day(number), login=OPERATOR)
    assert listed(db, "sealed") == []
    with db.connect() as connection:
        connection.execute("alter table data.messages disable trigger all")
        facts.insert(connection, *(Message(tenant, at(n), provider_id=f"late {n}")
                                   for n in range(1, 9)))  # fmt: skip
    assert listed(db, "sealed") == ["late 5", "late 6", "late 1", "late 2", "late 3"]
    assert listed(db, "sealed", 2, 1) == ["late 6", "late 1"]
    kinds = "select source_rows from data_quality where kind = 'sealed'"
    assert value(db, kinds, login=OPERATOR) == 5
    ranges = "select * from questionable_days('sealed')"
    assert rows(db, ranges) == [(day(5), day(7)), (day(1), day(4))]
    rows(db, "alter table data.messages enable trigger all")
    rows(db, "delete from data.messages where provider_id in ('late 1', 'late 2')")
    assert listed(db, "sealed") == ["late 5", "late 6", "late 3"]


@pytest.mark.parametrize("kind", ["future", "ancient", "sealed"])
def test_the_sources_are_not_read_through(db: Db, kind: str) -> None:
    """Ten thousand ordinary rows are passed over by the brin index."""
    (tenant,) = add_tenants(db, 1)
    rows(
        db,
        "insert into messages (tenant_id, occurred_at, provider_id, channel, direction, status)"
        " select %s, timestamptz '2025-03-01Z' + n * interval '1 s', n, 'sms', 'outbound', 'sent'"
        " from generate_series(1, 30000) as n",
        tenant,
    )
    with db.connect() as connection:
        connection.execute("vacuum analyze data.messages")
    condition = {
        "future": ">= now()",
        "ancient": "< timestamptz '2000-01-01Z'",
        "sealed": "between '2024-01-01Z' and '2025-02-28Z'",
    }[kind]
    plan = value(
        db,
        "explain (analyze, format json) select from billing.usage_source"
        f" where occurred_at {condition} limit 1000",
    )
    assert "messages_occurred_at_brin" in str(plan)
    assert _read(plan[0]["Plan"]) < 10_000


def _read(node: dict[str, Any]) -> int:
    """Heap rows that a plan looked at and threw away, or returned."""
    own = node.get("Rows Removed by Index Recheck", 0) + node.get("Rows Removed by Filter", 0)
    return own + sum(_read(child) for child in node.get("Plans", []))


@pytest.mark.parametrize(
    "login", ["billing_tenant", "billing_root", "billing_auth", "billing_ingest"]
)
def test_only_the_operator_and_a_root_session_look(module_db: Db, login: str) -> None:
    for query in (
        "select * from billing.questionable_rows('future')",
        "select * from billing.read_data_quality(true)",
        "select * from billing.data_quality",
        "select * from data.orphaned_facts",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            rows(module_db, query, login=login)
