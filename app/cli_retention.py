"""`billing retention`: give up source rows of long ago."""

import sys

import click

from app import progress, retention
from app import settings as environment
from app.cli_sentences import sentences
from app.cli_words import plural
from app.errors import DIFFERENCE
from app.settings import Settings
from app.terminal import say


@click.command("retention")
@click.option("--dry-run", is_flag=True, help="Change nothing; show which days could be sealed.")
@click.option("--reindex", is_flag=True, help="Only vacuum and reindex, as after an interruption.")
@sentences
def apply_retention(dry_run: bool, reindex: bool) -> None:
    """Seal days older than the setting raw_retention_days and delete their source rows.

    Off by default. Each day is proved, sealed and purged in a transaction of its own; interrupt at
    will and run again. Numbers stay; a sealed day can no longer be recounted, explained or
    corrected. Exit code 1 when a day could not be sealed; the reason is told.
    """
    settings = environment.load()
    if reindex:
        _reindex(settings)
        return
    due = retention.days(settings)
    if due is None:
        say(
            "Retention is off: source rows are kept for ever. "
            "`billing settings raw_retention_days 400` turns it on."
        )
        return
    sealed = kept = rows = 0
    try:
        with progress.bar("days", len(due)) as advance:
            for done, day in enumerate(retention.seal(settings, due, dry_run), 1):
                if day.obstacle is None:
                    sealed += 1
                    rows += day.source_rows
                else:
                    kept += 1
                    say(f"{day.day} keeps its source rows: {day.obstacle}")
                advance(done)
    finally:
        if sealed and not dry_run:
            _reindex(settings)
    would = "would be " if dry_run else ""
    say(f"{plural(sealed, 'day')} {would}sealed, {plural(rows, 'source row')} given up.")
    if kept:
        sys.exit(DIFFERENCE)


def _reindex(settings: Settings) -> None:
    with progress.bar("statements", None) as advance:
        retention.reindex(settings, lambda what: advance(0, note=what))
