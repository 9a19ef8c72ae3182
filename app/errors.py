"""What can go wrong for a person at a command line: a sentence and an exit code."""

import re

import psycopg
from psycopg import errors as pg

DIFFERENCE = 1
USAGE = 2
REFUSED = 3
UNREACHABLE = 4
FINDING = 5

EXIT_CODES = {
    0: "done",
    DIFFERENCE: "a difference was found: in numbers, between files and database, or days still due",
    USAGE: "wrong usage: nothing was tried",
    REFUSED: "refused: nothing was changed, and the sentence says why",
    UNREACHABLE: "the database cannot be reached",
    FINDING: "a finding: a rule that the database has to keep is broken",
}
"""What each means, for `billing --help` and docs/commands.md."""


class Problem(Exception):
    """Ends a command: the sentence goes to standard error, the code to the shell."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


# Errors of a person's input, as the SQL functions document them.
_USAGE_ERRORS = (
    pg.InvalidParameterValue,
    pg.DatetimeFieldOverflow,
    pg.UndefinedObject,
    pg.InvalidDatetimeFormat,
)


def explain(error: psycopg.Error) -> Problem:
    """Turn a database error into a sentence for a person and a distinct exit code."""
    diagnostic = error.diag
    if diagnostic.message_primary is None:  # it is psycopg or libpq that speaks
        reason = _first_line(error)
        if not isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            return Problem(f"The database returned a value that cannot be shown: {reason}", REFUSED)
        if 'role "billing_' in reason and reason.endswith("does not exist"):
            return Problem(f"{reason}. Run `billing migrate` first", REFUSED)
        return Problem(f"The database cannot be reached: {reason}", UNREACHABLE)
    sentence = ". ".join(
        part.rstrip(".")
        for part in (
            diagnostic.message_primary,
            diagnostic.message_detail,
            diagnostic.message_hint,
        )
        if part
    )
    if re.search("could not load library|incompatible library", sentence):
        # PL/pgSQL's, as a rule
        return Problem(
            f"{sentence}. If PostgreSQL was upgraded while the server ran, restart the server; "
            "`make run` restarts the embedded one",
            REFUSED,
        )
    if isinstance(error, _USAGE_ERRORS):
        return Problem(sentence, USAGE)
    if isinstance(error, pg.OperatorIntervention) and not isinstance(error, pg.QueryCanceled):
        return Problem(f"The database went away: {sentence}", UNREACHABLE)
    if isinstance(error, (pg.InvalidSchemaName, pg.UndefinedTable, pg.UndefinedFunction)):
        return Problem(f"{sentence}. Run `billing migrate` first", REFUSED)
    return Problem(sentence, REFUSED)


def _first_line(error: psycopg.Error) -> str:
    """libpq repeats itself once per address that it tried; the last line says it best."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
