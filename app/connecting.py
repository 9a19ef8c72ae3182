"""The one way to a connection. Statements mean the same on it and results read the same, whatever
a database, a role or the environment has as its default: each of these a stranger may have set."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from app.settings import Login

Connection = psycopg.Connection[TupleRow]

EARLY = {"local_preload_libraries": "", "idle_session_timeout": "0"}
"""What would end a connection before it is pinned."""
NO_OPTIONS = "unsupported startup parameter"
"""How a pooler says that it takes no options."""
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
    "log_parameter_max_length_on_error": "0",
}
"""What text is read and written by, and that no parameter is written into a log."""
TRANSACTIONS = {
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
}
"""What a transaction is that does not say so itself: counts need fresh snapshots."""
SHORT = {"lock_timeout": "2s", "idle_in_transaction_session_timeout": "10s"}
LIMITS: dict[Login, dict[str, str]] = {
    "tenant": {"statement_timeout": "5s"} | SHORT,
    "root": {"statement_timeout": "30s"} | SHORT,
    "auth": {"statement_timeout": "5s"} | SHORT,
}
"""What nobody on the web may hold on to for longer, as data.role_settings() has it."""
TRANSACTION: dict[Login, str] = {"tenant": "15s", "root": "150s", "auth": "15s"}
"""The same for a transaction, however many its statements, where the server knows such a limit."""
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


def as_options(settings: Mapping[str, str]) -> str:
    """The same as options of a connection."""
    return " ".join(
        f"-c {name}={value}".replace(" ", "\\ ").replace("\\ ", " ", 1)
        for name, value in settings.items()
    )


@cache
def pinned(login: Login, version: int) -> str:
    """Statements that pin the settings of a session of this login, on a server of this version."""
    newer = {"transaction_timeout": TRANSACTION.get(login, "0")} if version >= 170000 else {}
    # the timeouts first: one of a millisecond would not let the others through
    return pins(LIMITS.get(login, {}) | newer | PAGE | TEXT)


def connect(conninfo: str, *, autocommit: bool = False) -> Connection:
    """A connection for commands; psycopg.Error when there is none."""
    connection = opened(conninfo)
    try:
        connection.execute(PINS.encode())
        connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


def opened(conninfo: str) -> Connection:
    """A connection on which nothing but EARLY is pinned yet; psycopg.Error when there is none."""
    try:
        return psycopg.connect(early(conninfo), autocommit=True)
    except psycopg.OperationalError as error:
        if NO_OPTIONS not in str(error):
            raise
        return psycopg.connect(early(conninfo, options=False), autocommit=True)


class Pooled(psycopg.AsyncConnection[tuple[object, ...]]):
    """The same for a pool of connections."""

    @classmethod
    async def connect(cls, conninfo: str = "", **how: Any) -> Self:
        try:
            return await super().connect(early(conninfo), **how)
        except psycopg.OperationalError as error:
            if NO_OPTIONS not in str(error):
                raise
            return await super().connect(early(conninfo, options=False), **how)


def early(conninfo: str, *, options: bool = True) -> str:
    """The connection string with what has to be right before anything is sent.

    A pooler takes no options: its connections to the server are its own affair.
    """
    parts = {"client_encoding": TEXT["client_encoding"]}
    if options:
        theirs = conninfo_to_dict(conninfo).get("options") or os.environ.get("PGOPTIONS", "")
        parts["options"] = f"{theirs} {as_options(EARLY)}".strip()
    return make_conninfo(conninfo, **parts)
