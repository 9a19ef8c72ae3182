"""People and sessions, looked after by the operator: what `billing user` and `session` call."""

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from app import auth, passwords
from app.connecting import connect
from app.settings import Settings

SESSION_MINUTES = 15


@dataclass(frozen=True)
class User:
    """A row of billing.list_users()."""

    email: str
    role: str
    tenant_name: str | None
    tenant_id: UUID | None
    is_disabled: bool


def require_new(settings: Settings, email: str, role: str, tenant: UUID | None) -> None:
    """A database error with a sentence unless such a user can be added."""
    _call(settings, "select billing.require_new_user(%s, %s, %s)", [email, role, tenant])


def require(settings: Settings, email: str) -> None:
    """A database error with a sentence unless there is such a user."""
    _call(settings, "select billing.require_user(%s)", [email])


def add(settings: Settings, email: str, role: str, tenant: UUID | None, password: str) -> None:
    """Add a user; Problem or a database error with a sentence when it cannot be."""
    passwords.require_good(email, password)
    _call(
        settings,
        "select billing.add_user(%s, %s, %s, %s)",
        [email, role, tenant, passwords.hashed(password)],
    )


def set_password(settings: Settings, email: str, password: str) -> None:
    """Give another password; every session of the user ends."""
    passwords.require_good(email, password)
    _call(settings, "select billing.set_password(%s, %s)", [email, passwords.hashed(password)])


def disable(settings: Settings, email: str) -> None:
    """Keep a user from signing in; every session of the user ends."""
    _call(settings, "select billing.disable_user(%s)", [email])


def enable(settings: Settings, email: str) -> None:
    """Let a disabled user sign in again."""
    _call(settings, "select billing.enable_user(%s)", [email])


def listing(settings: Settings) -> list[User]:
    """Everybody who may or might sign in."""
    with (
        connect(settings.conninfo("operator")) as connection,
        connection.cursor(row_factory=class_row(User)) as cursor,
    ):
        return cursor.execute(
            "select email, role, tenant_name, tenant_id, disabled_at is not null as is_disabled"
            " from billing.list_users()"
        ).fetchall()


def session(settings: Settings, email: str) -> str:
    """A token for fifteen minutes, without a password."""
    token = auth.new_token()
    _call(
        settings,
        "select billing.issue_session(%s, %s, %s)",
        [email, auth.token_sha256(token), SESSION_MINUTES],
    )
    return token


def _call(settings: Settings, statement: str, parameters: list[object]) -> None:
    with connect(settings.conninfo("operator")) as connection:
        connection.execute(statement.encode(), parameters)
