"""`billing user` and `billing session`."""

import sys
from uuid import UUID

import click

from app import settings as environment
from app import users
from app.cli_sentences import sentences
from app.terminal import say


@click.group()
def user() -> None:
    """People who may sign in: add, passwd, disable, enable, list. The first root user, too."""


def ask_password() -> str:
    """Hidden and twice on a terminal; one line of a pipe otherwise."""
    if sys.stdin.isatty():
        return click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return sys.stdin.readline().removesuffix("\n").removesuffix("\r")


@user.command()
@click.argument("email")
@click.option("--role", type=click.Choice(["root", "owner", "admin", "member"]), required=True)
@click.option("--tenant", metavar="ID", type=click.UUID, help="Needed for every role but root.")
@sentences
def add(email: str, role: str, tenant: UUID | None) -> None:
    """Add a user; asks for the password."""
    settings = environment.load()
    users.require_new(settings, email, role, tenant)
    users.add(settings, email, role, tenant, ask_password())
    say(f"{email} may sign in as {role}.")


@user.command()
@click.argument("email")
@sentences
def passwd(email: str) -> None:
    """Give a user another password; asks for it and ends the user's sessions."""
    settings = environment.load()
    users.require(settings, email)
    users.set_password(settings, email, ask_password())
    say(f"{email} has another password; every session has ended.")


@user.command()
@click.argument("email")
@sentences
def disable(email: str) -> None:
    """Keep a user from signing in and end the user's sessions.

    Refused for the last active root user.
    """
    users.disable(environment.load(), email)
    say(f"{email} may not sign in any more; every session has ended.")


@user.command()
@click.argument("email")
@sentences
def enable(email: str) -> None:
    """Let a disabled user sign in again, with the same password."""
    users.enable(environment.load(), email)
    say(f"{email} may sign in again.")


@user.command("list")
@sentences
def list_users() -> None:
    """List everybody."""
    for person in users.listing(environment.load()):
        state = "disabled" if person.is_disabled else "active"
        say(f"{person.email:<40}{person.role:<8}{state:<10}{person.tenant_name or ''}")


@click.command()
@click.argument("email")
@sentences
def session(email: str) -> None:
    """Print a token for 15 minutes, to try the isolation by hand in psql or with curl."""
    token = users.session(environment.load(), email)
    say(f"begin; select billing.enter('{token}');")
    say(
        f"As a header: Authorization: Bearer {token}",
        f"It ends after {users.SESSION_MINUTES} minutes.",
        err=True,
    )
