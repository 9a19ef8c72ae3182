"""Code of the attacker's own: loops, handlers that swallow errors, functions that spy on rows.

On a server of ours no web login may run any. In a host's database the language and temporary
objects are usually everybody's right: there the same attacks meet what lies behind.
"""

from collections.abc import Iterator

import pytest
from psycopg import errors as pg

from tests.people import (
    FOREIGN_NAME,
    FOREIGN_SEGMENTS,
    Connection,
    People,
    as_at_a_host,
    harmless,
    settle,
    tenants_seen,
)
from tests.server import Db

TELL = "begin raise notice '%', (select json_agg(u) from tenant_usage as u);"
CLAIM = "perform set_config('app.tenant_id', {foreign}, true);"
SWALLOW = "exception when others then raise notice '%', sqlerrm; end"
SPY = "create function pg_temp.spy(text) returns boolean language plpgsql cost 0.0001 as"
BEGIN = "commit; begin read write;"
BLOCKS = (
    f"do $$ {TELL} end $$",
    f"do $$ begin {CLAIM} {TELL} {SWALLOW}; {SWALLOW} $$",
    f"do $$ begin begin {CLAIM} raise exception 'x'; {SWALLOW}; {TELL} {SWALLOW}; end $$",
    "do $$ begin perform enter('guess'); exception when others then null; end $$",
    # one try after the other in one statement
    "do $$ begin for n in 1..200 loop"
    " begin perform enter(n || {foreign}); exception when insufficient_privilege then null; end;"
    f" end loop; {TELL} end; end $$",
    # a plan made for the own tenant, carried over a claim
    "do $$ declare s text; begin for n in 1..7 loop select json_agg(u)::text into s"  # noqa: S608
    " from tenant_usage as u; raise notice '%', s;"
    f" if n = 6 then {CLAIM} end if; end loop; {SWALLOW} $$",
    # the claim between two fetches of one cursor
    "do $$ declare c cursor for select * from usage_daily; r record; begin open c; fetch c into r;"  # noqa: S608
    f" {CLAIM} loop fetch c into r; exit when not found; raise notice '%', r; end loop;"
    f" {SWALLOW} $$",
    # all three settings forged, with the other's hash as the database keeps it
    f"do $$ begin {CLAIM} perform set_config('app.session', repeat('f', 64), true); {TELL} end;"
    f" {SWALLOW} $$",
    # what a handler learns of an error
    "do $$ declare d text; begin perform u.tenant_name::integer from tenant_usage as u"
    " where u.tenant_name not like 'Own%'; exception when others then"
    " get stacked diagnostics d = pg_exception_context; raise notice '% %', sqlerrm, d; end $$",
    "do $$ begin execute 'set role billing_root'; exception when others then null; end $$",
    "do $$ begin execute 'copy (select 1) to program ''id'''; exception when others then null;"
    " end $$",
)
SPIES = (
    # a cheap function is asked before a dear one: not before a policy
    "select * from tenant_usage where pg_temp.spy(tenant_name)",
    "select * from usage_daily where pg_temp.spy(sms_outbound_segments::text)",
    "select * from tenant_usage as u join lateral (select pg_temp.spy(u.tenant_name)) as s on true",
    "select * from tenant_usage order by pg_temp.spy(tenant_name)",
    "select * from usage_summary where pg_temp.spy(summary::text)",
)
SHADOWS = """
create temp view live_sessions as select sha256('guess') as token_sha256
create temp table sessions (token_sha256 bytea); insert into sessions values (sha256('guess'))
create function pg_temp.current_tenant_id() returns uuid language sql as $$select {foreign}::uuid$$
create function pg_temp.is_root() returns boolean language sql as 'select true'
create function pg_temp.sha256(bytea) returns bytea language sql as 'select null::bytea'
create function pg_temp.transaction_stamp() returns text language sql as 'select null::text'
""".strip().splitlines()


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    return settle(module_db)


@pytest.fixture
def at_a_host(people: People) -> Iterator[None]:
    with as_at_a_host(people.db):
        yield


def attack_with(connection: Connection, people: People, token: str, attack: str) -> str | None:
    foreign = str(people.foreign)
    return harmless(connection, attack, foreign=foreign, token=token)


@pytest.mark.parametrize("attack", [*BLOCKS, f"{BEGIN} {SPY} $$ begin end $$"])
def test_on_our_own_server_it_does_not_run(people: People, attack: str) -> None:
    with (
        people.request(people.token()) as connection,
        pytest.raises(
            pg.InsufficientPrivilege,
            match=r"permission denied (for language plpgsql|to create temp)",
        ),
    ):
        connection.execute(attack.replace("{foreign}", "'0'").encode())


@pytest.mark.usefixtures("at_a_host")
@pytest.mark.parametrize("attack", BLOCKS)
def test_a_block_sees_own_rows_or_an_error(people: People, attack: str) -> None:
    """It ran, and what it swallowed has opened nothing."""
    token = people.token()
    with people.request(token) as connection:
        assert attack_with(connection, people, token, attack) is None
        if claimed(connection) == str(people.own):
            assert tenants_seen(connection) == {people.own}
        else:
            with pytest.raises(pg.InsufficientPrivilege):
                tenants_seen(connection)


def claimed(connection: Connection) -> str:
    row = connection.execute("select current_setting('app.tenant_id', true)").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.usefixtures("at_a_host")
@pytest.mark.parametrize("query", SPIES)
def test_a_spying_function_is_shown_own_rows_only(people: People, query: str) -> None:
    spy = f"{BEGIN} {SPY} $$ begin raise notice '%', $1; return true; end $$"
    token, notices = people.token(), list[str]()
    with people.request(token) as connection:
        connection.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
        attack = f"{spy}; select enter({{token}}); {query}"
        assert attack_with(connection, people, token, attack) is None
    assert notices, "it was shown nothing at all"


@pytest.mark.usefixtures("at_a_host")
def test_canary_a_spy_of_the_superuser_is_shown_everything(people: People) -> None:
    notices = list[str]()
    with people.db.connect() as connection:
        connection.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
        connection.execute(
            f"{SPY} $$ begin raise notice '%', $1; return true; end $$;"  # noqa: S608
            " select from tenant_usage where pg_temp.spy(tenant_name);"
            " select from usage_daily where pg_temp.spy(sms_outbound_segments::text)".encode()
        )
    assert {FOREIGN_NAME, str(FOREIGN_SEGMENTS)} <= set(notices)


@pytest.mark.usefixtures("at_a_host")
@pytest.mark.parametrize("login", ["billing_tenant", "billing_root"])
@pytest.mark.parametrize("shadow", SHADOWS)
def test_a_temporary_object_shadows_nothing(people: People, login: str, shadow: str) -> None:
    """First in the attacker's path, and named like what proves a session."""
    is_root = login == "billing_root"
    token = people.token("root" if is_root else "owner")
    everybody = {people.own, people.foreign} if is_root else {people.own}
    with people.db.connect(login, autocommit=False) as connection:
        make = f"{BEGIN} {shadow}; set local search_path = pg_temp, billing, pg_catalog"
        assert attack_with(connection, people, token, make) is None
        with pytest.raises(pg.InsufficientPrivilege), connection.transaction():
            connection.execute("select billing.enter('guess')")
        with pytest.raises(pg.InsufficientPrivilege), connection.transaction():
            tenants_seen(connection)
        connection.execute("select billing.enter(%s)", [token])
        assert tenants_seen(connection) == everybody
