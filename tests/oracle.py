"""The counting rules once more, in plain Python and without a look at the SQL: from events to what
every daily row has to say."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import count
from typing import Any, ClassVar, Self
from uuid import UUID

Outcome = str
Figures = dict[str, int]
Rows = dict[tuple[UUID, date], Figures]
Key = tuple[Any, ...]

# What each provider's word means (R14). Another case, any other word and no word: unclassified.
STATUSES: dict[str, dict[Outcome, tuple[str, ...]]] = {
    "messages": {
        "counted": (
            "sent",
            "delivered",
            "undelivered",
            "read",
            "partially_delivered",
            "received",
        ),
        "not_counted": ("failed", "canceled"),
        "pending": ("queued", "accepted", "scheduled", "sending", "receiving"),
    },
    "calls": {
        "counted": ("completed",),
        "not_counted": ("busy", "failed", "no-answer", "canceled"),
        "pending": ("queued", "initiated", "ringing", "in-progress"),
    },
    "emails": {
        "counted": ("sent", "delivered", "deferred", "bounced", "dropped"),
        "not_counted": ("rejected", "failed"),
        "pending": ("queued", "processing"),
    },
    "ai_requests": {
        "counted": ("succeeded", "error"),
        "not_counted": ("not_sent", "cached"),
        "pending": ("pending",),
    },
}
# How far a status is along (R14), a step of words at a time; of the last two steps the first that
# comes stays, but for a message that is read after it was delivered.
STEPS: dict[str, tuple[tuple[str, ...], ...]] = {
    "messages": (
        ("accepted", "scheduled"),
        ("queued",),
        ("sending", "receiving"),
        ("sent",),
        ("delivered", "undelivered", "failed", "canceled", "partially_delivered", "received"),
        ("read",),
    ),
    "calls": (
        ("queued", "initiated"),
        ("ringing",),
        ("in-progress",),
        ("completed", "busy", "failed", "no-answer", "canceled"),
    ),
    "emails": (
        ("queued", "processing"),
        ("sent",),
        ("deferred",),
        ("delivered", "bounced", "dropped", "rejected", "failed"),
    ),
    "ai_requests": (("pending",), ("succeeded", "error", "not_sent", "cached")),
}
METRICS = (
    "sms_outbound_count",
    "sms_inbound_count",
    "mms_outbound_count",
    "mms_inbound_count",
    "sms_outbound_segments",
    "sms_inbound_segments",
    "voice_minutes_inbound",
    "voice_minutes_outbound",
    "voice_seconds_inbound",
    "voice_seconds_outbound",
    "emails_sent",
    "ai_requests",
)
# Every source row is exactly one of the first five; an estimated one is counted as well.
ROWS = (
    "counted_rows",
    "pending_rows",
    "not_counted_rows",
    "test_rows",
    "unclassified_rows",
    "estimated_rows",
)
ZERO: Figures = dict.fromkeys(METRICS + ROWS, 0)

_ids = count(1)


@dataclass(frozen=True)
class Event:
    """What every source row has; the fields are the columns."""

    table: ClassVar[str]
    tenant_id: UUID
    occurred_at: datetime
    status: str | None = None
    provider_id: str = field(default_factory=lambda: f"id{next(_ids)}", kw_only=True)
    is_test: bool = field(default=False, kw_only=True)

    def usage(self) -> Figures:
        """What the row adds to its tenant's day if it counts."""
        raise NotImplementedError

    @property
    def is_estimated(self) -> bool:
        return False

    @property
    def key(self) -> Key:
        """Unique for ever, per tenant (R18)."""
        return self.table, self.tenant_id, self.provider_id

    @property
    def day(self) -> date:
        """The UTC day of the instant, whatever zone it is written in (R7, R8)."""
        return self.occurred_at.astimezone(UTC).date()

    @property
    def outcome(self) -> Outcome:
        return "test" if self.is_test else outcome_of(self.table, self.status)

    def told(self, **changes: Any) -> Self:
        """The event after a writer told more: a status only moves up, and with one that is not
        taken nothing changes that was told before (R14)."""
        told = replace(self, **changes)
        if not supersedes(self.table, self.status, told.status):
            told = replace(told, status=self.status, **self.amounts)
        kept = {name: was for name, was in self.amounts.items() if name not in told.amounts}
        return replace(told, **kept)

    @property
    def amounts(self) -> dict[str, Any]:
        """What the provider has told of how much it was."""
        return {}


