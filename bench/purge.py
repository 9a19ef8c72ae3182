"""What a purge does to the access path: new rows fill the room of old ones, out of order."""

from datetime import timedelta
from typing import LiteralString

from bench import data
from bench.counting import floor
from bench.data import SOURCES, TABLES, Connection
from bench.stage import Sessions, Stage
from bench.timing import Case

PAGES: LiteralString = "explain (analyze, buffers, timing off, format json) "


def measure(stage: Stage, sessions: Sessions) -> None:
    """The newest day, written into the room of purged ones: before and after `reindex`."""
    admin = sessions.of()
    newest, oldest = stage.today, stage.first_day
    share = max(1, stage.sizes.days // 3)
    data.triggers(admin, "disable")
    admin.execute("set session_replication_role = replica")
    for source in SOURCES:
        purge = f"delete from data.{source} where occurred_at < %s"
        admin.execute(purge.encode(), [f"{oldest + timedelta(days=share)} 00:00+00"])
    admin.execute(f"vacuum (analyze) {', '.join(TABLES)}".encode())
    data.add_day(admin, newest, stage.sizes.rows_a_day, stage.sizes.tenants)
    admin.execute("reset session_replication_role")
    data.triggers(admin, "enable replica")

    case = Case("purge", "brin after a purge, until `reindex`", "the same after `reindex`")
    stage.facts["pages read for a day after a purge"] = pages(admin, stage)
    timed(stage, admin, case.values, case)
    for source in SOURCES:
        admin.execute(f"reindex index concurrently data.{source}_occurred_at_brin".encode())
    stage.facts["pages read for a day after reindex"] = pages(admin, stage)
    timed(stage, admin, case.floor, case)
    stage.cases.append(case)


def timed(stage: Stage, admin: Connection, into: list[float], case: Case) -> None:
    spare = Case(case.name, case.what, case.floor_is)
    day = stage.today - timedelta(days=1)
    for _ in range(stage.sizes.rounds):
        spare.round(lambda: None, lambda: floor(admin, day, day + timedelta(days=1)))
    into += spare.values


def pages(admin: Connection, stage: Stage) -> int:
    day = stage.today - timedelta(days=1)
    plan = admin.execute(
        PAGES + "select count(*) from data.messages where occurred_at >= %s and occurred_at < %s",
        [f"{day} 00:00+00", f"{day + timedelta(days=1)} 00:00+00"],
    ).fetchall()[0][0][0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
