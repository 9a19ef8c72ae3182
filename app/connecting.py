"""The one way to a connection. Statements mean the same on it and results read the same, whatever
a database, a role or the environment has as its default: each of these a stranger may have set."""

from collections.abc import Mapping
from functools import cache

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.settings import Login

Connection = psycopg.Connection[tuple[object, ...]]

TEXT = {
    "client_encoding": "UTF8",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "quote_all_identifiers": "off",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "row_security": "on",
}
"""What text is read and written by."""
TRANSACTIONS = {
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
}
"""What a transaction is that does not say so itself: counts need fresh snapshots."""


LIMITS: dict[Login, dict[str, str]] = {
    login: {
        "statement_timeout": statements,
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "10s",
    }
    for login, statements in (("tenant", "5s"), ("root", "30s"), ("auth", "5s"))
}
"""What nobody on the web may hold on to for longer, as data.role_settings() has it."""
PAGE = {"idle_session_timeout": "0", "search_path": "billing", "jit": "off"}
"""What else a page leans on."""


def pins(settings: Mapping[str, str]) -> str:
    """Statements that set these for the session."""
    set_one = sql.SQL("set {} to {}")
    return "; ".join(
        set_one.format(sql.Identifier(name), sql.Literal(value)).as_string()
        for name, value in settings.items()
    )


PINS = pins(TEXT | TRANSACTIONS)


def options(settings: Mapping[str, str]) -> str:
    """The same as an option of a connection, which no pooler lets through."""
    return " ".join(
        f"-c {name}={value}".replace(" ", "\\ ").replace("\\ ", " ", 1)
        for name, value in settings.items()
    )


@cache
def pinned(login: Login, version: int) -> str:
    """Statements that pin the settings of a session of this login, on a server of this version."""
    newer = {"transaction_timeout": "0"} if version >= 170000 else {}
    # the timeouts first: one of a millisecond would not let the others through
    return pins(LIMITS.get(login, {}) | newer | PAGE | TEXT)


def connect(conninfo: str, *, autocommit: bool = False) -> Connection:
    """A connection for commands; psycopg.Error when there is none."""
    connection = psycopg.connect(at(conninfo), autocommit=True)
    try:
        connection.execute(PINS.encode())
        connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


def at(conninfo: str) -> str:
    """The connection string with the one setting that has to be right before anything is sent."""
    return make_conninfo(conninfo, client_encoding="UTF8")
