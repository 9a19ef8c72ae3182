"""What aggregate_usage and aggregate_tenant_usage refuse, whom they refuse, and that a refused or
failed call leaves nothing behind."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors

from tests import facts, hosts
from tests.facts import Connection, call
from tests.oracle import Call, Message, expected
from tests.past import break_days, mend_days
from tests.server import Db

DAY = date(2024, 2, 29)
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
DAYS = timedelta(days=1)
# by the database's clock: a test may run over midnight, hence two days ahead
FUTURE = datetime.now(UTC).date() + 2 * DAYS
FOREVER, LONG_AGO = "infinity", "-infinity"

BAD_DAYS = [
    (None, errors.InvalidParameterValue),
    (LONG_AGO, errors.InvalidParameterValue),
    (FOREVER, errors.DatetimeFieldOverflow),
    (FUTURE, errors.DatetimeFieldOverflow),
    ("9999-12-31", errors.DatetimeFieldOverflow),
    ("5874897-12-31", errors.DatetimeFieldOverflow),
    ("2023-02-29", errors.DatetimeFieldOverflow),
    ("soon", errors.InvalidDatetimeFormat),
]
BAD_RANGES = [
    (None, DAY, errors.InvalidParameterValue),
    (DAY, None, errors.InvalidParameterValue),
    (None, None, errors.InvalidParameterValue),
    (DAY, DAY, errors.InvalidParameterValue),
    (DAY, DAY - DAYS, errors.InvalidParameterValue),
    (DAY - 3661 * DAYS, DAY, errors.InvalidParameterValue),
    ("4713-01-01 BC", DAY, errors.InvalidParameterValue),
    (LONG_AGO, DAY, errors.InvalidParameterValue),
    (LONG_AGO, FOREVER, errors.InvalidParameterValue),
    (FOREVER, FOREVER, errors.InvalidParameterValue),
    (DAY, LONG_AGO, errors.InvalidParameterValue),
    (DAY, FOREVER, errors.DatetimeFieldOverflow),
    (DAY, FUTURE + DAYS, errors.DatetimeFieldOverflow),
    (FUTURE, FUTURE + DAYS, errors.DatetimeFieldOverflow),
]


@pytest.fixture
def host(module_db: Db) -> Iterator[Connection]:
    """A day that could be counted, and in the end nothing of it."""
    with module_db.connect() as connection:
        facts.insert(connection, Message(facts.add_tenants(connection)[0], NOON))
        yield connection
        facts.wipe(connection)


@pytest.fixture
def operator(module_db: Db) -> Iterator[Connection]:
    with module_db.connect("billing_operator") as connection:
        yield connection


def refused(
    host: Connection, caller: Connection, error: type[psycopg.Error], *function: Any
) -> str:
    """The call fails with this error and nothing is written; returns what it says."""
    before = facts.ledger(host)
    with pytest.raises(error) as caught:
        call(caller, *function)
    assert facts.ledger(host) == before
    return str(caught.value)


@pytest.mark.parametrize(("day", "error"), BAD_DAYS)
def test_bad_day(
    host: Connection, operator: Connection, day: Any, error: type[psycopg.Error]
) -> None:
    """Null, infinite, future, unknown to the calendar."""
    refused(host, operator, error, "aggregate_usage", day)


@pytest.mark.parametrize(("start", "end", "error"), BAD_RANGES)
def test_bad_range(
    host: Connection, operator: Connection, start: Any, end: Any, error: type[psycopg.Error]
) -> None:
    """Null, infinite, empty, reversed, huge, into the future; for all tenants and for one."""
    (tenant,) = host.execute("select id from data.tenants").fetchall()[0]
    refused(host, operator, error, "aggregate_usage", start, end)
    refused(host, operator, error, "aggregate_tenant_usage", tenant, start, end)


def test_largest_range(host: Connection, operator: Connection) -> None:
    """3660 days are not too many; today is the last day there is."""
    (today,) = host.execute("select (now() at time zone 'UTC')::date").fetchall()[0]
    for start, end in ((DAY - 3660 * DAYS, DAY), (today, today + DAYS)):
        call(operator, "require_countable", start, end)


@pytest.mark.parametrize("tenant", [None, UUID(int=7777)])
def test_unknown_tenant(host: Connection, operator: Connection, tenant: UUID | None) -> None:
    """A tenant that does not exist, even if facts name it."""
    facts.insert(host, Message(tenant or hosts.current.new_id(), NOON))
    args = ("aggregate_tenant_usage", tenant, DAY, DAY + DAYS)
    message = refused(host, operator, errors.InvalidParameterValue, *args)
    assert f"there is no tenant {tenant or 'NULL'}" in message


def test_sealed_day(host: Connection, operator: Connection) -> None:
    """R20: neither alone, nor within a range, nor for one tenant; the other days stay countable."""
    facts.insert(host, *(Message(hosts.current.new_id(), NOON + n * DAYS) for n in (-1, 1)))
    call(operator, "aggregate_usage", DAY)
    host.execute("update data.usage_days set sealed_at = now()")
    rows = facts.stored(host)
    host.execute("delete from data.messages")
    ((tenant, _),) = rows
    around = (DAY - DAYS, DAY + 2 * DAYS)
    error = errors.ObjectNotInPrerequisiteState
    for function in (
        ("aggregate_usage", DAY),
        ("aggregate_usage", *around),
        ("aggregate_tenant_usage", tenant, *around),
        ("require_countable", *around),
    ):
        assert f"day {DAY} is sealed" in refused(host, operator, error, *function)
    refused(host, host, error, "write_day", DAY, None, NOON, 1)
    assert facts.stored(host) == rows
    call(operator, "aggregate_usage", DAY - DAYS, DAY)
    call(operator, "aggregate_usage", DAY + DAYS, DAY + 2 * DAYS)


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_fixed_snapshot(host: Connection, operator: Connection, level: str) -> None:
    """R6: under a fixed snapshot what was committed during a wait would be lost."""
    operator.execute(f"set default_transaction_isolation = '{level}'".encode())
    error = errors.InvalidTransactionState
    message = refused(host, operator, error, "aggregate_usage", DAY)
    assert "needs READ COMMITTED" in message
    refused(host, operator, error, "run_usage", "test")


@pytest.mark.parametrize("login", ["tenant", "root", "auth", "ingest"])
def test_roles_that_may_not(module_db: Db, host: Connection, login: str) -> None:
    """Whoever only reads or only writes facts does not count, directly or through the kernel."""
    with module_db.connect(f"billing_{login}") as caller:
        for function in (
            ("aggregate_usage", DAY),
            ("aggregate_usage", DAY, DAY + DAYS),
            ("aggregate_tenant_usage", uuid4(), DAY, DAY + DAYS),
            ("aggregate_days", DAY, DAY + DAYS, None),
            ("write_day", DAY, None, NOON, 1),
        ):
            refused(host, caller, errors.InsufficientPrivilege, *function)


def test_the_operator_has_no_other_way(host: Connection, operator: Connection) -> None:
    """The operator asks for a count and cannot write a number, not even through the kernel."""
    kernel = ("write_day", DAY, None, NOON, 1)
    refused(host, operator, errors.InsufficientPrivilege, *kernel)
    with pytest.raises(errors.InsufficientPrivilege):
        operator.execute("update data.billing_usage_daily set ai_requests = 0")


def test_all_or_nothing(module_db: Db, host: Connection, operator: Connection) -> None:
    """R6: a range of which one day fails leaves no number, no ledger entry, no marker taken."""
    (tenant,) = host.execute("select id from data.tenants").fetchall()[0]
    late = Call(tenant, NOON + 2 * DAYS)
    facts.insert(host, late)
    break_days(module_db, f"new.usage_date = '{late.day}'")
    refused(host, operator, errors.RaiseException, "aggregate_usage", DAY, DAY + 5 * DAYS)
    mend_days(module_db)
    assert call(operator, "aggregate_usage", DAY, DAY + 5 * DAYS) == 2


def test_one_tenant_alone(host: Connection, operator: Connection) -> None:
    """aggregate_tenant_usage leaves other tenants alone and never marks a day as counted, nor
    takes back that it was."""
    one, other = facts.add_tenants(host, 2)
    events = [Message(one, NOON), Message(other, NOON)]
    facts.insert(host, *events)
    args = ("aggregate_tenant_usage", one, DAY, DAY + DAYS)
    assert call(operator, *args) == 1
    assert facts.stored(host) == expected(events, [one])
    assert facts.ledger(host)[1] == 0, "the day is still due"

    call(operator, "aggregate_usage", DAY)
    entry = "select state, counted_at from data.usage_days"
    counted = host.execute(entry).fetchall()
    events += [Call(one, NOON), Call(other, NOON)]
    facts.insert(host, *events[2:])
    assert call(operator, *args) == 1
    assert facts.stored(host)[one, DAY]["voice_minutes_outbound"] == 1
    assert facts.stored(host)[other, DAY]["voice_minutes_outbound"] == 0
    assert host.execute(entry).fetchall() == counted
