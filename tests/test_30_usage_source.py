"""What one source row contributes, and whether it counts."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from psycopg import errors
from psycopg.rows import dict_row

from tests import facts
from tests.oracle import STATUSES, AiRequest, Call, Email, Event, Message
from tests.server import Db

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
TENANT = uuid4()
KINDS: dict[str, type[Event]] = {k.table: k for k in (Message, Call, Email, AiRequest)}
BIGGEST = 2**31 - 1

KNOWN = [
    (table, status, outcome)
    for table, outcomes in STATUSES.items()
    for outcome, statuses in outcomes.items()
    for status in statuses
]
UNKNOWN = [
    (table, status)
    for table in STATUSES
    for status in (None, "", "warp", "null", " sent", "delivered ", "Completed", "in_progress")
]


def source(db: Db, *events: Event) -> list[Any]:
    """The rows of usage_source for these events, which are taken back again."""
    with db.connect() as host, host.transaction(force_rollback=True):
        facts.insert(host, *events)
        cursor = host.cursor(row_factory=dict_row)
        return cursor.execute("select * from usage_source order by provider_id").fetchall()


@pytest.mark.parametrize(("table", "status", "outcome"), KNOWN)
def test_known_status(module_db: Db, table: str, status: str, outcome: str) -> None:
    """R14: every known status is counted, not counted or pending; R19: test traffic never is."""
    kind = KINDS[table]
    rows = source(
        module_db,
        kind(TENANT, NOON, status, provider_id="1"),
        kind(TENANT, NOON, status, provider_id="2", is_test=True),
        kind(TENANT, NOON, status.upper(), provider_id="3"),
    )
    assert [row["outcome"] for row in rows] == [outcome, "test", "unclassified"]


@pytest.mark.parametrize(("table", "status"), UNKNOWN)
def test_unknown_status(module_db: Db, table: str, status: str | None) -> None:
    """R14: an unknown status, none, or other white space is stored and shown as unclassified."""
    kind = KINDS[table]
    rows = source(
        module_db,
        kind(TENANT, NOON, status, provider_id="1"),
        kind(TENANT, NOON, status, provider_id="2", is_test=True),
    )
    assert [row["outcome"] for row in rows] == ["unclassified", "test"]


def test_statuses_are_written_in_one_file() -> None:
    """R14: no other SQL file knows a provider's word."""
    folder = Path(__file__).parent.parent / "sql"
    for word in ("undelivered", "partially_delivered", "no-answer", "bounced", "not_sent"):
        files = [path.name for path in folder.glob("*.sql") if f"'{word}'" in path.read_text()]
        assert files == ["30_usage_source.sql"]


@pytest.mark.parametrize(
    ("seconds", "minutes"),
    [(None, 0), (0, 0), (1, 1), (59, 1), (60, 1), (61, 2), (80, 2), (120, 2), (BIGGEST, 35791395)],
)
@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_minutes_are_rounded_up_per_leg(
    module_db: Db, seconds: int | None, minutes: int, direction: str
) -> None:
    """R12: minutes are ceil(seconds / 60) of each leg, seconds are kept; R29: without floats."""
    (row,) = source(module_db, Call(TENANT, NOON, "completed", direction, seconds))
    assert (row["kind"], row["units"], row["provider_units"]) == (
        f"voice_{direction}",
        minutes,
        seconds or 0,
    )


@pytest.mark.parametrize(
    ("told", "segments", "is_estimated"),
    [(None, 1, True), (0, 1, True), (1, 1, False), (3, 3, False), (BIGGEST, BIGGEST, False)],
)
@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_segments(
    module_db: Db, told: int | None, segments: int, is_estimated: bool, direction: str
) -> None:
    """R13: the provider's value first; none and 0 are 1 and visible as estimated."""
    (row,) = source(module_db, Message(TENANT, NOON, "sent", "sms", direction, told))
    assert row["kind"] == f"sms_{direction}"
    assert (row["units"], row["provider_units"], row["is_estimated"]) == (1, segments, is_estimated)


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_sms_and_mms_are_disjoint(module_db: Db, direction: str) -> None:
    """R15: a row is what it is billed as and nothing else, whatever its id looks like."""
    rows = source(
        module_db,
        Message(TENANT, NOON, "delivered", "mms", direction, None, provider_id="MM1"),
        Message(TENANT, NOON, "delivered", "sms", direction, 2, provider_id="MM2"),
    )
    assert [(row["kind"], row["is_estimated"]) for row in rows] == [
        (f"mms_{direction}", False),
        (f"sms_{direction}", False),
    ]


