"""`billing verify`: are the stored numbers what the source rows say?"""

import sys
from dataclasses import asdict
from datetime import date

import click

from app import progress, proof
from app import settings as environment
from app.cli_sentences import sentences
from app.cli_words import Day, half_open, plural, several
from app.errors import DIFFERENCE
from app.terminal import say, say_document


@click.command()
@click.argument("first", metavar="FROM", type=Day())
@click.argument("last", metavar="[TO]", type=Day(), required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@sentences
def verify(first: date, last: date | None, as_json: bool) -> None:
    """Recount the UTC days FROM to TO, both included, compare, write nothing.

    Complete days are verified; sealed ones no longer can be. Exit code 1 on a difference that no
    waiting late fact explains. The digest is of the figures alone: equal after dump and restore.
    """
    first, end = half_open(first, last)

    def tell(difference: proof.Difference) -> None:
        if not as_json:
            say(difference)

    with progress.bar("days", (end - first).days) as advance:
        verdict = proof.verify(
            environment.load(), first, end, lambda done: advance(done), found=tell
        )
    if as_json:
        say_document(_document(first, end, verdict))
    else:
        say(*_sentences(verdict))
    if verdict.wrong:
        sys.exit(DIFFERENCE)


def _sentences(verdict: proof.Verdict) -> list[str]:
    lines: list[str] = []
    for state in dict.fromkeys(state for _, state in verdict.not_complete):
        days = [day for day, of_state in verdict.not_complete if of_state == state]
        lines.append(f"Not verified, {state.replace('_', ' ')}: {several(days)}.")
    if verdict.sealed:
        lines.append(
            f"Sealed, can no longer be recounted: {several(verdict.sealed)}."
            " Their source rows were given up."
        )
    if verdict.waiting:
        days = sorted({found.date for found in verdict.waiting})
        lines.append(f"Late facts wait for the next run: {several(days)}.")
    lines.append(
        f"{plural(len(verdict.verified), 'day')} verified, "
        f"{plural(len(verdict.wrong), 'difference')}."
    )
    lines.append(f"Digest {verdict.digest}")
    return lines


def _document(first: date, end: date, verdict: proof.Verdict) -> dict[str, object]:
    return {
        "from": first,
        "to": date.fromordinal(end.toordinal() - 1),
        "daysVerified": len(verdict.verified),
        "sealedDays": verdict.sealed,
        "daysNotVerified": [{"date": day, "state": state} for day, state in verdict.not_complete],
        "differences": [_entry(found) for found in verdict.wrong],
        "waiting": [_entry(found) for found in verdict.waiting],
        "digest": verdict.digest,
    }


def _entry(found: proof.Difference) -> dict[str, object]:
    entry = asdict(found)
    del entry["is_waiting"]
    entry["tenantId"] = entry.pop("tenant_id")
    return entry
