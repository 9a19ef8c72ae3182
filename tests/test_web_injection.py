"""A route that runs whatever SQL a visitor sends, as if every query of ours could be replaced.

It exists in this file only. Whatever is sent, no answer holds a figure of the other tenant, and the
next visitor on the same connection, who is the other tenant, gets the right page.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app import database, tenant_routes, usage
from tests.browsing import SUMMARY, Browser, bearer, browsing
from tests.people import SECRETS, People, digest

EVERYTHING = "select * from billing.tenant_usage; select summary from billing.usage_summary"
CLAIM = "select set_config('app.tenant_id', '{foreign}', true);"
FORGED = (
    f"{CLAIM} select set_config('app.session', '{{hash}}', true),"  # noqa: S608
    " set_config('app.transaction', pg_backend_pid() || '/' ||"
    " extract(epoch from transaction_timestamp()), true);"
)
ATTACKS = {
    EVERYTHING: 200,
    f"{CLAIM} {EVERYTHING}": 403,
    f"set local app.tenant_id = '{{foreign}}'; {EVERYTHING}": 403,
    f"{FORGED} {EVERYTHING}": 403,
    "select u.* from billing.tenant_usage as u,"
    " (select set_config('app.tenant_id', '{foreign}', true)) as c": 200,
    "select * from billing.tenant_usage where tenant_id = '{foreign}'": 200,
    "select * from billing.usage_summary where summary::text like '%991177%'": 200,
    "select * from billing.overview_columns": 403,
    "select 1 / (sms_outbound_segments - 2973531) from billing.tenant_usage": 200,
    f"rollback; {EVERYTHING}": 403,
    f"commit; {CLAIM} {EVERYTHING}": 403,
    f"commit; begin; {FORGED} {EVERYTHING}": 403,
    f"select set_config('app.tenant_id', '{{foreign}}', false); commit; {EVERYTHING}": 403,
    "select billing.enter('guess')": 403,
    "select * from data.billing_usage_daily": 403,
    "select * from data.users": 403,
    "select * from data.sessions": 403,
    "set role billing_root": 403,
    "set role billing_owner": 403,
    "set session authorization billing_root": 403,
    f"set row_security = off; {EVERYTHING}": 403,
    "select pg_sleep(60)": 403,
    "select pg_terminate_backend(pid) from pg_stat_activity": 403,
    "select pg_notify('a', 'b')": 403,
    "select pg_advisory_lock(1)": 403,
    "select lo_create(0)": 403,
    "select pg_read_file('/etc/passwd')": 403,
    "copy (select 1) to program 'id'": 403,
    "select billing.touch_session('x')": 403,
    "select billing.run_usage('x')": 403,
    "create temporary table mine (a int)": 500,
    "create table billing.mine (a int)": 500,
    "set transaction read write; create table public.mine (a int)": 500,
    "commit; begin read write; create table billing.mine (a int)": 403,
    "commit; begin read write; create temporary table mine (a int)": 403,
    "select * from billing.no_such_view": 503,
    "select 1 from": 500,
    "select 1 / 0": 500,
    "set statement_timeout = '10ms'; select count(*) from generate_series(1, 99999999)": 503,
    # what is left behind for the next one on the connection
    f"{FORGED} set search_path = nowhere": 200,
    "set default_transaction_isolation = 'serializable'; set timezone = 'Asia/Tokyo'": 200,
    "set session characteristics as transaction isolation level repeatable read; commit": 200,
    "declare c cursor with hold for select * from billing.tenant_usage; commit": 200,
    "listen everything; commit": 200,
    # under every name that the driver gives, those that are in use on the connection included
    ";".join(f"prepare _pg3_{n} as select 'other'" for n in range(40)) + "; commit": 200,
    "deallocate all": 200,
    "discard plans": 200,
    "begin; savepoint a; release a": 200,
}


async def injected(connection: database.Connection, sent: Any) -> bytes:
    """In the place of app.usage.summary: the period is SQL, any number of statements."""
    if sent is None:
        return await summary(connection, None) or b""
    cursor = await connection.execute(sent.encode())
    said: list[Any] = []
    while True:
        said += await cursor.fetchall() if cursor.description else [cursor.statusmessage]
        if not cursor.nextset():
            return json.dumps(said, default=str).encode()


summary = usage.summary


@pytest.fixture(scope="module")
def browser(people: People) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usage, "summary", injected)
        patch.setattr(tenant_routes, "parse_period", lambda text: text)
        patch.setitem(database.SIZES, "tenant", 1)  # everybody on the same connection
        with browsing(people.db) as browser:
            yield browser


def segments(browser: Browser, token: str) -> int:
    response = browser.get(SUMMARY, headers=bearer(token))
    assert response.status_code == 200, response.text
    return response.json()["totalsForPeriod"]["smsOutboundSegments"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack(browser: Browser, people: People, attack: str) -> None:
    own, foreign = people.token(), people.token(tenant=people.foreign)
    before = segments(browser, own), segments(browser, foreign)
    assert str(before[1]) in SECRETS
    sql = attack.format(foreign=people.foreign, hash=digest(own).hex())
    for _ in range(2):
        response = browser.get(SUMMARY, params={"period": sql}, headers=bearer(own))
        assert response.status_code == ATTACKS[attack], response.text
        for secret in (*SECRETS, "select", "psycopg", "Traceback"):
            assert secret not in response.text
        assert (segments(browser, foreign), segments(browser, own)) == before[::-1]


def test_the_planted_route_does_reach_the_database(browser: Browser, people: People) -> None:
    """Otherwise nothing above would have been shown; and a member's SQL is refused as well."""
    who = {"period": "select session_user, current_setting('app.tenant_id'), pg_backend_pid()"}
    answers = [
        browser.get(SUMMARY, params=who, headers=bearer(people.token(tenant=tenant))).json()
        for tenant in (people.own, people.foreign)
    ]
    ((login, own, pid), (_, foreign, same)) = (rows for (rows,) in answers)
    assert (login, own, foreign) == ("billing_tenant", str(people.own), str(people.foreign))
    assert pid == same
    response = browser.get(
        SUMMARY, params={"period": EVERYTHING}, headers=bearer(people.token("member"))
    )
    assert response.status_code == 403
