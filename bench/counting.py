"""P1 to P5: counting days, beside looking at the same rows once."""

from datetime import date, timedelta
from typing import Any, LiteralString

from app import backfill
from bench.data import SOURCES, Connection
from bench.stage import Sessions, Stage
from bench.timing import Case

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
SESSIONS = 2


def floor(connection: Connection, first: date, end: date) -> int:
    """count(*) of the rows of [first, end)."""
    bounds = {"from": f"{first} 00:00+00", "to": f"{end} 00:00+00"}
    return int(connection.execute(FLOOR, bounds).fetchall()[0][0])


def count_day(operator: Connection, day: date) -> int:
    """Rows changed."""
    return operator.execute("select billing.aggregate_usage(%s)", [day]).fetchall()[0][0]


def forget(connection: Connection, day: date | None = None) -> None:
    """Take counted rows away, so that the next count is a first one."""
    if day is None:
        connection.execute("truncate data.billing_usage_daily")
    else:
        connection.execute("delete from data.billing_usage_daily where usage_date = %s", [day])
    connection.execute("delete from data.late_day_markers")
    connection.execute("vacuum (analyze) data.billing_usage_daily, data.late_day_markers")


def measure(stage: Stage, sessions: Sessions) -> None:
    admin, operator = sessions.of(), sessions.of("billing_operator")
    backfills(stage, sessions, admin)
    days(stage, admin, operator)
    no_op(stage, admin, operator)
    late_pairs(stage, sessions, operator)


def backfills(stage: Stage, sessions: Sessions, admin: Connection) -> None:
    """P3, in one session and in two; leaves every day counted.

    In processor time, too: the sessions need a core each, and the floor only one.
    """
    first, end, days = stage.first_day, stage.today, stage.sizes.days
    of_range = f"count(*) of the {days} days"
    alone = Case("P3a", f"back-fill of {days} days, one session", of_range)
    shared = Case("P3", f"back-fill of {days} days, {SESSIONS} sessions", of_range, 8, 4)
    spent = {"floor": 0.0, "back-fill": 0.0}

    def look() -> None:
        with stage.computing(spent, "floor"):
            floor(admin, first, end)

    def work(jobs: int) -> None:
        with stage.computing(spent, "back-fill"):
            backfill.aggregate(sessions.settings, first, end, None, lambda _: None, jobs)

    for _ in range(3):
        for case, jobs in ((alone, 1), (shared, SESSIONS)):
            forget(admin)
            case.round(look, lambda jobs=jobs: work(jobs))
    if spent["floor"]:  # too little to be measured in ticks of the clock is told nothing of
        stage.facts["P3 in processor time, as if nobody else used the cores (bar 8)"] = round(
            spent["back-fill"] / SESSIONS / spent["floor"], 2
        )
    admin.execute("vacuum (analyze) data.billing_usage_daily")
    stage.cases += [alone, shared]


def days(stage: Stage, admin: Connection, operator: Connection) -> None:
    """P1 and P2."""
    day = stage.measured_day
    of_day = "count(*) of the day"
    again = Case("P1", "re-run of an unchanged day", of_day, 7, 3.5)
    first = Case("P2", "first run of a day", of_day, 9, 5)
    for _ in range(stage.sizes.rounds):
        forget(admin, day)
        for case in (first, again):
            case.round(
                lambda: floor(admin, day, day + timedelta(days=1)), lambda: count_day(operator, day)
            )
    stage.cases += [again, first]
    stage.facts["rows of the measured day"] = floor(admin, day, day + timedelta(days=1))


def no_op(stage: Stage, admin: Connection, operator: Connection) -> None:
    """P4: what a re-run of an unchanged day writes."""
    before = lsn(admin)
    stage.facts["P4 rows changed by a re-run (bar 0)"] = count_day(operator, stage.measured_day)
    stage.facts["P4 bytes of WAL of a re-run (bar 10,000)"] = lsn(admin) - before


def late_pairs(stage: Stage, sessions: Sessions, operator: Connection) -> None:
    """P5: a late row of each of four tenants on four old days, then the tick that finds them."""
    ingest = sessions.of("billing_ingest")
    oldest = max(stage.first_day, stage.today - timedelta(days=40))
    sessions.of().execute("update data.settings set billing_from = %s", [stage.first_day])
    operator.execute("select billing.run_usage('bench')")
    tenants = [
        sessions.of().execute("select id from bench.tenants where rank = %s", [rank]).fetchall()[0]
        for rank in (max(1, stage.sizes.tenants // part) for part in (200, 40, 10, 3))
    ]
    case = Case("P5", f"4 late pairs of {oldest} on, through run_usage", "P1", 0.15, 0.05)
    for number in range(stage.sizes.rounds * 2):
        for offset, (tenant,) in enumerate(tenants):
            late = f"{oldest + timedelta(days=offset)} 12:00+00"
            ingest.execute(
                "insert into data.emails (tenant_id, occurred_at, status, provider_id)"
                " values (%s, %s, 'delivered', %s)",
                [tenant, late, f"late {number} {offset}"],
            )
        case.round(
            lambda: count_day(operator, stage.measured_day),
            lambda: operator.execute("select billing.run_usage('bench')"),
        )
    stage.cases.append(case)


def lsn(connection: Connection) -> int:
    return int(one(connection, "select pg_current_wal_insert_lsn() - '0/0'"))


def one(connection: Connection, query: LiteralString) -> Any:
    """The one value of a query."""
    return connection.execute(query).fetchall()[0][0]


def sizes_on_disk(stage: Stage, admin: Connection) -> None:
    """What the capacity note reckons with."""
    rows = sum(
        one(admin, f"select count(*) from data.{source}")  # type: ignore[arg-type]
        for source in SOURCES
    )
    heap, indexes = admin.execute(
        "select sum(pg_table_size(x)), sum(pg_indexes_size(x)) from unnest(%s::regclass[]) as x",
        [[f"data.{source}" for source in SOURCES]],
    ).fetchall()[0]
    daily, daily_rows = admin.execute(
        "select pg_total_relation_size('data.billing_usage_daily'),"
        " (select count(*) from data.billing_usage_daily)"
    ).fetchall()[0]
    stage.facts |= {
        "source rows": rows,
        "MB of tables per million events": round(float(heap) / rows),
        "MB of indexes per million events": round(float(indexes) / rows),
        "bytes of a tenant-day, indexes included": round(daily / daily_rows),
    }
