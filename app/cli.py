"""The `billing` command."""

import sys
from datetime import date, timedelta

import click

from app import check as checks
from app import demo as demo_data
from app import demo_users, progress, release, runs
from app import settings as environment
from app.cli_sentences import sentences
from app.cli_users import session, user
from app.errors import DIFFERENCE, FINDING, USAGE, Problem


class Day(click.ParamType[date]):
    """A UTC day, as people write it."""

    name = "YYYY-MM-DD"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(str(value))
            if day == date.max:  # it has no day after it, and a range ends before its end
                raise ValueError
            return day
        except ValueError:
            self.fail(
                f"{value!r} is not a day; write it as YYYY-MM-DD, e.g. 2026-11-21.", param, ctx
            )


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Usage & billing of a multi-tenant service, living inside PostgreSQL.

    \b
    Exit codes: 0 done · 1 a difference was found · 2 wrong usage · 3 refused
                4 database unreachable · 5 a finding
    """


@main.command()
@sentences
def migrate() -> None:
    """Install this checkout: roles, migrations, sql/, schedule, plans. Safe to run again."""
    settings = environment.load()
    release.migrate(settings, click.echo)
    report(checks.check(settings))


@main.command()
@sentences
def check() -> None:
    """Say whether the database is what this checkout says, and sound."""
    report(checks.check(environment.load()))


def plural(number: int, noun: str) -> str:
    """1 day, 2 days, 1,000 days."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def report(troubles: list[checks.Trouble]) -> None:
    """Print what is wrong; exit 5 on a finding, 1 on any other difference, not on advice."""
    for trouble in troubles:
        click.echo(str(trouble))
    kinds = {trouble.kind for trouble in troubles}
    if "finding" in kinds:
        sys.exit(FINDING)
    if kinds - {"advice"}:
        sys.exit(DIFFERENCE)
    click.echo("The database is as this checkout says, and sound.")


@main.command()
@click.argument("first", metavar="FROM", type=Day())
@click.argument("last", metavar="[TO]", type=Day(), required=False)
@click.option("--tenant", metavar="ID", type=click.UUID, help="Recount this tenant only.")
@sentences
def aggregate(first: date, last: date | None, tenant: object) -> None:
    """Recount the UTC days FROM to TO, both included.

    Each day is a transaction of its own: what is done stays done if you interrupt.
    """
    last = last or first
    if last < first:
        raise Problem(f"The range is reversed: {first} comes after {last}", USAGE)
    settings = environment.load()
    days = (last - first).days + 1
    with progress.bar("days", days) as advance:
        changed = runs.aggregate(
            settings, first, last + timedelta(days=1), tenant, lambda done: advance(done)
        )
    click.echo(f"{plural(days, 'day')} counted, {plural(changed, 'row')} changed.")


@main.command()
@click.option("--trigger", default="manual", show_default=True, help="Name for the run ledger.")
@sentences
def run(trigger: str) -> None:
    """Count all that is due, until nothing is. What pg_cron does every 5 minutes.

    Where pg_cron is missing, call this from any scheduler.
    """
    settings = environment.load()
    with progress.bar("days", None) as advance:
        result = runs.run(settings, trigger, advance)
    click.echo(
        f"{plural(result.days, 'day')} counted, {plural(result.rows_changed, 'row')} changed."
    )
    if result.still_due:
        reason = result.error or "somebody else is counting them"
        raise Problem(f"Still due: {plural(result.still_due, 'day')}: {reason}", DIFFERENCE)


@main.command()
@click.option("--tenants", type=click.IntRange(1, 100_000), default=40, show_default=True)
@click.option("--days", type=click.IntRange(1, 3660), default=120, show_default=True)
@click.option("--events", type=click.IntRange(1, 100_000_000), help="About so many rows in all.")
@click.option("--seed", type=int, default=1, show_default=True)
@sentences
def demo(tenants: int, days: int, events: int | None, seed: int) -> None:
    """Load demo data up to now; the same rows per seed and day whenever it is run."""
    settings = environment.load()
    with progress.bar("days", None) as advance:
        result = demo_data.load_demo(
            settings.conninfo("ingest"),
            tenants=tenants,
            days=days,
            events=events,
            seed=seed,
            progress=lambda done, total, rows: advance(done, total, f"{rows:,} rows"),
        )
    runs.bill_from(settings, result.first_day)
    password = demo_users.ensure(settings)
    click.echo(f"{plural(result.tenants, 'tenant')}, {plural(result.rows_inserted, 'new row')}.")
    names = ", ".join(demo_users.address(kind) for kind in demo_users.KINDS)
    click.echo(f"To sign in: {names}; their password is in {password}")


@main.command()
@click.argument("name", required=False)
@click.argument("value", required=False)
@sentences
def settings(name: str | None, value: str | None) -> None:
    """Show the settings, or change one: NAME VALUE (an empty VALUE is NULL)."""
    loaded = environment.load()
    if name is not None and value is None:
        raise Problem(f"`billing settings {name}` needs a value; '' is none", USAGE)
    if name is not None:
        runs.change_setting(loaded, name, value or None)
    for row in runs.read_settings(loaded):
        click.echo(f"{row.name:<22}{row.value or '-':<14}{row.meaning}")


@main.command()
@sentences
def serve() -> None:
    """Start the web application."""
    from app import server  # the web stack is not needed by any other command

    server.serve(environment.load())


main.add_command(user)
main.add_command(session)
