"""Installing a release: roles → migrations → rebuild of sql/ → schedule → plans → findings.

Safe to run again; what is already as the files say is left alone.
"""

import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString, cast

import psycopg
from psycopg import errors as pg

from app import bootstrap, migrations
from app.connecting import connect
from app.errors import REFUSED, USAGE, Problem
from app.settings import ROOT, Settings

SQL = ROOT / "sql"
PLANS = ROOT / "plans.sql"
MIGRATE_LOCK = 770034
REBUILD_PATIENCE = 10.0
"""Seconds that a rebuild keeps trying for its locks before it gives up."""

Connection = psycopg.Connection[tuple[object, ...]]
Say = Callable[[str], None]


def migrate(settings: Settings, say: Say) -> None:
    """Bring the database to what this checkout says. Raises Problem, then nothing is half done:
    every step is a transaction of its own and the next call goes on where this one ended."""
    with connect(settings.admin, autocommit=True) as connection:
        bootstrap.require_server(connection)
        may_create_roles = bootstrap.require_right(connection)
        _lock_out_others(connection)
        if may_create_roles:
            bootstrap.create_roles(connection, settings, say)
        else:
            bootstrap.require_settings(connection)
        for migration in migrations.apply(connection, settings.admin):
            say(f"applied migration {migration}")
        in_files = (source_fingerprint(), _object_fingerprint(connection))
        if _recorded(connection)[:2] != in_files:
            _rebuild(connection)
            say("rebuilt schema billing")
        run_file(connection, SQL / "80_schedule.sql", "billing_deploy")
        changed = _sync_plans(connection)
        if changed:
            say(f"plans: {changed} changed")
        _record(connection)


def source_fingerprint() -> str:
    """SHA-256 over the files in sql/, names included."""
    return _digest(sorted(SQL.glob("*.sql")))


def plans_fingerprint() -> str:
    """SHA-256 of plans.sql."""
    return _digest([PLANS])


def run_file(connection: Connection, path: Path, role: LiteralString) -> int:
    """Run one SQL file as a role in one transaction; returns rows of its last statement."""
    with connection.transaction():
        connection.execute(f"set local role {role}")
        return _execute(connection, path)


def _execute(connection: Connection, path: Path) -> int:
    # our own files, hence a literal string by nature; no parameters, so % stays %
    return connection.execute(cast(LiteralString, path.read_text())).rowcount


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _lock_out_others(connection: Connection) -> None:
    """Until this connection ends. One that has just ended is waited for."""
    try:
        with connection.transaction():
            connection.execute("set local lock_timeout = '3s'")
            connection.execute("select pg_advisory_lock(%s)", [MIGRATE_LOCK])
    except pg.LockNotAvailable:
        raise Problem("Another `billing migrate` is at work on this database", REFUSED) from None


def _recorded(connection: Connection) -> tuple[object, ...]:
    """Fingerprints of the newest release: sql/, objects, plans.sql; nothing before the first."""
    with connection.transaction():
        connection.execute("set local role billing_owner")
        return connection.execute(
            "select source_fingerprint, object_fingerprint, plans_fingerprint"
            " from data.releases order by id desc limit 1"
        ).fetchone() or (None, None, None)


def _object_fingerprint(connection: Connection) -> object:
    try:
        with connection.transaction():
            connection.execute("set local role billing_owner")
            row = connection.execute("select billing.object_fingerprint()").fetchone()
            return row and row[0]
    except (pg.UndefinedFunction, pg.InvalidSchemaName):
        return "nothing installed"


def _rebuild(connection: Connection) -> None:
    deadline = time.monotonic() + REBUILD_PATIENCE
    while True:
        try:
            with connection.transaction():
                connection.execute("set local role billing_deploy")
                for path in sorted(SQL.glob("[1-7]*.sql")):
                    _build(connection, path)
            return
        except (pg.LockNotAvailable, pg.DeadlockDetected):
            if time.monotonic() >= deadline:
                raise Problem(
                    f"The release was not installed: {_holder(connection)} has kept its tables "
                    f"locked for {REBUILD_PATIENCE:g} s. The previous release keeps serving; "
                    "end that session or try again later",
                    REFUSED,
                ) from None
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - jitter
        except pg.DependentObjectsStillExist as error:
            raise Problem(
                f"{error.diag.message_primary}. {error.diag.message_hint}", REFUSED
            ) from None


def _build(connection: Connection, path: Path) -> None:
    """Run a file of sql/; whoever has edited it is told where it is wrong."""
    try:
        _execute(connection, path)
    except (pg.ProgrammingError, pg.DataError) as error:
        place, at = f"{path.parent.name}/{path.name}", error.diag.statement_position
        if at:
            place += f", line {path.read_text()[: int(at)].count(chr(10)) + 1}"
        raise Problem(
            f"The release was not installed: {place}: {error.diag.message_primary}", REFUSED
        ) from None


def _holder(connection: Connection) -> str:
    row = connection.execute(
        "select a.pid, a.usename, a.state, extract(epoch from now() - a.xact_start)::integer"
        " from pg_locks as l join pg_class as c on c.oid = l.relation"
        " join pg_stat_activity as a on a.pid = l.pid"
        " where c.relnamespace in ('data'::regnamespace, 'billing'::regnamespace)"
        " and l.granted and a.pid <> pg_backend_pid()"
        " order by a.xact_start limit 1"
    ).fetchone()
    if row is None:
        return "somebody"
    return f"session {row[0]} ({row[1]}, {row[2]} for {row[3]} s)"


def _sync_plans(connection: Connection) -> int:
    before = _plans(connection)
    try:
        run_file(connection, PLANS, "billing_owner")
    except pg.ForeignKeyViolation as error:
        raise Problem(
            f"plans.sql was not taken over: a plan that it no longer names is in use. "
            f"{error.diag.message_detail}",
            REFUSED,
        ) from None
    except (pg.ProgrammingError, pg.DataError, pg.IntegrityError) as error:
        raise Problem(
            f"plans.sql was not taken over: {error.diag.message_primary}", USAGE
        ) from None
    after = _plans(connection)
    return sum(before.get(code) != after.get(code) for code in before.keys() | after.keys())


def _plans(connection: Connection) -> dict[object, tuple[object, ...]]:
    with connection.transaction():
        connection.execute("set local role billing_owner")
        rows = connection.execute("select p.code, p.* from data.plans as p").fetchall()
        return {row[0]: row for row in rows}


def _record(connection: Connection) -> None:
    now = (source_fingerprint(), _object_fingerprint(connection), plans_fingerprint())
    if _recorded(connection) != now:
        with connection.transaction():
            connection.execute("set local role billing_owner")
            connection.execute(
                "insert into data.releases"
                " (source_fingerprint, object_fingerprint, plans_fingerprint)"
                " values (%s, %s, %s)",
                now,
            )
