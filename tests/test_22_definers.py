"""Every function with another's rights that a web login may execute, called with what is another's.

The list comes from the catalogue: a function that is new has to be attacked here, too.
"""

import pytest

from tests.past import rows, value
from tests.people import People, digest, harmless, settle, tenants_seen
from tests.server import Db

REFUSED = "42501"
NOTHING = None
# no token: the attacker may know ids, addresses and even what the database stores of a token
NO_TOKENS = [
    "''",
    "null",
    "{foreign}",
    "{email}",
    "{sha256}",
    "'\\x' || {sha256}",
    "{token} || ' '",
]
ATTACKS: dict[str, dict[str, str | None]] = {
    "enter(text)": {f"select enter({text})": REFUSED for text in NO_TOKENS},
    "session_of_transaction()": {
        "select session_of_transaction()": REFUSED,
        "select set_config('app.session', {email}, true); select session_of_transaction()": REFUSED,
    },
    "current_tenant_id()": {
        "select current_tenant_id()": REFUSED,
        "select set_config('app.tenant_id', {foreign}, true); select current_tenant_id()": REFUSED,
    },
    "is_root()": {
        "select is_root()": REFUSED,
        "select set_config('app.session', repeat('0', 64), true); select is_root()": REFUSED,
    },
    # takes nothing, and tells of the platform as a whole
    "complete_through()": {"select complete_through()": NOTHING},
    "read_health()": {"select read_health()": NOTHING},
    # the one who checks passwords is told the hash; nobody else's login may call it
    "begin_sign_in(text,inet)": {
        "select begin_sign_in({email} || '%', '192.0.2.1')": NOTHING,
        "select begin_sign_in(null, '192.0.2.1')": "23502",
        "select begin_sign_in('%', null)": NOTHING,
    },
    "finish_sign_in(bigint,text,bytea,text)": {
        "select finish_sign_in(0, {email}, sha256('mine'), 'mine')": REFUSED,
        "select finish_sign_in(null, {email}, sha256('mine'), 'mine')": REFUSED,
        "select finish_sign_in((begin_sign_in('mine@people.example', null)).attempt_id, {email},"
        " sha256('mine'), 'mine')": REFUSED,
    },
    "touch_session(text)": {f"select touch_session({text})": NOTHING for text in NO_TOKENS},
    "sign_out(text,boolean)": {f"select sign_out({text}, true)": NOTHING for text in NO_TOKENS},
    "record_audit(text,text,uuid,jsonb)": {
        "select record_audit({own_token}, 'mine', {foreign}::uuid, null)": REFUSED,
        **{f"select record_audit({text}, 'mine', null, null)": REFUSED for text in NO_TOKENS},
    },
}


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    return settle(module_db)


def definers(db: Db, login: str) -> list[str]:
    return rows(
        db,
        "select replace(oid::regprocedure::text, 'billing.', '') from pg_proc"
        " where prosecdef and has_function_privilege(%s, oid, 'execute') order by 1",
        login,
    )


@pytest.mark.parametrize("login", ["billing_tenant", "billing_root", "billing_auth"])
def test_what_is_anothers_opens_nothing(people: People, login: str) -> None:
    email = people.add("owner", people.foreign)
    token = people.token("owner", people.foreign)
    names = {
        "foreign": str(people.foreign),
        "email": email,
        "token": token,
        "sha256": digest(token).hex(),
        "own_token": people.token(),
    }
    before = state_of(people)
    functions = definers(people.db, login)
    assert functions
    for function in functions:
        for attack, expected in ATTACKS[function].items():
            with people.db.connect(login, autocommit=False) as connection:
                assert harmless(connection, attack, **names) == expected, attack
    assert state_of(people) == before
    with people.request(token) as connection:
        assert tenants_seen(connection) == {people.foreign}


def test_no_attack_is_for_a_function_that_is_gone(people: People) -> None:
    logins = ("billing_tenant", "billing_root", "billing_auth")
    assert {f for login in logins for f in definers(people.db, login)} == set(ATTACKS)


def state_of(people: People) -> object:
    """Every user and session, whatever changes of them; and how much was audited."""
    return value(
        people.db,
        "select (select json_agg(u order by u.id) from data.users as u)::text,"
        " (select json_agg(s order by s.token_sha256) from data.sessions as s)::text,"
        " (select count(*) from data.audit_events)",
    )
