"""`billing quality`: facts that are stored and may not be what they should be."""

import click

from app import quality
from app import settings as environment
from app.cli_sentences import sentences
from app.cli_words import instant, plural
from app.terminal import say


@click.command("quality")
@click.argument("kind", required=False, type=click.Choice(quality.KINDS))
@click.option("--page", type=click.IntRange(1, 1_000_000), default=1, show_default=True)
@click.option("--per-page", type=click.IntRange(1, 100_000), default=100, show_default=True)
@sentences
def show_quality(kind: str | None, page: int, per_page: int) -> None:
    """Show which kinds of questionable facts there are, or the rows of one KIND.

    \b
    unclassified  a status that nobody has classified; not counted
    orphaned      of no known tenant; counted as soon as it is added
    sealed        of a day whose rows were given up before; never counted
    contradicted  another status came after the final one; the first one counts
    stuck         pending for more than three days; not counted until it is final
    future        dated after today; counted when the day has come
    ancient       dated before 2000; never counted
    estimated     counted as one segment until the provider tells
    """
    settings = environment.load()
    if kind is None:
        found = quality.summary(settings)
        for entry in found:
            say(f"{entry.kind}: {plural(entry.source_rows, 'row')}, e.g. {entry.example}.")
            say(f"  {entry.meaning} {entry.command}")
        if not found:
            say("Every fact is what it should be.")
        return
    for row in quality.rows(settings, kind, per_page, (page - 1) * per_page):
        status = "none" if row.status is None else repr(row.status)
        say(
            f"{instant(row.occurred_at)}  {row.tenant_id}  {row.kind:<14}  {status:<21}"
            f"  {row.provider_id}"
        )
