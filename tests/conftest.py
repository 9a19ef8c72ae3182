"""A real server of the tests' own, and a fresh database with everything installed for each test."""

import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from app import migrations, release
from app.settings import ROOT
from tests.server import Db, Server

# What a make around the tests hands down would reach each program that they start.
_OF_MAKE = "MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES MAKE_TERMOUT MAKE_TERMERR ARGS PORT ROLE"
for _name in _OF_MAKE.split():
    os.environ.pop(_name, None)

pytest_plugins = ["tests.browsing", "tests.command_line", "tests.windows"]

# A short profile for every day, a deep one for `make test ARGS=--hypothesis-profile=deep`, and one
# that finds and does not shrink.
_COMMON: dict[str, Any] = {
    "deadline": None,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
settings.register_profile("short", max_examples=15, stateful_step_count=25, **_COMMON)
settings.register_profile("deep", max_examples=10_000, stateful_step_count=50, **_COMMON)
settings.register_profile("hunt", settings.get_profile("deep"), phases=[Phase.generate])
settings.load_profile("short")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for the session; `installed` is a database with everything in it."""
    server = Server()
    try:
        release.migrate(server.create("installed").settings(), lambda _: None)
        yield server
    finally:
        server.end()


_numbers = count(1)


@pytest.fixture
def empty_db(server: Server) -> Iterator[Db]:
    """A fresh database with nothing in it."""
    yield from _passing(server, "template1")


@pytest.fixture
def db(server: Server) -> Iterator[Db]:
    """A fresh database with everything installed and no data."""
    yield from _passing(server, "installed")


@pytest.fixture(scope="module")
def module_db(server: Server) -> Iterator[Db]:
    """The same for a whole module, where tests only read or clean up after themselves."""
    yield from _passing(server, "installed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Server]:
    """A server of the module's own: pg_cron serves its database `test`, with everything in it."""
    server = Server()
    try:
        db = server.database("test")
        with db.connect() as connection:
            connection.execute("alter database test set billing.dedicated = on")
        release.migrate(db.settings(), lambda _: None)
        yield server
    finally:
        server.end()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of sql/, migrations/ and plans.sql to change; releases are taken from it."""
    for folder in ("sql", "migrations"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "plans.sql", tmp_path)
    monkeypatch.setattr(release, "SQL", tmp_path / "sql")
    monkeypatch.setattr(release, "PLANS", tmp_path / "plans.sql")
    monkeypatch.setattr(migrations, "DIRECTORY", tmp_path / "migrations")
    return tmp_path


def _passing(server: Server, template: str) -> Iterator[Db]:
    database = server.create(f"test_{next(_numbers)}", template)
    yield database
    server.drop(database)
