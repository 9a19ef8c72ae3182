"""Two years at once: every day from June 2023 to June 2025 comes, is counted at night and left
alone, over a leap day, two ends of a year, eight changes of clocks."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from tests import facts
from tests.facts import Connection, call
from tests.oracle import METRICS, AiRequest, Call, Email, Event, Message, expected, total
from tests.server import Db

A_DAY = timedelta(days=1)
FIRST, LAST = date(2023, 6, 15), date(2025, 6, 14)
DAYS = [FIRST + n * A_DAY for n in range((LAST - FIRST).days + 1)]
TURNS = (date(2023, 12, 31), date(2024, 2, 29), date(2024, 12, 31))


class Host:
    """What arrives on a day, receipts and late facts of earlier days included."""

    def __init__(self, connection: Connection, tenants: list[UUID]) -> None:
        self.connection, self.tenants = connection, tenants
        self.dice = Random(24)  # noqa: S311
        self.events: dict[Any, Event] = {}
        self.running: list[Event] = []

    def live(self, day: date) -> None:
        start = datetime.combine(day, time.min, UTC)
        end = start + A_DAY - timedelta(microseconds=1)
        mine = self.dice.choice(self.tenants)
        fresh: list[Event] = [
            *(Message(tenant, at) for tenant in self.tenants for at in (start, end)),
            Call(mine, end - timedelta(minutes=2), "in-progress", "inbound", None),
            Email(mine, start + timedelta(hours=12), recipient_count=self.dice.randint(1, 9)),
        ]
        if day - FIRST >= 90 * A_DAY and self.dice.random() < 0.2:
            ago = self.dice.choice([1, 9, 11, 90])
            fresh.append(AiRequest(mine, start - ago * A_DAY + timedelta(hours=20)))
        with self.connection.transaction():
            for event in self.running:  # the call over midnight ends and is written down
                self.keep(
                    facts.update(self.connection, event, status="completed", duration_seconds=541)
                )
            facts.insert(self.connection, *fresh)
            # rows of today leave no marker; to the real clock this day is a past one
            self.connection.execute(
                "delete from data.late_day_markers where usage_date = %s", [day]
            )
        for event in fresh:
            self.keep(event)
        self.running = [event for event in fresh if event.status == "in-progress"]

    def keep(self, event: Event) -> None:
        self.events[event.key] = event


@pytest.mark.slow
def test_two_years_of_nights(db: Db) -> None:
    """R3, R4, R5, R7, R9, R10, R24: each night nothing is left due, and in the end every day and
    every month is what the events say."""
    with db.connect() as connection, db.connect("billing_operator") as operator:
        facts.bill_from(connection, FIRST)
        host = Host(connection, tenants := facts.add_tenants(connection, 3))
        for day in DAYS:
            host.live(day)
            night = datetime.combine(day + A_DAY, time(4), UTC)
            assert call(operator, "run_nightly", night) == 0
            if day in TURNS or (day + A_DAY).day == 1:
                truth = expected(host.events.values(), tenants)
                assert facts.stored(connection) == truth

        host.live(LAST + A_DAY)
        assert call(operator, "run_nightly", datetime.combine(LAST + 2 * A_DAY, time(4), UTC)) == 0
        truth = expected(host.events.values(), tenants)
        assert facts.stored(connection) == truth
        assert {day for _, day in truth} >= {*DAYS}
        assert months(connection) == by_month(truth)
        states = connection.execute(
            "select state, count(*) from data.usage_days group by state order by state"
        ).fetchall()
        assert states == [("complete", len(DAYS) + 1), ("open", 1)]


def months(connection: Connection) -> dict[tuple[UUID, date], list[int]]:
    """What the pages show of every month with use."""
    additive = ", ".join(f"u.{name}" for name in METRICS)
    query = (
        f"select u.tenant_id, u.period_start, {additive}"  # noqa: S608
        " from billing.usage_periods as p"
        " cross join lateral billing.tenant_usage_on(p.period_start, now()) as u"
    )
    return {
        (tenant, start): figures
        for tenant, start, *figures in connection.execute(query.encode())
        if any(figures)
    }


def by_month(truth: dict[tuple[UUID, date], dict[str, int]]) -> dict[tuple[UUID, date], list[int]]:
    days: dict[tuple[UUID, date], list[dict[str, int]]] = defaultdict(list)
    for (tenant, day), figures in truth.items():
        days[tenant, day.replace(day=1)].append(figures)
    sums = {key: total(figures) for key, figures in days.items()}
    return {key: [figures[name] for name in METRICS] for key, figures in sums.items()}
