"""Changes of published numbers, read by those whose numbers they are."""

import psycopg
import pytest

from tests.facts import update as correct
from tests.oracle import Message
from tests.past import at, nightly, rows, value
from tests.people import People, settle
from tests.server import Db


@pytest.fixture
def people(db: Db) -> People:
    """Two tenants whose day before yesterday was published and then corrected."""
    people = settle(db)
    rows(db, "delete from data.usage_restatements")
    nightly(db, value(db, "select now()"))
    with db.connect() as connection:
        for tenant in (people.own, people.foreign):
            correct(connection, Message(tenant, at(1), provider_id="SM2"), num_segments=5)
    assert value(db, "select run_usage('test')", login="billing_operator") == 0
    return people


def test_a_tenant_sees_its_own_history_and_root_sees_all(people: People) -> None:
    """And nobody sees anything without a session."""
    query = (
        "select r.tenant_id, r.label, r.unit, r.old_value, r.new_value, d.changes, d.date = r.date"
        " from billing.usage_restatements as r join billing.restated_days as d using (tenant_id)"
    )
    own = (people.own, "SMS segments sent", "segments", 1, 5, 1, True)
    with people.request(people.token()) as connection:
        assert connection.execute(query).fetchall() == [own]
    with people.request(people.token("root"), "billing_root") as connection:
        seen = connection.execute(query).fetchall()
        assert own in seen
        assert {row[0] for row in seen} == {people.own, people.foreign}
    for login in ("billing_tenant", "billing_root"):
        with (
            people.db.connect(login) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(query)
