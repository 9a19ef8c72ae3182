"""A number that was published is never changed without a trace: old, new, when, by which run."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.facts import insert, stored, wipe
from tests.oracle import METRICS, ZERO, Call, Event, Message
from tests.past import add_tenants, at, bill_from, day, last_run, nightly, rows, run, send, value
from tests.server import Db

HISTORY = (
    "select r.usage_date, r.metric, r.old_value, r.new_value, r.run_id"
    " from data.usage_restatements as r order by r.id"
)


@pytest.fixture
def tenant(db: Db) -> Any:
    """A tenant with one SMS on day 1, which was counted and published by the nightly run."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, at(1))
    nightly(db, at(2, "04:00"))
    assert rows(db, HISTORY) == []
    return tenant


def test_a_change_before_the_first_nightly_run_is_settling(db: Db) -> None:
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, at(1))
    run(db, at(2, "00:05"))
    send(db, tenant, at(1, "13:00"))
    run(db, at(2, "00:10"))
    send(db, tenant, at(1, "14:00"))
    nightly(db, at(2, "04:00"))
    assert value(db, "select sms_outbound_count from billing_usage_daily") == 3
    assert rows(db, HISTORY) == []


@pytest.mark.ours
def test_every_later_change_is_a_row_with_its_run(db: Db, tenant: Any) -> None:
    """R3: late facts, corrections and facts that vanish; what did not change has no row."""
    send(db, tenant, at(1), at(1))
    run(db, at(3))
    rows(db, "delete from messages")
    run(db, at(3, "13:00"))
    runs = "select id, restatements from usage_runs where trigger = 'test' order by id"
    (first, restated), (second, restated_again) = rows(db, runs)
    assert rows(db, HISTORY) == [
        (day(1), "sms_outbound_count", 1, 3, first),
        (day(1), "sms_outbound_segments", 1, 3, first),
        (day(1), "sms_outbound_count", 3, 0, second),
        (day(1), "sms_outbound_segments", 3, 0, second),
    ]
    assert (restated, restated_again) == (2, 2)


def test_a_tenant_that_had_nothing_had_zero(db: Db, tenant: Any) -> None:
    (other,) = add_tenants(db, 1)
    send(db, other, at(1))
    run(db, at(3))
    assert rows(
        db, "select distinct tenant_id, old_value, new_value from data.usage_restatements"
    ) == [(other, 0, 1)]
    assert tenant != other


def test_rows_that_do_not_count_change_no_number(db: Db, tenant: Any) -> None:
    """A pending row is written down with the day and is no restatement."""
    send(db, tenant, at(1), status="queued")
    run(db, at(3))
    assert value(db, "select pending_rows from billing_usage_daily") == 1
    assert last_run(db, "rows_changed, restatements") == (1, 0)
    assert rows(db, HISTORY) == []


@pytest.mark.usefixtures("tenant")
def test_a_change_by_hand_is_seen_too(db: Db) -> None:
    """By no run; and the next run that looks puts the number right, which is another row."""
    rows(db, "update billing_usage_daily set sms_outbound_count = 7")
    rows(db, "select aggregate_usage(%s)", day(1), login="billing_operator")
    run_id = last_run(db, "id")
    assert rows(db, HISTORY) == [
        (day(1), "sms_outbound_count", 1, 7, None),
        (day(1), "sms_outbound_count", 7, 1, run_id),
    ]


def test_a_run_that_is_rolled_back_restated_nothing(db: Db, tenant: Any) -> None:
    send(db, tenant, at(1))
    with db.connect("billing_operator", autocommit=False) as connection:
        connection.execute("select run_usage('test', %s)", [at(3)])
        connection.rollback()
    assert rows(db, HISTORY) == []


@pytest.mark.ours
def test_one_session_restates_one_row_and_thousands(db: Db) -> None:
    """The plan of the first time serves for all others; 5,000 rows do not become 25 million."""
    bill_from(db)
    add_tenants(db, 5000)
    write = (
        "insert into messages (tenant_id, occurred_at, provider_id, channel, direction, status)"
        " select id, %s, %s, 'sms', 'outbound', 'sent' from tenants limit %s"
    )
    rows(db, write, at(1), "A", None)
    nightly(db, at(2, "04:00"))
    with db.connect("billing_operator") as operator:
        operator.execute("set statement_timeout = '10s'")
        for name, number in (("B", 1), ("C", None)):
            rows(db, write, at(1), name, number)
            operator.execute("select aggregate_usage(%s)", [day(1)])
    assert value(db, "select count(*) from data.usage_restatements") == 2 * 5001


EVENTS = st.lists(
    st.one_of(
        st.builds(
            dict,
            direction=st.sampled_from(["inbound", "outbound"]),
            num_segments=st.integers(0, 3),
            status=st.sampled_from(["sent", "failed", "queued"]),
        ),
        st.builds(
            dict, duration_seconds=st.integers(0, 130), status=st.sampled_from(["completed"])
        ),
    ),
    max_size=6,
)


@given(st.tuples(EVENTS, EVENTS, EVENTS))
def test_history_leads_from_the_first_number_to_the_last(
    module_db: Db, batches: tuple[list[dict[str, Any]], ...]
) -> None:
    """For every metric: published + all restatements = what is stored, link by link."""
    with module_db.connect() as connection:
        wipe(connection)
        rows(module_db, "update data.settings set billing_from = %s", day(1))
        (tenant,) = add_tenants(module_db, 1)
        published: dict[str, int] = dict(ZERO)
        for number, batch in enumerate(batches):
            insert(connection, *(_event(tenant, **fact) for fact in batch))
            if number == 0:
                nightly(module_db, at(2, "04:00"))
                published = stored(connection).get((tenant, day(1)), dict(ZERO))
                continue
            run(module_db, at(2, "05:00"))
            now = stored(connection).get((tenant, day(1)), dict(ZERO))
            for metric in METRICS:
                links = rows(
                    module_db,
                    "select old_value, new_value from data.usage_restatements"
                    " where metric = %s order by id",
                    metric,
                )
                chain = [published[metric], *(new for _, new in links)]
                assert [old for old, _ in links] == chain[:-1]
                assert chain[-1] == now[metric]
                assert all(old != new for old, new in links)


def _event(tenant: Any, **fact: Any) -> Event:
    kind = Call if "duration_seconds" in fact else Message
    return kind(tenant, at(1), **fact)
