"""The cases: what is timed, beside which floor, with the bar it has to stay under."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import make_conninfo

FLOOR: LiteralString = """
select sum(n) from (
  select count(*) as n from data.messages where occurred_at >= %(from)s and occurred_at < %(to)s
  union all
  select count(*) from data.calls where occurred_at >= %(from)s and occurred_at < %(to)s
  union all
  select count(*) from data.emails where occurred_at >= %(from)s and occurred_at < %(to)s
  union all
  select count(*) from data.ai_requests where occurred_at >= %(from)s and occurred_at < %(to)s
) as x
"""


# what a tenant's page asks; row-level security or a condition says whose
PAGE: LiteralString = "select s.summary from billing.usage_summary as s"
PAGE_OF_ONE: LiteralString = PAGE + " where s.tenant_id = %s"


@dataclass
class Case:
    """Milliseconds of a case and of its floor, measured in turn."""

    name: str
    what: str
    bar: float
    aim: float
    ms: list[float] = field(default_factory=list[float])
    floor_ms: list[float] = field(default_factory=list[float])

    @property
    def ratio(self) -> float:
        return statistics.median(self.ms) / statistics.median(self.floor_ms)


class Bench:
    """A loaded database and the days that are measured in it."""

    def __init__(
        self, connection: psycopg.Connection[Any], first_day: date, last_day: date
    ) -> None:
        self.connection = connection
        self.first_day, self.last_day = first_day, last_day
        self.day = last_day - timedelta(days=4)
        self.facts: dict[str, object] = {}

    def run(self, rounds: int) -> list[Case]:
        self.connection.execute("vacuum (analyze)")
        noop = Case("P1", "re-run of an unchanged day", 7, 3.5)
        first = Case("P2", "first run of a day", 9, 5)
        backfill = Case("P3", f"back-fill of {self.days} days, one session", 8, 4)

        for _ in range(max(1, rounds // 2)):
            self._forget()
            self._round(backfill, self.first_day, self.last_day, self._backfill)
        for _ in range(rounds):
            self._forget(self.day)
            self._round(first, self.day, self.day + timedelta(days=1), self._count_day)
            self._round(noop, self.day, self.day + timedelta(days=1), self._count_day)
        self._measure_noop()
        return [noop, first, backfill, self.pages(rounds)]

    def pages(self, rounds: int) -> Case:
        """P9: thirty days and totals with proof as the web login, beside the same without any."""
        case = Case("P9", "page query with proof / without row security", 1.5, 1.1)
        tenant = self.connection.execute(
            "select tenant_id from data.billing_usage_daily"
            " group by tenant_id order by count(*) desc limit 1"
        ).fetchall()[0][0]
        token = "bench"  # noqa: S105
        self.connection.execute(
            "select billing.add_user('bench@example.org', 'owner', %s, '-')", [tenant]
        )
        self.connection.execute(
            "select billing.issue_session('bench@example.org', sha256(%s), 60)", [token.encode()]
        )
        conninfo = make_conninfo(self.connection.info.dsn, user="billing_tenant")
        with psycopg.connect(conninfo, autocommit=True) as web:
            for connection in (self.connection, web):
                connection.prepare_threshold = 0
            self.connection.execute("set jit = off")

            def page(connection: psycopg.Connection[Any], *whose: object) -> None:
                with connection.transaction():
                    if connection is web:
                        connection.execute("select a.* from billing.enter(%s) as a", [token])
                    connection.execute(PAGE_OF_ONE if whose else PAGE, whose)

            for _ in range(rounds * 40):
                case.floor_ms.append(self._time(lambda: page(self.connection, tenant)))
                case.ms.append(self._time(lambda: page(web)))
        return case

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days

    def _round(self, case: Case, start: date, end: date, work: Callable[[], object]) -> None:
        bounds = {"from": f"{start} 00:00+00", "to": f"{end} 00:00+00"}
        case.floor_ms.append(self._time(lambda: self.connection.execute(FLOOR, bounds)))
        case.ms.append(self._time(work))

    def _time(self, work: Callable[[], object]) -> float:
        begin = time.perf_counter()
        work()
        return (time.perf_counter() - begin) * 1000

    def _count_day(self) -> int:
        row = self.connection.execute("select billing.aggregate_usage(%s)", [self.day]).fetchone()
        return row[0] if row else -1

    def _backfill(self) -> None:
        for offset in range(self.days):
            day = self.first_day + timedelta(days=offset)
            self.connection.execute("select billing.aggregate_usage(%s)", [day])

    def _forget(self, day: date | None = None) -> None:
        """Take the counted rows away, so that the next count is a first one."""
        self.connection.execute(
            "delete from data.billing_usage_daily where usage_date = coalesce(%s, usage_date)",
            [day],
        )
        self.connection.execute("delete from data.late_day_markers")
        self.connection.execute("vacuum (analyze) data.billing_usage_daily")
        self.connection.execute("vacuum data.late_day_markers")

    def _measure_noop(self) -> None:
        """P4: rows changed and WAL written by a re-run of an unchanged day."""
        before = self._lsn()
        self.facts["P4 rows changed by a re-run"] = self._count_day()
        self.facts["P4 bytes of WAL"] = int(self._lsn() - before)
        row = self.connection.execute(
            "select source_rows from data.usage_days where usage_date = %s", [self.day]
        ).fetchone()
        self.facts["rows of the measured day"] = row[0] if row else 0

    def _lsn(self) -> Any:
        row = self.connection.execute("select pg_current_wal_insert_lsn() - '0/0'").fetchone()
        return row[0] if row else 0
