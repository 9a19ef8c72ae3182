"""What the pages and the JSON show: one function per view, one statement each."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from psycopg.rows import class_row, dict_row

from app.database import Connection


@dataclass(frozen=True)
class Health:
    """How old and how whole the numbers are; see view billing.usage_health."""

    as_of: datetime
    complete_through: date | None
    data_age: timedelta
    is_stale: bool
    missing_days: int
    failed_days: int


async def summary(connection: Connection, month: date | None) -> bytes | None:
    """The tenant's summary document of a month (default: the current period), as JSON.

    None when there is no such period.
    """
    cursor = await connection.execute(
        "select s.summary::text from billing.usage_summary_on(%s::date, now()) as s", [month]
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0]).encode()


async def page(
    connection: Connection, tenant_id: UUID, month: date | None
) -> dict[str, Any] | None:
    """Everything that Usage & Billing shows of a tenant in a month (default: the current period).

    None when there is no such period.
    """
    cursor = await connection.execute(
        "select p.page from billing.usage_page(%s::uuid, %s::date, now()) as p", [tenant_id, month]
    )
    row = await cursor.fetchone()
    return None if row is None else cast("dict[str, Any]", row[0])


async def csv(
    connection: Connection, tenant_id: UUID, month: date | None
) -> tuple[date, bytes] | None:
    """The first day of the period and its days as a CSV file; None when there is no such period."""
    cursor = await connection.execute(
        "select c.period_start, c.csv from billing.usage_csv(%s::uuid, %s::date, now()) as c",
        [tenant_id, month],
    )
    row = await cursor.fetchone()
    return None if row is None else (cast("date", row[0]), str(row[1]).encode())


async def metrics(connection: Connection) -> list[dict[str, Any]]:
    """What is counted: the rows of billing.metrics, in order."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("select m.* from billing.metrics as m order by m.sort_order")
        return await cursor.fetchall()


async def today(connection: Connection) -> date:
    """The UTC day by the database's clock."""
    cursor = await connection.execute("select billing.utc_day(now())")
    row = await cursor.fetchone()
    assert row is not None and isinstance(row[0], date)  # noqa: S101 - it is a day
    return row[0]


async def is_future(connection: Connection, month: date) -> bool:
    """Whether a month has not begun by the database's clock."""
    return month > await today(connection)


async def health(connection: Connection) -> Health:
    """Age of the data, holes and failures."""
    async with connection.cursor(row_factory=class_row(Health)) as cursor:
        await cursor.execute(
            "select as_of, complete_through, data_age, is_stale, missing_days, failed_days"
            " from billing.usage_health"
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - the view has exactly one row
    return row


async def counting_failures(connection: Connection) -> list[str]:
    """Why the next numbers will not come, without the details that are not for everybody."""
    cursor = await connection.execute("select failure from billing.counting_failures() order by 1")
    return [str(failure) for (failure,) in await cursor.fetchall()]


async def installed_source(connection: Connection) -> str | None:
    """Fingerprint of the sql/ that the installed release was built from."""
    cursor = await connection.execute("select source_fingerprint from billing.installed_release()")
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else str(row[0])


async def is_overdue(connection: Connection) -> bool:
    """Whether nothing has run for three of pg_cron's five-minute ticks, or by a clock ahead."""
    cursor = await connection.execute(
        "select coalesce(h.last_run_at not between now() - interval '15 minutes' and now(), true)"
        " from billing.usage_health as h"
    )
    return await cursor.fetchone() == (True,)


async def run(connection: Connection, trigger: str) -> int:
    """Count what is due, within the bounds of one call; returns days still due."""
    cursor = await connection.execute("select billing.run_usage(%s)", [trigger])
    row = await cursor.fetchone()
    return int(str(row[0])) if row else 0
