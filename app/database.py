"""Pools, one per login, and the one way to a connection: a request transaction."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from psycopg import errors as pg
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from app.connecting import Pooled, pinned
from app.deadline import ending
from app.settings import Login, Settings

Connection = AsyncConnection[tuple[object, ...]]
T = TypeVar("T")

SIZES: dict[Login, int] = {"tenant": 8, "root": 2, "auth": 4, "operator": 2}
"""Connections per login; the operator's two keep health checks apart from a long catch-up."""
PATIENCE = 5.0
"""Seconds that a request waits for a connection."""

DEADLINES: dict[Login, float] = {"tenant": 10.0, "root": 40.0, "auth": 10.0}
"""Seconds that a request may keep a connection: SQL on it can lift the server's time limits, not
this one."""
COUNTING = "set local statement_timeout = '2min'"
"""How long root may count."""
COUNTING_DEADLINE = 150.0
"""The same for all that a request of root's that counts does."""

REPLACED = (
    pg.FeatureNotSupported,
    pg.UndefinedFunction,
    pg.UndefinedTable,
    pg.InternalError_,
    pg.InvalidSqlStatementName,
    pg.DuplicatePreparedStatement,
)
"""What a prepared statement meets when a release has replaced what it was prepared for, when it is
gone, or when its name is taken."""

CLEAN = """
begin; reset all; {pins}; close all; unlisten *; discard temp;
select from pg_prepared_statements where from_sql;
commit; begin isolation level read committed {kind}
"""
"""Takes away what SQL of one request can leave on the connection for the next, another tenant's:
settings, cursors held open, listening, temporary tables. The select finds what is worse: a
`prepare` under the name of a statement of ours would run in its place, with the next one's rights.
A login may also change what its settings are reset to, so they are pinned. The transaction begins
in the same message, so that a pooler cannot pass on the connection in between."""
SELECT = -3
"""Which of its statements the select is."""


@dataclass(frozen=True)
class Actor:
    """Who is asking, as billing.enter says."""

    user_id: UUID
    role: Literal["root", "owner", "admin", "member"]
    tenant_id: UUID | None
    tenant_name: str | None
    email: str


Work = Callable[[Connection, Actor], Awaitable[T]]
AuthWork = Callable[[Connection], Awaitable[T]]


class Database:
    """Connections of the web application. Nothing else in it opens one."""

    def __init__(self, settings: Settings) -> None:
        self._pools = {
            login: AsyncConnectionPool[Connection](
                settings.conninfo(login),
                connection_class=Pooled,
                min_size=1,
                max_size=size,
                timeout=PATIENCE,
                # otherwise the pauses between its attempts grow with the length of an outage
                reconnect_timeout=PATIENCE,
                open=False,
                name=login,
                kwargs={"autocommit": True},  # transactions are opened here, and only here
                configure=partial(_configure, login),
                # and one that died with the server is replaced before anybody gets it
                check=partial(_clean_and_begin, login),
            )
            for login, size in SIZES.items()
        }

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator["Database"]:
        """Open the pools without waiting, so that the application starts while the server
        does not answer yet, and close them in the end."""
        async with AsyncExitStack() as stack:
            for pool in self._pools.values():
                await pool.open()
                stack.push_async_callback(pool.close)
            yield self

    async def read(self, login: Literal["tenant", "root"], token: str, work: Work[T]) -> T:
        """Do the work of a GET in a read-only transaction that has entered the token's session.

        psycopg's InsufficientPrivilege when there is no such session or it is of the wrong kind.
        Tried once more when a release replaced the views under a prepared statement.
        """
        try:
            return await self._read(login, token, work)
        except REPLACED:
            return await self._read(login, token, work)

    async def write(self, token: str, work: Work[T]) -> T:
        """Let root count: a transaction that may write, with time enough for a month of days."""

        async def counting(connection: Connection, actor: Actor) -> T:
            await connection.execute(COUNTING, prepare=False)
            return await work(connection, actor)

        first = "set transaction read write"
        return await self._read("root", token, counting, first, COUNTING_DEADLINE)

    async def _read(
        self,
        login: Literal["tenant", "root"],
        token: str,
        work: Work[T],
        first: str = "",
        deadline: float | None = None,
    ) -> T:
        deadline = deadline or DEADLINES[login]
        async with self._begun(login) as connection, ending(connection, deadline):
            if first:
                await connection.execute(first.encode(), prepare=False)
            return await work(connection, await _enter(connection, token))

    async def auth(self, work: AuthWork[T]) -> T:
        """Do the work in a small transaction of its own: signing in and out, touching, auditing.

        Tried once more, as reading is: what the first transaction wrote is undone by then.
        """
        try:
            return await self._auth(work)
        except REPLACED:
            return await self._auth(work)

    async def _auth(self, work: AuthWork[T]) -> T:
        async with (
            self._begun("auth") as connection,
            ending(connection, DEADLINES["auth"]),
        ):
            return await work(connection)

    def operator(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction of the operator: health and counting, no tenant's rows."""
        return self._begun("operator")

    @asynccontextmanager
    async def _begun(self, login: Login) -> AsyncGenerator[Connection]:
        # the connection comes with its transaction begun; the pool ends it
        async with self._pools[login].connection() as connection:
            try:
                yield connection
            except REPLACED:
                await connection.rollback()
                await connection.execute("deallocate all")
                raise


@cache
def cleaning(login: Login, version: int) -> bytes:
    """CLEAN for this login, on a server of this version."""
    kind = "read only" if login in ("tenant", "root") else "read write"
    return CLEAN.format(pins=pinned(login, version), kind=kind).encode()


async def _configure(login: Login, connection: Connection) -> None:
    # whoever listens here is told nothing, and nothing is kept for anybody
    connection.add_notify_handler(lambda _: None)
    # behind a pooler the next transaction may be on another connection, which knows no statement
    # prepared on this one
    whose = f"{pinned(login, connection.info.server_version)}; select pg_backend_pid()"
    cursor = await connection.execute(whose.encode(), prepare=False)
    await cursor.set_result(-1)
    if await cursor.fetchone() != (connection.info.backend_pid,):
        connection.prepare_threshold = None


async def _clean_and_begin(login: Login, connection: Connection) -> None:
    statements = cleaning(login, connection.info.server_version)
    cursor = await connection.execute(statements, prepare=False)
    await cursor.set_result(SELECT)
    if cursor.rowcount:
        await connection.execute("deallocate all")


async def _enter(connection: Connection, token: str) -> Actor:
    async with connection.cursor(row_factory=class_row(Actor)) as cursor:
        await cursor.execute("select a.* from billing.enter(%s) as a", [token])
        actor = await cursor.fetchone()
    assert actor is not None  # noqa: S101 - it raises rather than returning no row
    return actor
