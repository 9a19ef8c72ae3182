"""What only an administrator of the server can do: roles, their passwords, the extension."""

import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app import logins
from app.errors import REFUSED, Problem
from app.passfile import Passfile
from app.settings import EMBEDDED, LOGINS, ROOT, Login, Settings

Connection = psycopg.Connection[tuple[object, ...]]
Say = Callable[[str], None]
ROLES = ROOT / "sql" / "00_roles.sql"


def require_server(connection: Connection) -> None:
    """PostgreSQL 15 or newer, with ICU, on a database in UTF8; or Problem."""
    version = connection.info.server_version
    if version < 150000:
        raise Problem(f"PostgreSQL {version // 10000} is too old: 15, 16 or 17 is needed", REFUSED)
    row = connection.execute(
        "select getdatabaseencoding() = 'UTF8',"
        " exists (select from pg_collation where collname = 'und-x-icu')"
    ).fetchone()
    if row is None or not row[0]:
        raise Problem("The database's encoding is not UTF8, which is needed", REFUSED)
    if not row[1]:
        raise Problem("This PostgreSQL was built without ICU, which is needed", REFUSED)


def require_right(connection: Connection) -> bool:
    """Whether this user may create roles; Problem if it is no member of billing_deploy either."""
    row = connection.execute(
        "select rolsuper or rolcreaterole from pg_roles where rolname = current_user"
    ).fetchone()
    if row == (True,):
        return True
    row = connection.execute(
        "select to_regrole('billing_deploy') is not null"
        " and pg_has_role(current_user, to_regrole('billing_deploy'), 'member')"
    ).fetchone()
    if row != (True,):
        raise Problem(
            f"{connection.info.user} may not create roles and is no member of billing_deploy: "
            "let an administrator run sql/00_roles.sql in this database once, then migrate as "
            "billing_deploy",
            REFUSED,
        )
    return False


def require_settings(connection: Connection) -> None:
    """Problem unless an administrator has run sql/00_roles.sql as this checkout has it."""
    row = connection.execute(
        "select p.prosrc from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace"
        " where n.nspname = 'data' and p.proname = 'role_settings'"
    ).fetchone()
    if row is None or str(row[0]) not in ROLES.read_text():
        raise Problem(
            "sql/00_roles.sql has changed since an administrator ran it in this database: let one "
            "run it again, then migrate",
            REFUSED,
        )


def create_roles(connection: Connection, settings: Settings, say: Say) -> None:
    """Run sql/00_roles.sql, then give passwords to logins that have none."""
    try:
        connection.execute(ROLES.read_bytes())
    except pg.InsufficientPrivilege as error:
        raise Problem(
            f"{connection.info.user} may create roles, but not all of what sql/00_roles.sql "
            f"needs: {error.diag.message_primary}. Let a superuser run that file once",
            REFUSED,
        ) from None
    row = connection.execute(
        "select rolsuper from pg_roles where rolname = current_user"
    ).fetchone()
    if settings.passfile is not None and row == (True,):
        _give_passwords(connection, settings, settings.passfile, say)


def _give_passwords(connection: Connection, settings: Settings, passfile: Path, say: Say) -> None:
    """Let every login in by a password of the password file.

    A login without a password is given one; where somebody has changed it, what the file says
    counts. What another installation on this server has given is not ours to change.
    """
    file, foreign = Passfile(passfile, settings.admin), list[str]()
    rows = connection.execute("select rolname from pg_authid where rolpassword is null")
    without = {str(role) for (role,) in rows}
    for login in LOGINS:
        role = f"billing_{login}"
        if role not in without and logins.refusal(settings.conninfo(login), login) is None:
            continue
        known = file.passwords(role)
        if role not in without:
            # perhaps the file names another database of this server with it
            known.sort(key=partial(_is_closed, settings, login))
        if role not in without and not known and passfile.parent != EMBEDDED.parent:
            foreign.append(role)
            continue
        password = known[0] if known else secrets.token_urlsafe(32)
        file.write(role, password)
        if role in without or _is_closed(settings, login, password):
            _set_password(connection, role, password)
        say(f"gave {role} a password, kept in {passfile}")
    if foreign:
        say(
            f"{', '.join(foreign)}: the password was given by another installation on this server "
            f"and is not in {passfile}. Copy the lines from that one's password file; if there is "
            "none any more, `alter role … password null` for each, and migrate again"
        )


def _is_closed(settings: Settings, login: Login, password: str) -> bool:
    conninfo = make_conninfo(settings.conninfo(login), password=password)
    return logins.refusal(conninfo, login) is not None


def _set_password(connection: Connection, role: str, password: str) -> None:
    """The server only ever sees the SCRAM verifier, so no log can hold a password."""
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier))
    )
