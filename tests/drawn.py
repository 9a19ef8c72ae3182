"""What hypothesis draws: facts of every status, amount and direction, at the edges of some days."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from tests.oracle import STATUSES, AiRequest, Call, Email, Event, Message

# long before billing, a leap day, the first of a month, a day on which American clocks change
DAYS = (date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 10))
BILLING_FROM = DAYS[1]
# the leap day just over, the next one nearly and just over, before and after a night, all over; in
# any order: clocks step, and schedulers sleep
INSTANTS_TO_RUN_AT = (
    datetime(2024, 3, 1, tzinfo=UTC),
    datetime(2024, 3, 1, 23, 59, 59, tzinfo=UTC),
    datetime(2024, 3, 2, tzinfo=UTC),
    datetime(2024, 3, 2, 3, 59, 59, tzinfo=UTC),
    datetime(2024, 3, 2, 4, tzinfo=UTC),
    datetime(2024, 3, 5, 12, tzinfo=UTC),
    datetime(2024, 3, 11, 4, tzinfo=UTC),
    datetime(2024, 3, 13, 9, tzinfo=UTC),
)
# fewer days than one call counts
STARTS = (date(2024, 2, 20), date(2024, 2, 29), date(2024, 3, 2), date(2024, 3, 11))
TENANTS = [UUID(int=number) for number in (1, 2, 3)]
STRANGER = UUID(int=4)
ZONES = ("UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Kiritimati")
OFFSETS = (UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-3, minutes=-30)))

instants = st.builds(
    lambda day, clock, offset: datetime.combine(day, clock, UTC).astimezone(offset),
    st.sampled_from(DAYS),
    st.sampled_from([time.min, time.max, time(23, 59, 59)]) | st.times(),
    st.sampled_from(OFFSETS),
)
owners = st.sampled_from([*TENANTS, STRANGER])
amounts = st.sampled_from([0, 1, 3, 59, 60, 61, 80, 2**31 - 1]) | st.integers(0, 4000)
channels = st.sampled_from(["sms", "sms", "mms"])
directions = st.sampled_from(["inbound", "outbound"])
# what a provider may only know later
told: dict[type[Event], dict[str, Any]] = {
    Message: {"num_segments": st.none() | amounts},
    Call: {"duration_seconds": st.none() | amounts},
    Email: {"recipient_count": amounts},
    AiRequest: {},
}


def statuses(table: str) -> st.SearchStrategy[str | None]:
    """Every known one, the counted ones more often; unknown, in upper case, none."""
    known = [status for group in STATUSES[table].values() for status in group]
    counted = STATUSES[table]["counted"]
    return st.sampled_from([*counted * 2, *known, counted[0].upper(), "warp", None])


def _events(kind: type[Event], **columns: Any) -> st.SearchStrategy[Event]:
    return st.builds(
        kind,
        owners,
        instants,
        statuses(kind.table),
        provider_id=st.sampled_from("abcdefgh"),
        is_test=st.sampled_from([False, False, False, True]),
        **told[kind],
        **columns,
    )


events = st.one_of(
    _events(Message, channel=channels, direction=directions),
    _events(Call, direction=directions),
    _events(Email),
    _events(AiRequest),
)
batches = st.lists(events, min_size=1, max_size=12)
unique_events = st.lists(
    events, max_size=40, unique_by=lambda event: (event.table, event.tenant_id, event.provider_id)
)
# [from, until), around those days
ranges = st.lists(
    st.dates(date(2024, 2, 26), date(2024, 3, 12)), min_size=2, max_size=2, unique=True
).map(sorted)


def on(day: date, event: Event) -> Event:
    """The same event on another UTC day."""
    clock = event.occurred_at.astimezone(UTC).time()
    return replace(event, occurred_at=datetime.combine(day, clock, UTC))
