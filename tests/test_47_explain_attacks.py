"""Source rows are shown to their own tenant, to root and to the operator; to nobody else, however
they ask."""

from typing import Any

import pytest
from psycopg import errors

from tests.people import Connection, People, claim, forge, harmless, settle
from tests.server import Db

CALLS = (
    "select * from billing.explain_usage({tenant}, current_date, 'sms_outbound_segments')",
    "select billing.usage_explanation({tenant}, current_date, 'sms_outbound_segments')",
)
DENIED = errors.InsufficientPrivilege.sqlstate


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    return settle(module_db)


@pytest.mark.parametrize("call", CALLS)
def test_the_own_tenant_root_and_the_operator_are_told(people: People, call: str) -> None:
    """Otherwise the refusals below would prove nothing."""
    with people.request(people.token("admin")) as connection:
        assert harmless(connection, call, tenant=people.own) is None
    for tenant in (people.own, people.foreign):
        with people.request(people.token("root"), "billing_root") as connection:
            assert "SM0" in told(connection, call, tenant)
        with people.db.connect("billing_operator") as connection:
            assert "SM0" in told(connection, call, tenant)


def told(connection: Connection, call: str, tenant: Any) -> str:
    return str(connection.execute(call.format(tenant="%s").encode(), [tenant]).fetchall())


@pytest.mark.parametrize("call", CALLS)
def test_another_tenant_is_refused(people: People, call: str) -> None:
    """The same words whether that tenant exists or not."""
    for tenant in (people.foreign, "12345678-1234-1234-1234-123456789012", None):
        with people.request(people.token()) as connection:
            assert harmless(connection, call, tenant=tenant) == DENIED


@pytest.mark.parametrize("call", CALLS)
def test_a_claim_proves_nothing(people: People, call: str) -> None:
    """Set within the session of the own tenant, forged in full, or in the same statement."""
    with people.request(people.token()) as connection:
        claim(connection, "tenant_id", str(people.foreign))
        assert harmless(connection, call, tenant=people.foreign) == DENIED
    with people.db.connect("billing_tenant", autocommit=False) as connection:
        forge(connection, people.token(), people.foreign)
        assert harmless(connection, call, tenant=people.foreign) == DENIED
    injected = call.replace("select ", "select set_config('app.tenant_id', {claimed}, true), ", 1)
    with people.request(people.token()) as connection:
        state = harmless(connection, injected, claimed=str(people.foreign), tenant=people.foreign)
        assert state == DENIED


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "login", ["billing_tenant", "billing_root", "billing_auth", "billing_ingest"]
)
def test_without_a_session(people: People, call: str, login: str) -> None:
    for tenant in (people.own, people.foreign):
        with people.db.connect(login, autocommit=False) as connection:
            assert harmless(connection, call, tenant=tenant) == DENIED


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("role", "login"),
    [("member", "billing_tenant"), ("root", "billing_tenant"), ("owner", "billing_root")],
)
def test_with_a_session_of_the_wrong_kind(people: People, call: str, role: str, login: str) -> None:
    """Whose settings are forged, because billing.enter would refuse it at once."""
    with people.db.connect(login, autocommit=False) as connection:
        forge(connection, people.token(role), people.own)
        for tenant in (people.own, people.foreign):
            connection.execute("savepoint attack")
            assert harmless(connection, call, tenant=tenant) == DENIED
            connection.execute("rollback to attack")


@pytest.mark.parametrize("call", CALLS)
def test_signing_out_acts_at_the_next_statement(people: People, call: str) -> None:
    token = people.token()
    with people.request(token) as connection:
        assert harmless(connection, call, tenant=people.own) is None
        with people.db.connect("billing_auth") as auth:
            auth.execute("select billing.sign_out(%s, false)", [token])
        assert harmless(connection, call, tenant=people.own) == DENIED


def test_the_sources_stay_out_of_reach(people: People) -> None:
    for attack in (
        "select * from billing.usage_source",
        "select * from data.messages",
        "select * from billing.differing_figures(current_date, null)",
    ):
        with people.request(people.token()) as connection:
            assert harmless(connection, attack) == DENIED
