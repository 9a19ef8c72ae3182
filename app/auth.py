"""Signing in: tokens and sessions. What is decided is decided by the database."""

import asyncio
import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import LiteralString, TypeVar
from uuid import UUID

from psycopg.rows import class_row

from app import passwords
from app.database import Actor, Connection, Database

T = TypeVar("T")

AT_ONCE = asyncio.Semaphore(2)
"""Each check takes 64 MiB and a core: more of them side by side only queue elsewhere."""

DEVICE_DAYS = 180
"""For how long a browser is known without signing in; see billing.known_device."""

TOUCH_PAUSE = 30.0
"""Seconds for which this process does not note again that a session is in use."""


@dataclass(frozen=True)
class SignedIn:
    token: str
    device: str
    """By which the browser is known from now on."""
    actor: Actor


@dataclass(frozen=True)
class Throttled:
    retry_after_seconds: int


@dataclass(frozen=True)
class _Attempt:
    attempt_id: int | None
    password_hash: str | None
    retry_after_seconds: int | None


async def sign_in(
    database: Database, email: str, password: str, address: str | None, device: str | None
) -> SignedIn | Throttled | None:
    """Open a session; None when e-mail or password is wrong, at the same cost either way.

    `device` is what a browser says of itself that has signed in before: others' wrong passwords do
    not keep it out.
    """
    attempt = await _ask(
        database,
        _Attempt,
        "select a.* from billing.begin_sign_in(%s, %s::inet, %s) as a",
        [email, address, device and token_sha256(device)],
    )
    if attempt.retry_after_seconds is not None:
        return Throttled(max(1, attempt.retry_after_seconds))
    async with AT_ONCE:
        known = attempt.password_hash or passwords.nobodys_hash()
        right = await asyncio.to_thread(passwords.verify, known, password)
        if not right or attempt.password_hash is None:
            return None
        renewed = await asyncio.to_thread(passwords.renewed, known, password)
    token, device = new_token(), new_token()
    actor = await _ask(
        database,
        Actor,
        "select a.* from billing.finish_sign_in(%s, %s, %s, %s, %s) as a",
        [attempt.attempt_id, email, token_sha256(token), token_sha256(device), renewed],
    )
    return SignedIn(token, device, actor) if actor.user_id else None


async def sign_out(database: Database, token: str, *, everywhere: bool) -> None:
    """End this session, or every session of its user."""
    _touched.pop(token_sha256(token), None)
    await _do(database, "select billing.sign_out(%s, %s)", [token, everywhere])


async def touch(database: Database, token: str) -> None:
    """Note that a session is in use, so that it does not end idle."""
    key, now = token_sha256(token), time.monotonic()
    if now - _touched.get(key, -TOUCH_PAUSE) < TOUCH_PAUSE:
        return
    if len(_touched) >= 10_000:
        _touched.clear()
    if await whose(database, token) is not None:
        _touched[key] = now


async def whose(database: Database, token: str) -> Actor | None:
    """Whose live session it is, noting that it is in use; None when it is not live."""
    actor = await _ask(database, Actor, "select a.* from billing.touch_session(%s) as a", [token])
    return actor if actor.user_id else None


async def audit(database: Database, token: str, event: str, tenant_id: UUID) -> None:
    """Note what the user of a session does about a tenant; ForeignKeyViolation without one."""
    await _do(database, "select billing.record_audit(%s, %s, %s, null)", [token, event, tenant_id])


_touched: dict[bytes, float] = {}


async def _ask(
    database: Database, kind: type[T], statement: LiteralString, parameters: list[object]
) -> T:
    """The one row that a sign-in function answers with."""

    async def work(connection: Connection) -> T:
        async with connection.cursor(row_factory=class_row(kind)) as cursor:
            await cursor.execute(statement, parameters)
            row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - these functions always answer
        return row

    return await database.auth(work)


async def _do(database: Database, statement: LiteralString, parameters: list[object]) -> None:
    await database.auth(lambda connection: connection.execute(statement, parameters))


def new_token() -> str:
    """256 random bits, safe in a cookie and a header."""
    return secrets.token_urlsafe(32)


def token_sha256(token: str) -> bytes:
    """What the database stores of a token."""
    return hashlib.sha256(token.encode()).digest()
