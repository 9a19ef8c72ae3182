"""Every function with another's rights that a web login may execute, called with what is another's.

The list comes from the catalogue. Whatever a page's login may call is called with every argument
that means something foreign; what signs people in is attacked function by function.
"""

from itertools import product

import pytest

from tests.past import rows, value
from tests.people import People, digest, enter, harmless, settle, tenants_seen
from tests.server import Db

LOGINS = ("billing_tenant", "billing_root", "billing_auth")
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
    "aggregate_as_root(date,date)": {
        "select aggregate_as_root(current_date - 1, current_date)": REFUSED,
        "select set_config('app.session', repeat('0', 64), true);"
        " select aggregate_as_root(current_date - 1, current_date)": REFUSED,
        "set transaction read write; select aggregate_as_root(null, null)": REFUSED,
    },
    # takes nothing, and tells of the platform as a whole
    "complete_through()": {"select complete_through()": NOTHING},
    "read_health()": {"select read_health()": REFUSED},
    # the one who checks passwords is told the hash; nobody else's login may call it
    "begin_sign_in(text,inet,bytea)": {
        "select begin_sign_in({email} || '%', '192.0.2.1', null)": NOTHING,
        "select begin_sign_in(null, '192.0.2.1', null)": "23502",
        "select begin_sign_in('%', null, null)": NOTHING,
    },
    "finish_sign_in(bigint,text,bytea,bytea,text)": {
        "select finish_sign_in(0, {email}, sha256('mine'), sha256('mine'), 'mine')": REFUSED,
        "select finish_sign_in(null, {email}, sha256('mine'), sha256('mine'), 'mine')": REFUSED,
        "select finish_sign_in((begin_sign_in('mine@people.example', null, null)).attempt_id,"
        " {email}, sha256('mine'), sha256('mine'), 'mine')": REFUSED,
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


@pytest.fixture(scope="module")
def names(people: People) -> dict[str, str]:
    """What the attacker may know of somebody else, and the own token."""
    token = people.token("owner", people.foreign)
    return {
        "foreign": str(people.foreign),
        "email": people.add("owner", people.foreign),
        "token": token,
        "sha256": digest(token).hex(),
        "own_token": people.token(),
    }


@pytest.mark.parametrize("login", LOGINS)
def test_what_is_anothers_opens_nothing(people: People, names: dict[str, str], login: str) -> None:
    before = state_of(people)
    functions = definers(people.db, login)
    assert functions
    for function in functions:
        for attack, expected in ATTACKS.get(function, {}).items():
            with people.db.connect(login, autocommit=False) as connection:
                assert harmless(connection, attack, **names) == expected, attack
    assert state_of(people) == before
    with people.request(names["token"]) as connection:
        assert tenants_seen(connection) == {people.foreign}


# by type of the argument: what means somebody else's, and what means nothing
FOREIGN: dict[str, list[str]] = {
    "uuid": ["{foreign}", "null"],
    "text": ["{email}", "{sha256}", "'sms_outbound_segments'", "null"],
    "date": ["billing.utc_day(now()) - 1", "billing.utc_day(now()) + 1", "null"],
    "timestamp with time zone": ["now()", "null"],
    "boolean": ["true"],
    "integer": ["1", "-1"],
    "bigint": ["1", "null"],
    "inet": ["'192.0.2.1'"],
    "bytea": ["convert_to({sha256}, 'UTF8')"],
    "jsonb": ["jsonb_build_object('tenant', {foreign})", "null"],
}


@pytest.mark.parametrize(
    ("login", "session"),
    [("billing_tenant", None), ("billing_tenant", "own"), ("billing_root", None)],
)
def test_no_foreign_argument_opens_anything(
    people: People, names: dict[str, str], login: str, session: str | None
) -> None:
    """Without a session a page's functions refuse; with the own one they tell nothing foreign."""
    token = people.token()
    before = state_of(people)
    with people.db.connect(login, autocommit=False) as connection:
        for attack in calls(people.db, login):
            if session:
                enter(connection, token)
            state = harmless(connection, attack, **names)
            assert session or state == REFUSED or "complete_through" in attack, attack
            connection.commit()
    assert state_of(people) == before


def calls(db: Db, login: str) -> list[str]:
    """Every definer function of the login with every combination of foreign arguments."""
    found: list[str] = []
    for function in definers(db, login):
        name, _, types = function.rstrip(")").partition("(")
        given = [
            [f"({value})::{kind}" for value in FOREIGN[kind]] for kind in types.split(",") if kind
        ]
        found += [f"select * from billing.{name}({', '.join(all_)})" for all_ in product(*given)]  # noqa: S608
    assert found
    return found


def test_whoever_signs_people_in_is_attacked_function_by_function(people: People) -> None:
    functions = {login: set(definers(people.db, login)) for login in LOGINS}
    assert functions["billing_auth"] <= set(ATTACKS)
    assert set(ATTACKS) <= set.union(*functions.values()), "an attack on a function that is gone"


def state_of(people: People) -> object:
    """Every user, session, number and run, whatever changes of them; and how much was audited."""
    return value(
        people.db,
        "select (select json_agg(u order by u.id) from data.users as u)::text,"
        " (select json_agg(s order by s.token_sha256) from data.sessions as s)::text,"
        " (select json_agg(d order by d.id) from data.billing_usage_daily as d)::text,"
        " (select count(*) from data.usage_runs), (select count(*) from data.audit_events)",
    )
