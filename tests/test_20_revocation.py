"""A session that ends while its transaction runs: refused at the next statement."""

import pytest
from psycopg import errors as pg

from tests.past import rows, value
from tests.people import People, claim, digest, enter, forge, settle, signed_in, tenants_seen
from tests.server import Db

AUTH, OPERATOR, SUPERUSER = "billing_auth", "billing_operator", "postgres"
SESSION = "update data.sessions set {} where token_sha256 = %(sha256)s"
ENDS = {
    "signs out": (AUTH, "select billing.sign_out(%(token)s, false)"),
    "signs out elsewhere, everywhere": (AUTH, "select billing.sign_out(%(other)s, true)"),
    "is disabled": (OPERATOR, "select billing.disable_user(%(email)s)"),
    "gets another password": (OPERATOR, "select billing.set_password(%(email)s, '-')"),
    "stays too long": (SUPERUSER, SESSION.format("expires_at = now()")),
    "is idle": (SUPERUSER, SESSION.format("last_seen_at = now() - interval '61 minutes'")),
    "is deleted": (SUPERUSER, "delete from data.sessions where token_sha256 = %(sha256)s"),
}
CHANGES = {
    "becomes a member": "role = 'member'",
    "moves to another tenant": "tenant_id = %(foreign)s",
    "becomes root": "role = 'root', tenant_id = null",
}


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    return settle(module_db)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("login", "role"), [("billing_tenant", "owner"), ("billing_root", "root")])
def test_who_leaves_reads_no_further(people: People, login: str, role: str, end: str) -> None:
    email = people.add(role)
    token, other = signed_in(people.db, email), signed_in(people.db, email)
    names = {"token": token, "other": other, "email": email, "sha256": digest(token)}
    by, statement = ENDS[end]
    with people.request(token, login) as connection:
        assert people.own in tenants_seen(connection)
        with people.db.connect(by) as elsewhere:
            elsewhere.execute(statement.encode(), names)
        with pytest.raises(pg.InsufficientPrivilege, match="no longer live"):
            tenants_seen(connection)
        connection.rollback()
        with pytest.raises(pg.InsufficientPrivilege, match="no live session"):
            enter(connection, token)


@pytest.mark.parametrize("change", CHANGES)
def test_who_is_somebody_else_now_is_judged_as_that(people: People, change: str) -> None:
    email = people.add("owner")
    statement = f"update data.users set {CHANGES[change]} where email = %(email)s"  # noqa: S608
    with people.request(signed_in(people.db, email)) as connection:
        assert tenants_seen(connection) == {people.own}
        with people.db.connect() as elsewhere:
            elsewhere.execute(statement.encode(), {"foreign": people.foreign, "email": email})
        with pytest.raises(pg.InsufficientPrivilege):
            tenants_seen(connection)


def test_a_suspended_tenant_may_still_read(people: People) -> None:
    status = "update data.tenants set status = %s where id = %s"
    with people.request(people.token()) as connection:
        rows(people.db, status, "suspended", people.own, login="billing_ingest")
        assert tenants_seen(connection) == {people.own}
        connection.rollback()
        enter(connection, people.token("admin"))
        assert tenants_seen(connection) == {people.own}
    rows(people.db, status, "active", people.own, login="billing_ingest")


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_no_snapshot_outlives_a_session(people: People, level: str) -> None:
    """Under a fixed snapshot a session would look alive for as long as the transaction lasts."""
    token = people.token()
    for prove in (enter, lambda c, t: forge(c, t, people.own)):
        with people.db.connect("billing_tenant", autocommit=False) as connection:
            connection.execute(f"set transaction isolation level {level}".encode())
            prove(connection, token)
            with pytest.raises(pg.InsufficientPrivilege, match="READ COMMITTED"):
                tenants_seen(connection)


@pytest.mark.parametrize("login", ["billing_tenant", "billing_root"])
def test_a_seam_that_says_nothing_is_nobody(db: Db, login: str) -> None:
    """A host's own body may forget to raise: no role is no right, whichever tenant it names."""
    people = settle(db)
    definition = value(db, "select pg_get_functiondef('billing.session_of_transaction'::regproc)")
    for says in ("", f"tenant_id := '{people.own}';"):
        head = definition.partition("$function$")[0]
        rows(db, f"{head}$function$ begin {says} end $function$")
        with db.connect(login, autocommit=False) as connection:
            claim(connection, "tenant_id", str(people.own))
            with pytest.raises(pg.InsufficientPrivilege):
                tenants_seen(connection)
