"""`billing aggregate` and `billing run`."""

import sys
from datetime import date
from uuid import UUID

import click

from app import backfill, progress, proof, runs
from app import settings as environment
from app.cli_sentences import sentences
from app.cli_words import Day, half_open, plural
from app.errors import DIFFERENCE, Problem
from app.terminal import say


@click.command()
@click.argument("first", metavar="FROM", type=Day())
@click.argument("last", metavar="[TO]", type=Day(), required=False)
@click.option("--tenant", metavar="ID", type=click.UUID, help="Recount this tenant only.")
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1, 32),
    default=1,
    show_default=True,
    help="Days counted at the same time; a core of the server each.",
)
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would change.")
@sentences
def aggregate(
    first: date, last: date | None, tenant: UUID | None, jobs: int, dry_run: bool
) -> None:
    """Recount the UTC days FROM to TO, both included.

    Each day is a transaction of its own: what is done stays done if you interrupt.
    With --dry-run, exit code 1 says that something would change.
    """
    settings = environment.load()
    first, end = half_open(first, last)
    days = (end - first).days
    if dry_run:
        rehearse(first, end, tenant)
        return
    with progress.bar("days", days) as advance:
        changed = backfill.aggregate(settings, first, end, tenant, lambda done: advance(done), jobs)
    say(f"{plural(days, 'day')} counted, {plural(changed, 'row')} changed.")


def rehearse(first: date, end: date, tenant: UUID | None) -> None:
    """Print each figure that a recount would change, and exit 1 if there is one."""
    days = (end - first).days
    figures = rows = 0
    with progress.bar("days", days) as advance:
        for done, differences in proof.rehearse(environment.load(), first, end, tenant):
            for difference in differences:
                say(difference)
            figures += len(differences)
            rows += len({difference.tenant_id for difference in differences})
            advance(done)
    say(
        f"{plural(days, 'day')} recounted, nothing written: "
        f"{plural(figures, 'figure')} in {plural(rows, 'row')} would change."
    )
    if figures:
        sys.exit(DIFFERENCE)


@click.command()
@click.option("--trigger", default="manual", show_default=True, help="Name for the run ledger.")
@sentences
def run(trigger: str) -> None:
    """Count all that is due, until nothing is. What pg_cron does every 5 minutes.

    Where pg_cron is missing, call this from any scheduler.
    """
    settings = environment.load()
    with progress.bar("days", None) as advance:
        result = runs.run(settings, trigger, advance)
    say(f"{plural(result.days, 'day')} counted, {plural(result.rows_changed, 'row')} changed.")
    if result.still_due:
        reason = result.error or "somebody else is counting them"
        raise Problem(f"Still due: {plural(result.still_due, 'day')}: {reason}", DIFFERENCE)
