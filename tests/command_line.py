"""`billing`, as a test types it: the exit code and what was said, its output in pipes."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from tests.server import Db

DONE, DIFFERENCE, USAGE, REFUSED, UNREACHABLE, FINDING = range(6)
Billing = Callable[..., Result]
PROGRAM = Path(sys.executable).with_name("billing")
"""For a process of its own."""


def billing_on(db: Db, *words: object, pipe: str | None = None, **environ: str) -> Result:
    """Run a command over a database, in this process; pipe is its standard input."""
    environ = {"BILLING_DATABASE_URL": db.url()} | environ
    return CliRunner().invoke(main, [str(word) for word in words], input=pipe, env=environ)


@pytest.fixture
def billing(db: Db) -> Billing:
    """Run a command over the database of the test."""
    return partial(billing_on, db)
