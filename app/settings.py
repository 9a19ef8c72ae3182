"""Where the database is and where the web application listens.

Everything else is a row in data.settings, because pg_cron cannot see the environment. What each
variable means is said in docs/database.md.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import psycopg
from dotenv import dotenv_values
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import public_url
from app.errors import USAGE, Problem
from app.public_url import PublicUrl

ROOT = Path(__file__).resolve().parent.parent
EMBEDDED = ROOT / ".local" / "billing.env"

Login = Literal["tenant", "root", "auth", "operator", "ingest"]
LOGINS: tuple[Login, ...] = get_args(Login)


@dataclass(frozen=True)
class Settings:
    """The environment, read once and checked."""

    admin: str
    """Connection string of whoever runs migrations."""
    passfile: Path | None
    host: str
    port: int
    overrides: Mapping[str, str]
    public_url: PublicUrl
    trusted_proxies: int = 0
    """How many proxies in front may be believed about the client's address."""

    def conninfo(self, login: Login) -> str:
        """Connection string of one of our logins; the password comes from the password file."""
        # an empty one, or libpq would take the administrator's from the environment
        if login in self.overrides:
            return self.overrides[login]
        return make_conninfo(self.admin, user=f"billing_{login}", password="")


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the environment; without one, the embedded server's file under .local/."""
    values = dict(environ)
    if "BILLING_DATABASE_URL" not in values and EMBEDDED.exists():
        values |= {k: v for k, v in dotenv_values(EMBEDDED).items() if v is not None}
    database = values.get("BILLING_DATABASE_URL")
    if not database:
        raise Problem(
            "BILLING_DATABASE_URL is not set and no embedded server was started here: "
            "type `make run`, or name your database",
            USAGE,
        )
    passfile = values.get("BILLING_PASSFILE")
    port = _number("BILLING_PORT", values, 8000, 1, 65535)
    host = values.get("BILLING_HOST", "127.0.0.1")
    url = public_url.parse(values.get("BILLING_PUBLIC_URL", f"http://127.0.0.1:{port}"))
    if not url.secure and not public_url.is_loopback(host):
        raise Problem(
            f"BILLING_HOST={host} can be reached from outside, so BILLING_PUBLIC_URL has to be "
            "an https address: put a TLS proxy in front and name it",
            USAGE,
        )
    return Settings(
        admin=_conninfo("BILLING_DATABASE_URL", database, passfile),
        passfile=Path(passfile) if passfile else None,
        host=host,
        port=port,
        overrides={
            login: _conninfo(name, values[name], passfile)
            for login in LOGINS
            if (name := f"BILLING_{login.upper()}_URL") in values
        },
        public_url=url,
        trusted_proxies=_number("BILLING_TRUSTED_PROXIES", values, 0, 0, 10),
    )


def _conninfo(name: str, url: str, passfile: str | None) -> str:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        reason = str(error).strip()
        raise Problem(f"{name} is not a PostgreSQL connection URL: {reason}", USAGE) from None
    if passfile and "passfile" not in parts:
        parts["passfile"] = passfile
    return make_conninfo("", **{"connect_timeout": 10, "application_name": "billing"} | parts)


def _number(name: str, values: Mapping[str, str], default: int, low: int, high: int) -> int:
    text = values.get(name, str(default))
    plain = text.isascii() and text.isdecimal() and len(text) <= 9
    if not (plain and low <= int(text) <= high):
        raise Problem(f"{name} must be a number from {low} to {high}, not {text!r}", USAGE)
    return int(text)