def test_recipients_and_requests(module_db: Db) -> None:
    """E-mails count by recipients, AI requests one by one; a row says which table it is from."""
    rows = source(
        module_db,
        AiRequest(TENANT, NOON, "error", provider_id="1"),
        Email(TENANT, NOON, "bounced", 46, provider_id="2"),
        Email(TENANT, NOON, "sent", 0, provider_id="3"),
    )
    assert [(row["source"], row["kind"], row["units"]) for row in rows] == [
        ("ai_requests", "ai_request", 1),
        ("emails", "email", 46),
        ("emails", "email", 0),
    ]


@pytest.mark.parametrize("kind", KINDS.values())
def test_an_id_is_unique_per_tenant_for_ever(db: Db, kind: type[Event]) -> None:
    """R16, R18: a repeated webhook adds nothing and another content is an error, however long
    after; the same id of another tenant is another event."""
    first = kind(TENANT, NOON, provider_id="x")
    with db.connect("billing_ingest") as ingest, db.connect() as reader:
        facts.insert(ingest, first, kind(uuid4(), NOON, provider_id="x"))
        facts.insert(ingest, *[first] * 46, keep_first=True)
        for at in (NOON, NOON.replace(year=2028)):
            with pytest.raises(errors.UniqueViolation):
                facts.insert(ingest, kind(TENANT, at, "failed", provider_id="x"))
        row = reader.execute("select count(*) from billing.usage_source").fetchone()
    assert row == (2,)


@pytest.mark.parametrize("instant", ["infinity", "-infinity"])
@pytest.mark.parametrize("kind", KINDS.values())
def test_infinite_instants_are_refused(module_db: Db, kind: type[Event], instant: Any) -> None:
    """R32: an instant that never comes cannot be stored."""
    with module_db.connect("billing_ingest") as ingest, pytest.raises(errors.CheckViolation):
        facts.insert(ingest, kind(TENANT, instant))


@pytest.mark.parametrize(
    "event",
    [
        Message(TENANT, NOON, num_segments=-1),
        Call(TENANT, NOON, duration_seconds=-1),
        Email(TENANT, NOON, recipient_count=-1),
    ],
)
def test_negative_amounts_are_refused(module_db: Db, event: Event) -> None:
    """R29: nothing counts backwards."""
    with module_db.connect("billing_ingest") as ingest, pytest.raises(errors.CheckViolation):
        facts.insert(ingest, event)


@pytest.mark.parametrize(
    "blank",
    ["", " ", "\t\n", "\u00a0", "\u200b", "\ufeff", "\u3000", "\u2800", "\u3164", "\x7f", " x",
     "x ", "x\r", "\nx", "\u200bx", "x\u00a0", "x\ufeff", "\u00e9x"],
)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS.values())
def test_an_id_can_be_seen(module_db: Db, kind: type[Event], blank: str) -> None:
    """R18: none, or one with a blank or an invisible character at an end, is refused: three
    messages would be one, or one would be two."""
    with module_db.connect("billing_ingest") as ingest:
        with pytest.raises(errors.CheckViolation, match=f"{kind.table}_provider_id_visible"):
            facts.insert(ingest, kind(TENANT, NOON, provider_id=blank))
        for login in ("postgres", "replica"):
            with module_db.connect("postgres") as host:
                if login == "replica":
                    host.execute("set session_replication_role = replica")
                with pytest.raises(errors.CheckViolation):
                    facts.insert(host, kind(TENANT, NOON, provider_id=blank), keep_first=True)


@pytest.mark.parametrize("kind", KINDS.values())
def test_an_id_has_a_sensible_length(db: Db, kind: type[Event]) -> None:
    """R18: refused in words before an index refuses it; all that providers use is taken."""
    with db.connect("billing_ingest") as ingest:
        for fine in ("x", "urn:source with blanks 42", "a\u00f6z", "x" * 1000):
            facts.insert(ingest, kind(TENANT, NOON, provider_id=fine))
        for long in ("x" * 1001, "\u00f6" * 500 + "x", "".join(map(str, range(2000)))):
            with pytest.raises(errors.CheckViolation, match="provider_id_"):
                facts.insert(ingest, kind(TENANT, NOON, provider_id=long))
