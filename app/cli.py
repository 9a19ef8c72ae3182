"""The `billing` command."""

import sys

import click

from app import check as checks
from app import demo as demo_data
from app import demo_users, progress, release, runs
from app import settings as environment
from app.cli_counting import aggregate, run
from app.cli_explain import explain_number
from app.cli_manual import Manual
from app.cli_proof import verify
from app.cli_quality import show_quality
from app.cli_retention import apply_retention
from app.cli_sentences import sentences
from app.cli_users import session, user
from app.cli_words import plural
from app.errors import DIFFERENCE, FINDING, USAGE, Problem
from app.terminal import say, say_document


@click.group(
    cls=Manual, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
def main() -> None:
    """Usage & billing of a multi-tenant service, living inside PostgreSQL.

    Dates are UTC days, written YYYY-MM-DD; a range includes both its ends. Long work shows its
    progress on a terminal, is quiet in a pipe, and can be interrupted and run again.
    """


@main.command()
@sentences
def migrate() -> None:
    """Install this checkout: roles, migrations, sql/, schedule, plans. Safe to run again."""
    settings = environment.load()
    release.migrate(settings, say)
    report(checks.check(settings, counting=False))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@sentences
def check(as_json: bool) -> None:
    """Say whether the database is what this checkout says, and sound.

    Exit code 5 on a finding, 1 when files and database differ; advice is no failure.
    """
    report(checks.check(environment.load()), as_json)


def report(troubles: list[checks.Trouble], as_json: bool = False) -> None:
    """Print what is wrong; exit 5 on a finding, 1 on any other difference, not on advice."""
    kinds = {trouble.kind for trouble in troubles}
    sound = kinds <= {"advice"}
    if as_json:
        entries = [{"kind": t.kind, "object": t.object, "whatToDo": t.what_to_do} for t in troubles]
        say_document({"sound": sound, "troubles": entries})
    else:
        say(*troubles)
        if sound:
            say("The database is as this checkout says, and sound.")
    if "finding" in kinds:
        sys.exit(FINDING)
    if not sound:
        sys.exit(DIFFERENCE)


@main.command()
@click.option("--tenants", type=click.IntRange(1, 100_000), default=40, show_default=True)
@click.option("--days", type=click.IntRange(1, 3660), default=120, show_default=True)
@click.option("--events", type=click.IntRange(1, 100_000_000), help="About so many rows in all.")
@click.option("--seed", type=int, default=1, show_default=True)
@sentences
def demo(tenants: int, days: int, events: int | None, seed: int) -> None:
    """Load demo data up to now; the same rows per seed and day whenever it is run.

    Exit code 3, and nothing is changed, in a database that has tenants or counts tables of its own.
    """
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
    say(f"{plural(result.tenants, 'tenant')}, {plural(result.rows_inserted, 'new row')}.")
    names = ", ".join(demo_users.address(kind) for kind in demo_users.KINDS)
    say(f"To sign in: {names}; their password is in {password}")


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
        say(f"{row.name:<22}{row.value or '-':<14}{row.meaning}")


@main.command()
@click.option("--workers", metavar="N", type=click.IntRange(1, 64), default=1, show_default=True)
@sentences
def serve(workers: int) -> None:
    """Start the web application, in N processes: one for each core that it may use.

    Each keeps up to 16 connections to the database.
    """
    from app import server  # the web stack is not needed by any other command

    server.serve(environment.load(), workers)


for command in (
    aggregate,
    run,
    verify,
    explain_number,
    show_quality,
    apply_retention,
    user,
    session,
):
    main.add_command(command)
