"""What a recount would change, told beforehand and without writing anything."""

from datetime import date
from typing import Any

import psycopg
import pytest
from hypothesis import given
from psycopg import errors

from tests import facts
from tests.drawn import DAYS, TENANTS, unique_events
from tests.oracle import Event
from tests.past import add_tenants, at, bill_from, day, rows, run, send, value, versions
from tests.server import Db

OPERATOR = "billing_operator"


@given(unique_events)
def test_what_a_rehearsal_tells_is_what_a_recount_changes(
    module_db: Db, events: list[Event]
) -> None:
    """Figure by figure; and after the recount there is nothing left to tell."""
    with module_db.connect() as connection:
        facts.wipe(connection)
        facts.add_tenants(connection, ids=TENANTS)
        facts.insert(connection, *events)
        for number in DAYS:
            told = rows(
                module_db,
                "select tenant_id, metric, stored, recounted from rehearse_usage(%s, %s + 1)",
                *(number, number),
                login=OPERATOR,
            )
            before = _figures(connection, number)
            connection.execute("select aggregate_usage(%s::date)", [number])
            after = _figures(connection, number)
            changed = [
                (tenant, figure, before.get((tenant, figure), 0), amount)
                for (tenant, figure), amount in after.items()
                if amount != before.get((tenant, figure), 0)
            ]
            assert sorted(told) == sorted(changed)
        again = "select * from rehearse_usage(%s, %s)"
        assert rows(module_db, again, DAYS[0], DAYS[-1], login=OPERATOR) == []


def _figures(connection: psycopg.Connection[Any], number: date) -> dict[tuple[Any, str], int]:
    stored = connection.execute(
        "select tenant_id, to_jsonb(d) from data.billing_usage_daily as d where usage_date = %s",
        [number],
    )
    return {
        (tenant, figure): amount
        for tenant, row in stored
        for figure, amount in row.items()
        if isinstance(amount, int) and figure != "id"
    }


def test_a_rehearsal_writes_nothing_and_refuses_what_counting_refuses(db: Db) -> None:
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, at(1), at(2))
    run(db, at(6))
    send(db, tenant, at(2))
    (other,) = add_tenants(db, 1)
    send(db, other, at(2))
    state = "select (select count(*) from usage_runs), (select count(*) from late_day_markers)"
    before = (value(db, state), versions(db))
    query = "select tenant_id, stored, recounted from rehearse_usage(%s, %s, %s)"
    query += " where metric = 'sms_outbound_count'"
    one = rows(db, query, day(1), day(6), other, login=OPERATOR)
    assert one == [(other, 0, 1)]
    assert len(rows(db, query, day(1), day(6), None, login=OPERATOR)) == 2
    assert (value(db, state), versions(db)) == before
    for first, until, who, error in (
        (day(1), "2999-01-01", None, errors.DatetimeFieldOverflow),
        (day(2), day(1), None, errors.InvalidParameterValue),
        (day(1), day(2), "12345678-1234-1234-1234-123456789012", errors.InvalidParameterValue),
    ):
        with pytest.raises(error):
            rows(db, query, first, until, who, login=OPERATOR)
