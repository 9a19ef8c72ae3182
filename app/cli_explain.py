"""`billing explain`: which source rows make up a number."""

from dataclasses import asdict, astuple
from datetime import date
from uuid import UUID

import click

from app import csv_text, explain
from app import settings as environment
from app.cli_sentences import sentences
from app.cli_words import Day, instant, plural
from app.terminal import say, say_document, say_file


@click.command("explain")
@click.argument("tenant", metavar="TENANT", type=click.UUID)
@click.argument("day", metavar="DATE", type=Day())
@click.argument("metric", metavar="METRIC")
@click.option("--reason", type=click.Choice(explain.REASONS), help="Only rows of this kind.")
@click.option("--page", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--per-page", type=click.IntRange(1, 100_000), default=50, show_default=True)
@click.option("--csv", "as_csv", is_flag=True, help="All rows, as CSV.")
@click.option("--json", "as_json", is_flag=True, help="All rows, as a JSON document.")
@sentences
def explain_number(
    tenant: UUID,
    day: date,
    metric: str,
    reason: str | None,
    page: int,
    per_page: int,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Show the source rows behind a tenant's METRIC on a UTC day.

    Rows that count come first, each with its contribution; then rows of the same source that do
    not, each with the reason. METRIC is a name of billing.metrics, e.g. sms_outbound_count.
    """
    whole = as_csv or as_json
    number, rows = explain.explain(
        environment.load(),
        tenant,
        day,
        metric,
        reason,
        None if whole else per_page,
        0 if whole else (page - 1) * per_page,
    )
    if as_csv:
        say_file(csv_text.render(explain.COLUMNS, map(astuple, rows)))
    elif as_json:
        document = asdict(number) if number else {}
        say_document(document | {"rows": list(map(asdict, rows))})
    else:
        say(*map(_line, rows), _verdict(number, page, per_page))


def _line(row: explain.SourceRow) -> str:
    clock = instant(row.occurred_at).split()[-1]
    amount = f"{row.contribution:>8,}" if row.is_counted else " " * 7 + "-"
    words = f"{row.kind:<14}  {row.status or '-':<19}  {row.reason:<12}"
    return f"{clock}  {words}  {amount}  {row.provider_id}"


def _verdict(number: explain.Number | None, page: int, per_page: int) -> str:
    if number is None:
        return "This day is still to come."
    pages = max(1, -(-number.rows // per_page))
    stored = "not counted yet" if number.stored is None else f"{number.stored:,}"
    agree = "" if number.stored in (None, number.explained) else " The next run brings it up."
    return (
        f"Page {page:,} of {pages:,}, {plural(number.rows, 'row')}. {number.label}: "
        f"{number.explained:,} {number.unit} by these rows, stored {stored}.{agree}"
    )
