"""What has to hold before the web application serves anybody."""

from app import check
from app.connecting import connect, opened, pinned
from app.database import SIZES
from app.errors import FINDING, REFUSED, Problem
from app.settings import Login, Settings

OUT_OF_REACH = "role setting "
"""What no page notices, being pinned on every connection. Any login can bring it about, and nobody
on the web is to keep the application from starting."""


def require_sound(settings: Settings) -> None:
    """Problem when a rule is broken or a pool would connect as somebody it must not be."""
    for login in SIZES:
        _require_login(settings, login)
    with connect(settings.conninfo("operator"), autocommit=True) as connection:
        errors = [
            found
            for found in check.findings(connection)
            if found.kind == "finding" and not found.object.startswith(OUT_OF_REACH)
        ]
    if errors:
        raise Problem(
            f"The web application does not start on an unsound database. {errors[0]}"
            + (f" And {len(errors) - 1} more: `billing check`." if errors[1:] else ""),
            FINDING,
        )


def _require_login(settings: Settings, login: Login) -> None:
    """Each pool has the login that was made for it: any other may see more than it should."""
    with opened(settings.conninfo(login)) as connection:
        connection.execute(pinned(login, connection.info.server_version).encode())
        row = connection.execute("select session_user::text").fetchone()
    if row != (f"billing_{login}",):
        raise Problem(
            f"The connection for {login} pages must log in as billing_{login}, not as "
            f"{row and row[0]}: look at BILLING_{login.upper()}_URL",
            REFUSED,
        )
