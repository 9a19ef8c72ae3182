"""Recounting and comparing without writing, as the operator: what `verify` and --dry-run call."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from app.connecting import connect
from app.settings import Settings

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Difference:
    """A figure that is not what the source rows say; see billing.verify_usage."""

    tenant_id: UUID | None
    date: date
    metric: str | None
    stored: int | None
    recounted: int | None
    is_waiting: bool = False

    def __str__(self) -> str:
        whose = self.tenant_id or "day ledger"
        if self.metric is None:
            return f"{self.date}  {whose}  late facts wait, no figure changes"
        waiting = "  (late facts wait for the next run)" if self.is_waiting else ""
        return f"{self.date}  {whose}  {self.metric}: {self.stored} → {self.recounted}{waiting}"


@dataclass
class Verdict:
    """What verifying a range came to."""

    verified: list[date] = field(default_factory=list[date])
    sealed: list[date] = field(default_factory=list[date])
    not_complete: list[tuple[date, str]] = field(default_factory=list[tuple[date, str]])
    differences: list[Difference] = field(default_factory=list[Difference])
    digest: str = ""

    @property
    def wrong(self) -> list[Difference]:
        """What no waiting fact explains."""
        return [found for found in self.differences if not found.is_waiting]

    @property
    def waiting(self) -> list[Difference]:
        """What the next run will put right."""
        return [found for found in self.differences if found.is_waiting]


def verify(
    settings: Settings,
    first: date,
    end: date,
    progress: Callable[[int], None],
    found: Callable[[Difference], None],
) -> Verdict:
    """Compare the complete, unsealed days of [first, end) day by day; writes nothing."""
    verdict = Verdict()
    with connect(settings.conninfo("operator"), autocommit=True) as connection:
        states = connection.execute(
            "select date, state from billing.day_states(%s, %s)", [first, end]
        ).fetchall()
        for done, (day, state) in enumerate(states, 1):
            if state == "complete":
                verdict.verified.append(day)
                for difference in _verify_day(connection, day):
                    found(difference)
                    verdict.differences.append(difference)
            elif state == "sealed":
                verdict.sealed.append(day)
            else:
                verdict.not_complete.append((day, state))
            progress(done)
        row = connection.execute("select billing.usage_digest(%s, %s)", [first, end]).fetchone()
        verdict.digest = str(row[0]) if row else ""
    return verdict


def _verify_day(connection: psycopg.Connection[tuple[object, ...]], day: date) -> list[Difference]:
    with connection.cursor(row_factory=class_row(Difference)) as cursor:
        return cursor.execute(
            "select tenant_id, date, metric, stored, recounted, is_waiting"
            " from billing.verify_usage(%s, %s)",
            [day, day + ONE_DAY],
        ).fetchall()


def rehearse(
    settings: Settings, first: date, end: date, tenant: UUID | None
) -> Iterator[tuple[int, list[Difference]]]:
    """Per day of [first, end): how many are done, and what a recount would change."""
    with (
        connect(settings.conninfo("operator"), autocommit=True) as connection,
        connection.cursor(row_factory=class_row(Difference)) as cursor,
    ):
        # the whole range is checked before the first day is told
        connection.execute("select billing.require_countable(%s, %s)", [first, end])
        for done in range((end - first).days):
            day = first + timedelta(days=done)
            yield (
                done + 1,
                cursor.execute(
                    "select tenant_id, date, metric, stored, recounted"
                    " from billing.rehearse_usage(%s, %s, %s)",
                    [day, day + ONE_DAY, tenant],
                ).fetchall(),
            )
