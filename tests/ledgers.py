"""Numbers as they are stored, written directly: for tests of what is made of them."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from psycopg import sql

from tests.past import add_tenants, bill_from, rows
from tests.server import Db

DAY = timedelta(days=1)


def noon(on: date) -> datetime:
    """An instant of this day, to look at it from."""
    return datetime.combine(on, time(12), UTC)


def days(first: date, last: date) -> list[date]:
    """Both included."""
    return [first + n * DAY for n in range((last - first).days + 1)]


def keep_books(db: Db, first: date, today: date) -> None:
    """Billing began on `first`; every day is complete but `today`, which was counted at noon."""
    bill_from(db, first)
    rows(
        db,
        "insert into usage_runs (as_of, started_at, finished_at, rows_changed, source_rows,"
        " days_counted, days_failed, trigger, started_by, outcome)"
        " values (now(), now(), now(), 0, 0, 0, 0, 'test', 'test', 'succeeded')",
    )
    rows(
        db,
        "insert into usage_days (usage_date, run_id, counted_at)"
        " select %s + n, (select max(id) from usage_runs), least(%s, (%s + n + 1)::timestamptz)"
        " from generate_series(0, %s) as n",
        *(first, noon(today), first, (today - first).days),
    )


def forget(db: Db, *on: date, failed: bool = False) -> None:
    """These days were never counted; or tried and failed."""
    for each in on:
        if failed:
            query = (
                "update usage_days set counted_at = null, last_error = 'no' where usage_date = %s"
            )
        else:
            query = "delete from usage_days where usage_date = %s"
        rows(db, query, each)
        rows(db, "delete from billing_usage_daily where usage_date = %s", each)


def tenant(db: Db, plan: str | None = "pro", **columns: Any) -> UUID:
    (new,) = add_tenants(db, 1)
    for column, content in {"plan_code": plan, **columns}.items():
        query = sql.SQL("update tenants set {} = %s where id = %s").format(sql.Identifier(column))
        with db.connect() as connection:
            connection.execute(query, [content, new])
    return new


def use(db: Db, who: UUID, on: list[date], **figures: int) -> None:
    """The same figures on each of these days; columns of billing_usage_daily."""
    statement = sql.SQL(
        "insert into billing_usage_daily (tenant_id, usage_date, {}) values (%s, %s, {})"
    ).format(
        sql.SQL(", ").join(map(sql.Identifier, figures)),
        sql.SQL(", ").join(sql.Placeholder() * len(figures)),
    )
    with db.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(statement, [(who, each, *figures.values()) for each in on])
