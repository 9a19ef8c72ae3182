"""People to sign in as in demo data: one of each kind, with a password nobody else knows."""

import secrets
from pathlib import Path
from uuid import UUID

from app import users
from app.connecting import connect
from app.errors import REFUSED, Problem
from app.settings import EMBEDDED, Settings

PASSWORD = EMBEDDED.with_name("demo-password")
KINDS = ("root", "owner", "admin", "member")


def ensure(settings: Settings) -> Path:
    """Add root@, owner@, admin@ and member@demo.example; returns the file with their password."""
    known = {person.email for person in users.listing(settings)}
    missing = [kind for kind in KINDS if address(kind) not in known]
    if missing or not PASSWORD.exists():
        password = secrets.token_urlsafe(15)
        PASSWORD.unlink(missing_ok=True)  # interrupted, the next call begins anew
        tenant = _showcase(settings)
        for kind in KINDS:
            if kind in missing:
                users.add(
                    settings, address(kind), kind, None if kind == "root" else tenant, password
                )
            else:
                users.set_password(settings, address(kind), password)
        PASSWORD.parent.mkdir(exist_ok=True)
        PASSWORD.touch(mode=0o600)
        PASSWORD.write_text(password + "\n")
    return PASSWORD


def address(kind: str) -> str:
    """The e-mail address of a demo user."""
    return f"{kind}@demo.example"


def _showcase(settings: Settings) -> UUID:
    """A tenant with enough use to look at: the first active one on the plan Pro."""
    with connect(settings.conninfo("ingest")) as connection:
        row = connection.execute(
            "select t.id from data.tenants as t where t.plan_code = 'pro' and t.status = 'active'"
            " order by t.created_at, t.id limit 1"
        ).fetchone()
    if row is None:
        raise Problem("There is no demo tenant to add users to: load more tenants", REFUSED)
    return row[0]