@dataclass(frozen=True)
class Message(Event):
    table = "messages"
    status: str | None = "sent"
    channel: str = "sms"
    direction: str = "outbound"
    num_segments: int | None = 1

    def usage(self) -> Figures:
        figures = {f"{self.channel}_{self.direction}_count": 1}
        if self.channel == "sms":
            # what the provider says, and 1 until it says anything (R13)
            figures[f"sms_{self.direction}_segments"] = self.num_segments or 1
        return figures

    @property
    def is_estimated(self) -> bool:
        return self.channel == "sms" and not self.num_segments

    @property
    def amounts(self) -> dict[str, Any]:
        return {"num_segments": self.num_segments} if self.num_segments else {}


@dataclass(frozen=True)
class Call(Event):
    """One leg."""

    table = "calls"
    status: str | None = "completed"
    direction: str = "outbound"
    duration_seconds: int | None = 60

    def usage(self) -> Figures:
        seconds = self.duration_seconds or 0
        return {
            f"voice_seconds_{self.direction}": seconds,
            # each leg rounded up (R12)
            f"voice_minutes_{self.direction}": seconds // 60 + (seconds % 60 > 0),
        }

    @property
    def amounts(self) -> dict[str, Any]:
        seconds = self.duration_seconds
        return {} if seconds is None else {"duration_seconds": seconds}


@dataclass(frozen=True)
class Email(Event):
    table = "emails"
    status: str | None = "delivered"
    recipient_count: int = 1

    def usage(self) -> Figures:
        return {"emails_sent": self.recipient_count}

    @property
    def amounts(self) -> dict[str, Any]:
        return {"recipient_count": self.recipient_count}


@dataclass(frozen=True)
class AiRequest(Event):
    table = "ai_requests"
    status: str | None = "succeeded"
    feature: str = "sms_ai"

    def usage(self) -> Figures:
        return {"ai_requests": 1}


def outcome_of(table: str, status: str | None) -> Outcome:
    for outcome, statuses in STATUSES[table].items():
        if status in statuses:
            return outcome
    return "unclassified"


def step_of(table: str, status: str | None) -> int | None:
    steps = [number for number, words in enumerate(STEPS[table]) if status in words]
    return steps[0] if steps else None


def supersedes(table: str, old: str | None, new: str | None) -> bool:
    """Whether a status takes the place of another, or is the same."""
    was, comes = step_of(table, old), step_of(table, new)
    if new is None or old is None or new == old:
        return new is not None or old is None
    if was is None:
        return True  # an unknown word gives way to any other
    if comes is None:
        return outcome_of(table, old) == "pending"
    return comes > was


def expected(events: Iterable[Event], tenants: Collection[UUID]) -> Rows:
    """The daily rows of the tenants that exist; a (tenant, day) without any event has none."""
    rows: Rows = {}
    for event in events:
        if event.tenant_id not in tenants:
            continue
        row = rows.setdefault((event.tenant_id, event.day), dict(ZERO))
        row[f"{event.outcome}_rows"] += 1
        if event.outcome == "counted":
            row["estimated_rows"] += event.is_estimated
            for metric, amount in event.usage().items():
                row[metric] += amount
    return rows


def total(rows: Iterable[Figures]) -> Figures:
    """Every figure added up."""
    figures = dict(ZERO)
    for row in rows:
        for name, amount in row.items():
            figures[name] += amount
    return figures
