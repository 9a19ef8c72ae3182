"""Migrations of schema data, applied by yoyo; their files are never edited afterwards."""

# yoyo has no types
# pyright: basic, reportMissingTypeStubs=false

import hashlib
from urllib.parse import urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict
from yoyo import default_migration_table, read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import parse_uri
from yoyo.migrations import Migration

from app import connecting
from app.errors import REFUSED, Problem
from app.settings import ROOT

DIRECTORY = ROOT / "migrations"

Connection = psycopg.Connection[tuple[object, ...]]


def checksums() -> dict[str, str]:
    """SHA-256 of every migration file by migration id, in order."""
    return {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(DIRECTORY.glob("*.sql"))
        if not path.name.endswith(".rollback.sql")
    }


def edited(applied: dict[str, str]) -> list[str]:
    """Applied migrations whose file has changed since or is gone."""
    now = checksums()
    return [name for name, checksum in applied.items() if now.get(name) != checksum]


def pending(applied: dict[str, str]) -> list[str]:
    """Migration files that the database does not know."""
    return [name for name in checksums() if name not in applied]


def apply(connection: Connection, conninfo: str) -> list[str]:
    """Apply what is pending, one transaction each, as the owner; returns what was applied."""
    if changed := edited(_recorded(connection)):
        raise Problem(
            f"Migration {changed[0]} was edited after it was applied: restore its file and put "
            "the change into a new migration",
            REFUSED,
        )
    backend = open_backend(conninfo)
    try:
        migrations = read_migrations(str(DIRECTORY))
        todo = backend.to_apply(migrations)
        for migration in todo:
            _apply_one(backend, migration)
        _record(connection, [migration.id for migration in migrations])
        return [migration.id for migration in todo]
    finally:
        backend.connection.close()


def _apply_one(backend: PostgresqlPsycopgBackend, migration: Migration) -> None:
    try:
        backend.apply_one(migration)
    except psycopg.Error as error:
        reason = error.diag.message_primary or str(error)
        raise Problem(f"Migration {migration.id} was not applied: {reason}", REFUSED) from error


def open_backend(conninfo: str) -> PostgresqlPsycopgBackend:
    """yoyo on this database, acting as the owner and keeping its tables in schema yoyo."""
    parts = {key: str(value) for key, value in conninfo_to_dict(conninfo).items()}
    ours = {"role": "billing_owner", "lock_timeout": "5s"}
    options = connecting.as_options(connecting.TEXT | connecting.TRANSACTIONS | ours)
    parts |= {"schema": "yoyo", "client_encoding": "UTF8", "options": options}
    # what yoyo finds behind the question mark it hands to libpq
    uri = parse_uri(f"postgresql+psycopg:///?{urlencode(parts)}")
    backend = PostgresqlPsycopgBackend(uri, default_migration_table)
    backend.init_database()
    return backend


def _recorded(connection: Connection) -> dict[str, str]:
    with connection.transaction():
        connection.execute("set local role billing_owner")
        row = connection.execute("select to_regclass('data.applied_migrations')").fetchone()
        if row is None or row[0] is None:
            return {}
        return {
            str(name): str(checksum)
            for name, checksum in connection.execute(
                "select migration_id, sha256 from data.applied_migrations order by migration_id"
            )
        }


def _record(connection: Connection, applied: list[str]) -> None:
    now = checksums()
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("set local role billing_owner")
        cursor.executemany(
            "insert into data.applied_migrations (migration_id, sha256) values (%s, %s)"
            " on conflict do nothing",
            [(name, now[name]) for name in applied],
        )
