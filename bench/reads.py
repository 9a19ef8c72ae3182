"""P9 and P10: a tenant's page and the overview, over a long daily table."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import LiteralString

import psycopg

from app import usage_tenants
from app.overview import Wish
from bench import data
from bench.data import Connection
from bench.stage import Sessions, Stage
from bench.timing import Case
from tests.server import Db

Async = psycopg.AsyncConnection[tuple[object, ...]]

DAILY: LiteralString = """
insert into data.billing_usage_daily (
  tenant_id, usage_date, sms_outbound_count, sms_inbound_count, sms_outbound_segments,
  voice_minutes_outbound, voice_seconds_outbound, emails_sent, ai_requests, counted_rows)
select t.id, %(day)s, h.a & 1023, h.a & 127, h.a & 1023, h.a & 63, h.a & 4095, h.a & 511, h.a & 31,
  h.a & 2047
from bench.tenants as t
cross join lateral (
  select hashint8extended(t.rank, %(day)s::date - date '2000-01-01') as a) as h
order by t.id
"""
COUNTED: LiteralString = """
with run as (
  insert into data.usage_runs (
    as_of, started_at, finished_at, rows_changed, source_rows, days_counted, days_failed, trigger,
    started_by, outcome)
  values (now(), now(), now(), 0, 0, 0, 0, 'bench', 'bench', 'succeeded')
  returning id
)
insert into data.usage_days (usage_date, counted_at, run_id)
select d::date, d + interval '26 hours', r.id
from generate_series(%s::timestamp, %s::timestamp, interval '1 day') as d
cross join run as r
"""
SUMMARY: LiteralString = "select s.summary::text from billing.usage_summary as s"
TENANTS: LiteralString = (
    "select u.tenant_id, u.tenant_name, u.status::text, u.plan_code, u.plan_label"
    " from billing.tenant_usage as u"
)
WITH_TABLE = ("data.billing_usage_daily",)


@contextmanager
def filled(stage: Stage, tenants: int) -> Generator[tuple[Db, Sessions]]:
    """A database with so many tenants and a daily row of each on each day."""
    days = stage.sizes.read_days if tenants <= 5_000 else min(stage.sizes.read_days, 100)
    stage.say(f"loading {tenants:,} tenants × {days} days")
    database = data.install(stage.server, f"reads_{tenants}")
    with Sessions(database) as sessions:
        admin = sessions.of()
        data.add_tenants(admin, 1, tenants)
        first = stage.today - timedelta(days=days - 1)
        with data.loading(admin, *WITH_TABLE):
            for number in range(days):
                admin.execute(DAILY, {"day": first + timedelta(days=number)})
        admin.execute(COUNTED, [first, stage.today])
        admin.execute("update data.settings set billing_from = %s", [first])
        admin.execute("vacuum (analyze)")
        yield database, sessions
    stage.server.drop(database)


def session(admin: Connection, role: str) -> str:
    """The token of an owner of the busiest tenant, or of root."""
    tenant = admin.execute("select id from bench.tenants where rank = 1").fetchall()[0][0]
    email, token = f"{role}@bench.example", f"bench-{role}"
    whose = None if role == "root" else tenant
    admin.execute("select billing.add_user(%s, %s, %s, '-')", [email, role, whose])
    admin.execute(
        "select billing.issue_session(%s, %s, 240)", [email, sha256(token.encode()).digest()]
    )
    return token


def measure(stage: Stage, database: Db, sessions: Sessions, tenants: int) -> None:
    admin = sessions.of()
    for connection in sessions.open:
        connection.prepare_threshold = 0
    page(stage, sessions, admin, tenants)
    asyncio.run(overview(stage, database, session(admin, "root"), tenants))


def page(stage: Stage, sessions: Sessions, admin: Connection, tenants: int) -> None:
    """P9: as the web login with proof; beside the superuser naming the tenant, without policies."""
    case = Case(
        "P9" if tenants == stage.sizes.read_tenants[0] else "P9+",
        f"30 days and totals with proof, {tenants:,} tenants",
        "explicit tenant, no row security",
        1.5,
        1.1,
    )
    token, web = session(admin, "owner"), sessions.of("billing_tenant")
    web.prepare_threshold = 0
    tenant = admin.execute("select id from bench.tenants where rank = 1").fetchall()[0][0]

    def explicit() -> None:
        with admin.transaction():
            admin.execute(SUMMARY + " where s.tenant_id = %s", [tenant]).fetchall()

    def proved() -> None:
        with web.transaction():
            web.execute("select a.* from billing.enter(%s) as a", [token])
            assert len(web.execute(SUMMARY).fetchall()) == 1

    for _ in range(10):  # plans and caches
        explicit()
        proved()
    for _ in range(stage.sizes.rounds * 40):
        case.round(explicit, proved)
    stage.cases.append(case)


async def overview(stage: Stage, database: Db, token: str, tenants: int) -> None:
    """P10: what the root page asks, beside fetching its tenants and their plans as root does."""
    case = Case(
        "P10" if tenants == stage.sizes.read_tenants[0] else "P10+",
        f"overview of {tenants:,} tenants",
        f"fetching {tenants:,} tenant rows with proof",
        6,
        4,
    )
    async with await psycopg.AsyncConnection.connect(
        database.conninfo("billing_root"), autocommit=True
    ) as root:

        async def fetched() -> None:
            async with root.transaction():
                await root.execute("select a.* from billing.enter(%s) as a", [token])
                rows = await (await root.execute(TENANTS)).fetchall()
                assert len(rows) == tenants

        async def asked() -> None:
            async with root.transaction():
                await root.execute("select a.* from billing.enter(%s) as a", [token])
                assert await usage_tenants.page(root, Wish(), None)

        for number in range(stage.sizes.rounds + 5):
            floor, value = await elapsed(fetched), await elapsed(asked)
            if number >= 5:  # plans and caches
                case.floor.append(floor)
                case.values.append(value)
    stage.cases.append(case)


async def elapsed(work: Callable[[], Awaitable[None]]) -> float:
    loop = asyncio.get_running_loop()
    begin = loop.time()
    await work()
    return (loop.time() - begin) * 1000
