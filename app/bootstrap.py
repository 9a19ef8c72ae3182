"""What only an administrator of the server can do: roles, their passwords, the extension."""

import secrets
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import errors as pg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from app.errors import REFUSED, Problem
from app.settings import LOGINS, ROOT, Settings

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
    """A generated password for every login that has none, into the password file (mode 0600).

    The server only ever sees the SCRAM verifier, so no log can hold a password.
    """
    without = connection.execute(
        "select rolname from pg_authid where rolpassword is null and rolname = any (%s)",
        [[f"billing_{login}" for login in LOGINS]],
    ).fetchall()
    where = conninfo_to_dict(settings.admin)
    target = ":".join(
        str(where.get(part) or default)
        for part, default in (("host", "localhost"), ("port", "5432"), ("dbname", "*"))
    )
    for (role,) in without:
        login = str(role)
        password = secrets.token_urlsafe(32)
        verifier = connection.pgconn.encrypt_password(
            password.encode(), login.encode(), b"scram-sha-256"
        ).decode()
        passfile.touch(mode=0o600)
        with passfile.open("a") as file:
            file.write(f"{target}:{login}:{password}\n")
        connection.execute(
            sql.SQL("alter role {} password {}").format(
                sql.Identifier(login), sql.Literal(verifier)
            )
        )
        say(f"gave {login} a password, kept in {passfile}")
