"""The proof: own rows or 42501, whatever is claimed; every attack through the real logins."""

import random
from collections.abc import Iterator
from uuid import uuid4

import pytest
from psycopg import errors as pg

from tests.past import rows
from tests.people import Connection, People, claim, digest, enter, forge, settle, tenants_seen
from tests.server import Db

TENANT, ROOT = "billing_tenant", "billing_root"
SAY_NOTHING_OF_TENANTS = {
    "metrics",
    "usage_statuses",
    "usage_calendar",
    "usage_periods",
    "overview_columns",
    "overview_plans",
}
"""The only views that may be read without a session."""


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    return settle(module_db)


@pytest.fixture
def token(people: People) -> str:
    return people.token("owner")


def test_canary_the_superuser_sees_what_no_web_login_can(people: People, token: str) -> None:
    """In this very database: so the tests below are about rows that are there."""
    both = {people.own, people.foreign}
    with people.db.connect() as connection:
        assert tenants_seen(connection) == both
        assert tenants_seen(connection, "select tenant_id from data.messages") == both
    with people.request(token) as connection:
        assert tenants_seen(connection) == {people.own}
    with people.request(people.token("root"), ROOT) as connection:
        assert tenants_seen(connection) == both


@pytest.mark.parametrize("login", [TENANT, ROOT])
def test_without_a_session_every_view_of_tenants_is_refused(people: People, login: str) -> None:
    views = rows(
        people.db,
        "select relname from pg_class where relnamespace = 'billing'::regnamespace"
        " and relkind = 'v' and has_table_privilege(%s, oid, 'select')",
        login,
    )
    open_views = set()
    for view in views:
        try:
            rows(people.db, f"select * from billing.{view}", login=login)  # noqa: S608
            open_views.add(view)
        except pg.InsufficientPrivilege:
            pass
    assert {"tenant_usage", "usage_daily", "usage_summary"} <= set(views) - open_views
    assert open_views <= SAY_NOTHING_OF_TENANTS


@pytest.mark.parametrize(
    ("login", "role", "may"),
    [
        (TENANT, "owner", True),
        (TENANT, "admin", True),
        (TENANT, "member", False),
        (TENANT, "root", False),
        (ROOT, "root", True),
        (ROOT, "owner", False),
        (ROOT, "admin", False),
        (ROOT, "member", False),
    ],
)
def test_each_login_serves_its_kind(people: People, login: str, role: str, may: bool) -> None:
    """Through enter, and with settings forged to look as if enter had been called."""
    token, tenant = people.token(role), "" if role == "root" else people.own
    everybody = {people.own, people.foreign} if role == "root" else {people.own}
    for prove in (enter, lambda c, t: forge(c, t, tenant)):
        with people.db.connect(login, autocommit=False) as connection:
            if may:
                prove(connection, token)
                assert tenants_seen(connection) == everybody
                continue
            with pytest.raises(pg.InsufficientPrivilege):
                prove(connection, token)
                assert prove is not enter
                tenants_seen(connection)


def test_enter_believes_no_token_but_the_token(people: People, token: str) -> None:
    sha256 = digest(token)
    guesses = ["", " ", token + " ", token.upper(), sha256.hex(), "\\x" + sha256.hex(), "%", None]
    with people.db.connect(TENANT) as connection:
        for guess in guesses:
            with pytest.raises(pg.InsufficientPrivilege, match="no live session"):
                connection.execute("select billing.enter(%s)", [guess])


def garbage(people: People) -> Iterator[str]:
    """1,000 claims: ids, ids written otherwise, strings of every alphabet."""
    drawn = random.Random(20)  # noqa: S311 - not a secret
    own, foreign = str(people.own), str(people.foreign)
    yield from ("", " ", "null", "*", "%", "0", foreign, own + foreign, f"' or '{own}")
    yield from (own.upper(), own + "\n", f"{{{own}}}", own.replace("-", ""), own[:-1])
    yield from (str(uuid4()) for _ in range(486))
    letters = [*map(chr, range(1, 127)), "é", "\u2028", "😀"]
    for _ in range(500):
        yield "".join(drawn.choices(letters, k=drawn.choice([1, 8, 36, 300])))


def test_a_thousand_claims_are_refused(people: People, token: str) -> None:
    claims = list(garbage(people))
    assert len(claims) == 1000
    with people.request(token) as connection:
        for text in claims:
            with pytest.raises(pg.InsufficientPrivilege), connection.transaction():
                claim(connection, "tenant_id", text)
                tenants_seen(connection)
        assert tenants_seen(connection) == {people.own}


def test_a_session_that_is_none_is_refused(people: People, token: str) -> None:
    """Garbage, a guessed hash, the own hash spelt otherwise; and the stamp of another time."""
    own = digest(token).hex()
    sessions = ["", "x", "f" * 64, "z" * 64, digest("guess").hex(), token]
    sessions += [own.upper(), own + "\n", own[:-1], own[:-1] + "\n"]
    stamps = ["", "0/0", "1/1735689600.000000", f"{own}/1", "x" * 1000]
    with people.request(token) as connection:
        for name, texts in {"session": sessions, "transaction": stamps}.items():
            for text in texts:
                with pytest.raises(pg.InsufficientPrivilege), connection.transaction():
                    claim(connection, name, text)
                    tenants_seen(connection)


def test_a_forged_proof_needs_a_live_session_of_that_tenant(people: People, token: str) -> None:
    with people.db.connect(TENANT, autocommit=False) as connection:
        forge(connection, token, people.own)
        assert tenants_seen(connection) == {people.own}
        forge(connection, token, people.foreign)
        with pytest.raises(pg.InsufficientPrivilege, match=r"app\.tenant_id"):
            tenants_seen(connection)


def test_what_is_left_on_the_connection_is_stale(people: People, token: str) -> None:
    with people.db.connect(TENANT, autocommit=False) as connection:
        forge(connection, token, people.own, local=False)
        connection.commit()
        with pytest.raises(pg.InsufficientPrivilege, match="another transaction"):
            tenants_seen(connection)


def test_a_context_in_autocommit_is_none(people: People, token: str) -> None:
    with people.db.connect(TENANT) as connection:
        enter(connection, token)
        with pytest.raises(pg.InsufficientPrivilege, match="no session was entered"):
            tenants_seen(connection)
        forge(connection, token, people.own, local=False)
        with pytest.raises(pg.InsufficientPrivilege, match="another transaction"):
            tenants_seen(connection)


def test_a_context_ends_with_its_savepoint_and_its_transaction(people: People, token: str) -> None:
    with people.db.connect(TENANT, autocommit=False) as connection:
        connection.execute("savepoint here")
        enter(connection, token)
        connection.execute("rollback to here")
        with pytest.raises(pg.InsufficientPrivilege, match="no session was entered"):
            tenants_seen(connection)
        connection.rollback()
        enter(connection, token)
        connection.commit()
        nothing_is_left(connection)
        enter(connection, token)
        with pytest.raises(pg.DivisionByZero):
            connection.execute("select 1 / 0")
        connection.rollback()
        nothing_is_left(connection)


def nothing_is_left(connection: Connection) -> None:
    for name in ("tenant_id", "session", "transaction"):
        left = connection.execute(f"select current_setting('app.{name}', true)".encode())
        assert left.fetchone() in {("",), (None,)}
    with pytest.raises(pg.InsufficientPrivilege, match="no session was entered"):
        tenants_seen(connection)
    connection.rollback()
