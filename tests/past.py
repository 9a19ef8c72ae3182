"""A past to count: days from 1 March 2025, facts in them, and the ledgers as plain values.

Every as-of instant lies in that past, so no test depends on the day or the hour it is run at.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tests import facts, hosts
from tests.oracle import Message
from tests.server import Db

FIRST = date(2025, 3, 1)


def day(number: int) -> date:
    """The n-th billed day: day(1) is 1 March 2025."""
    return FIRST + timedelta(days=number - 1)


def at(number: int, clock: str = "12:00") -> datetime:
    """An instant of the n-th day, in UTC."""
    return datetime.combine(day(number), time.fromisoformat(clock), UTC)


def rows(db: Db, query: str, *values: object, login: str = "postgres") -> list[Any]:
    """The rows of a query; bare values if it has one column, nothing if it returns nothing."""
    with db.connect(login) as connection:
        cursor = connection.execute(query.encode(), values or None)
        if cursor.description is None:
            return []
        return [row[0] if len(row) == 1 else row for row in cursor]


def value(db: Db, query: str, *values: object, login: str = "postgres") -> Any:
    """The one value, or the one row, of a query."""
    (only,) = rows(db, query, *values, login=login)
    return only


def bill_from(db: Db, first: date = FIRST) -> None:
    rows(db, "update data.settings set billing_from = %s", first)


def add_tenants(db: Db, number: int) -> list[Any]:
    """So many active tenants; returns their ids."""
    with db.connect(hosts.current.writer) as connection:
        return facts.add_tenants(connection, number)


def send(db: Db, tenant: Any, *instants: datetime, status: str = "sent") -> None:
    """An SMS out at each of these instants; a past one leaves a marker."""
    with db.connect(hosts.current.writer) as connection:
        for instant in instants:
            facts.insert(connection, Message(tenant, instant, status, num_segments=None))


def run(db: Db, as_of: datetime, trigger: str = "test") -> int:
    """run_usage as the operator; returns days still due."""
    return value(db, "select run_usage(%s, %s)", trigger, as_of, login="billing_operator")


def nightly(db: Db, as_of: datetime) -> int:
    """run_nightly as the operator; returns days still due."""
    return value(db, "select run_nightly(%s)", as_of, login="billing_operator")


def last_run(db: Db, columns: str) -> Any:
    """Columns of the newest row in the run ledger, the night's work aside."""
    query = f"select {columns} from usage_runs where not is_nightly order by id desc limit 1"  # noqa: S608
    return value(db, query)


def states(db: Db, until: date) -> list[str]:
    """The state of every billed day up to and including this one."""
    return rows(
        db,
        "select state from usage_calendar where date between %s and %s order by date",
        FIRST,
        until,
    )


def numbers(db: Db) -> dict[Any, int]:
    """SMS sent per tenant and day, as stored."""
    stored = rows(db, "select tenant_id, usage_date, sms_outbound_count from billing_usage_daily")
    return {(tenant, usage_date): sent for tenant, usage_date, sent in stored}


def versions(db: Db) -> dict[Any, str]:
    """The row version of every daily row: equal means not written."""
    stored = rows(db, "select tenant_id, usage_date, ctid::text from billing_usage_daily")
    return {(tenant, usage_date): version for tenant, usage_date, version in stored}


def break_days(db: Db, condition: str, sqlstate: str = "P0001") -> None:
    """Let writing a daily row fail wherever the condition on `new` holds."""
    rows(
        db,
        "create function public.break_day() returns trigger language plpgsql as $$"
        f" begin if {condition} then"
        f" raise exception 'broken on purpose' using errcode = '{sqlstate}';"
        " end if; return new; end $$;"
        " create trigger broken before insert on data.billing_usage_daily"
        " for each row execute function public.break_day()",
    )


def mend_days(db: Db) -> None:
    """Take away what break_days did."""
    rows(db, "drop function public.break_day() cascade")


def slow_down(db: Db, seconds: float) -> None:
    """Let counting a day take so long, whether rows change or not."""
    rows(db, "grant execute on function pg_sleep(double precision) to billing_aggregator")
    rows(
        db,
        "create function public.slow_down() returns trigger language plpgsql as $$"
        f" begin perform pg_sleep({seconds}); return null; end $$;"
        " create trigger slow before insert on data.billing_usage_daily"
        " for each statement execute function public.slow_down()",
    )
