"""What root sees of every tenant: one statement each, the same rows for page, JSON and CSV."""

from datetime import date
from typing import Any, cast

from psycopg import sql
from psycopg.rows import dict_row

from app import csv_text, usage
from app.api_parameters import Choices
from app.database import Connection
from app.overview import Wish

ASKED = sql.SQL("%(q)s, %(plan)s, %(status)s, %(show)s, %(sort)s, %(dir)s")


def _parameters(wish: Wish, month: date | None, **more: Any) -> dict[str, Any]:
    return vars(wish) | {"month": month} | more


async def page(connection: Connection, wish: Wish, month: date | None) -> dict[str, Any] | None:
    """The document of the root page; None when there is no such period.

    InvalidParameterValue with a sentence for a choice that there is not.
    """
    cursor = await connection.execute(
        sql.SQL("select billing.overview_page({}, %(page)s, %(month)s, now())").format(ASKED),
        _parameters(wish, month),
    )
    row = await cursor.fetchone()
    return row[0] if row else None  # pyright: ignore[reportReturnType]


async def entries(
    connection: Connection, wish: Wish, month: date | None
) -> tuple[bytes, int, int] | None:
    """A page of tenants as JSON, the number of all that fit, the number of pages."""
    cursor = await connection.execute(
        sql.SQL(
            "select (select coalesce(json_agg(r -> 'entry'), '[]')"
            "  from json_array_elements(d -> 'rows') as r)::text,"
            " (d ->> 'shown')::integer, (d ->> 'pages')::integer"
            " from billing.tenants_document({}, %(page)s, %(month)s, now()) as d"
            " where d is not null"
        ).format(ASKED),
        _parameters(wish, month),
    )
    row = await cursor.fetchone()
    return None if row is None else (str(row[0]).encode(), int(str(row[1])), int(str(row[2])))


async def table(connection: Connection, wish: Wish, month: date | None) -> str | None:
    """Every tenant that fits as CSV, in the order asked for; None when there is no such period."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            sql.SQL(
                "select t.* from billing.shown_period(%(month)s, now())"
                " left join billing.tenants_table({}, %(month)s, now()) as t on true"
            ).format(ASKED),
            _parameters(wish, month),
        )
        rows = await cursor.fetchall()
        names = [column.name for column in cursor.description or []]
    if not rows:
        return None
    # a period without anybody who fits is a row of nothing
    return csv_text.render(names, (list(row.values()) for row in rows if row["tenantId"]))


async def health(connection: Connection) -> dict[str, Any]:
    """Holes, questionable facts, days changed after publication, last runs; see the function."""
    cursor = await connection.execute("select billing.health_page()")
    row = await cursor.fetchone()
    return row[0] if row else {}  # pyright: ignore[reportReturnType]


async def choices(connection: Connection) -> Choices:
    """What is counted, and what the overview can be filtered and sorted by."""
    cursor = await connection.execute(
        "select array(select p.code from billing.overview_plans as p order by p.sort_order),"
        " array(select c.name from billing.overview_columns as c order by c.sort_order)"
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - two lists, however short
    plans, columns = cast("tuple[list[str], list[str]]", row)
    return Choices(await usage.metrics(connection), plans, columns)


async def verification(connection: Connection, first: date, until: date) -> dict[str, Any]:
    """What recounting [first, until) finds beside what is stored; writes nothing."""
    cursor = await connection.execute("select billing.verification(%s, %s)", [first, until])
    row = await cursor.fetchone()
    return row[0] if row else {}  # pyright: ignore[reportReturnType]


async def recount(connection: Connection, first: date, until: date) -> tuple[int, int]:
    """Recount the days of [first, until) as root; rows changed and the number of the run.

    ObjectNotInPrerequisiteState, LockNotAvailable, DatetimeFieldOverflow, InvalidParameterValue
    as billing.aggregate_as_root says.
    """
    cursor = await connection.execute(
        "select r.rows_changed, r.run_id from billing.aggregate_as_root(%s, %s) as r",
        [first, until],
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - the function always answers
    return int(str(row[0])), int(str(row[1]))
