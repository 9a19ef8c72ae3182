"""The counting rules once more, in plain Python and without a look at the SQL: from events to what
every daily row has to say."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from typing import Any, ClassVar
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
        if self.is_test:
            return "test"
        for outcome, statuses in STATUSES[self.table].items():
            if self.status in statuses:
                return outcome
        return "unclassified"


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


@dataclass(frozen=True)
class Email(Event):
    table = "emails"
    status: str | None = "delivered"
    recipient_count: int = 1

    def usage(self) -> Figures:
        return {"emails_sent": self.recipient_count}


@dataclass(frozen=True)
class AiRequest(Event):
    table = "ai_requests"
    status: str | None = "succeeded"
    feature: str = "sms_ai"

    def usage(self) -> Figures:
        return {"ai_requests": 1}


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
