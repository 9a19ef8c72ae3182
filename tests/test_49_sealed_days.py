"""A sealed day stays as it is, and whoever writes facts meanwhile loses none."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg import errors

from tests import facts
from tests.oracle import Message
from tests.past import at, day, numbers, rows, run, send, value
from tests.sealing import LEFT, MARKERS, OPERATOR, obstacle, seal
from tests.sealing import tenant as tenant
from tests.server import Db
from tests.together import PATIENCE


@pytest.mark.usefixtures("tenant")
def test_a_sealed_day_is_not_recounted(db: Db) -> None:
    """R20: by no way; and a range that holds it is refused before anything is written."""
    seal(db, 2)
    state = "select (select count(*) from usage_runs), max(counted_at) from usage_days"
    before = value(db, state)
    tenant = rows(db, "select id from tenants")[0]
    for call, arguments in (
        ("aggregate_usage(%s)", [day(2)]),
        ("aggregate_usage(%s, %s)", [day(1), day(4)]),
        ("aggregate_tenant_usage(%s, %s, %s)", [tenant, day(2), day(3)]),
        ("rehearse_usage(%s, %s)", [day(1), day(4)]),
        ("explain_usage(%s, %s, 'ai_requests')", [tenant, day(2)]),
        ("seal_day(%s)", [day(2)]),
    ):
        with pytest.raises(errors.ObjectNotInPrerequisiteState, match="sealed"):
            rows(db, f"select {call}", *arguments, login=OPERATOR)
    assert value(db, state) == before
    assert rows(db, "select * from verify_usage(%s, %s)", day(1), day(6), login=OPERATOR) == []
    told = "select date from day_states(%s, %s) where state = 'sealed' and sealed_at is not null"
    assert rows(db, told, day(1), day(6), login=OPERATOR) == [day(2)]


def test_a_fact_for_a_sealed_day_is_refused(db: Db, tenant: Any) -> None:
    """R21: inserted, moved in or corrected; other days of the same statement with it. A fact for
    an unsealed day is taken, however old."""
    seal(db, 1)
    for instants in ([at(1)], [at(2), at(1, "00:00"), at(3)]):
        with (
            db.connect() as connection,
            pytest.raises(errors.ObjectNotInPrerequisiteState, match="day 2025-03-01 is sealed"),
        ):
            facts.insert(connection, *(Message(tenant, instant) for instant in instants))
    with pytest.raises(errors.ObjectNotInPrerequisiteState, match="new or changed fact"):
        rows(db, "update messages set occurred_at = %s where occurred_at = %s",
             at(1), at(2, "00:00"))  # fmt: skip
    assert (value(db, LEFT), value(db, MARKERS)) == (4, 0)
    send(db, tenant, at(2))
    run(db, at(6))
    assert numbers(db)[tenant, day(2)] == 2


def test_a_writer_that_has_not_committed_is_waited_for(db: Db, tenant: Any) -> None:
    """Sealing gives way after half a second, and the writer's fact is counted, not lost."""
    with db.connect("billing_ingest", autocommit=False) as writer:
        writer.execute(
            "insert into emails (tenant_id, occurred_at, provider_id, status)"
            " values (%s, %s, 'late', 'sent')",
            [tenant, at(1)],
        )
        with pytest.raises(errors.LockNotAvailable):
            seal(db, 1)
        writer.commit()
    assert obstacle(db, 1) == "late facts wait for the next run"
    run(db, at(6))
    assert seal(db, 1) == 6
    sent = value(db, "select emails_sent from billing_usage_daily where usage_date = %s", day(1))
    assert sent == 2


def test_a_writer_that_comes_meanwhile_waits_and_is_refused(db: Db, tenant: Any) -> None:
    with db.connect(OPERATOR, autocommit=False) as sealer, ThreadPoolExecutor(1) as pool:
        sealer.execute("select seal_day(%s)", [day(1)])
        job = pool.submit(send, db, tenant, at(1))
        send(db, tenant, at(2))  # another day's facts do not wait
        assert not job.done()
        sealer.commit()
        with pytest.raises(errors.ObjectNotInPrerequisiteState):
            job.result(PATIENCE)
    assert value(db, LEFT) == 5
