"""What make promises about a checkout, and the machine on which it cannot work."""

import os
import re
import shutil
from pathlib import Path

import pytest

from app.settings import ROOT
from tests.checkout import Checkout, refused

MADE = (
    ".local/postgres.log",
    ".venv/installed",
    ".hypothesis/examples",
    ".pytest_cache/README.md",
    ".ruff_cache/0",
    "servicepro_billing.egg-info/PKG-INFO",
    "app/__pycache__/usage.pyc",
    "tests/adopted/__pycache__/shop.pyc",
)
"""What running, testing and installing leave in a checkout."""
KEPT = ("notes.txt", "app/mine.py", "local/data", ".git/__pycache__/object")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def files(checkout: Checkout) -> set[str]:
    found = (path for path in checkout.path.rglob("*") if path.is_file())
    return {str(path.relative_to(checkout.path)) for path in found}


def test_clean_takes_what_was_made_here_and_nothing_else(checkout: Checkout) -> None:
    shutil.rmtree(checkout.local)
    before = files(checkout)
    for name in (*MADE, *KEPT):
        file = checkout.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    for _ in range(2):  # and where nothing is left
        done = checkout.run("make", "-s", "clean")
        assert (done.returncode, done.stderr) == (0, "")
        assert files(checkout) - before == set(KEPT)
        assert before - files(checkout) == {name for name in before if "__pycache__" in name}
    assert not [name for name in MADE if (checkout.path / name).parent.exists()]


def test_help_lists_every_target_and_says_what_it_does(checkout: Checkout) -> None:
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    targets = re.findall(r"^([a-z]\w*):", makefile, re.MULTILINE)
    assert sorted(phony.split()) == sorted(targets)
    for words in ((), ("help",)):  # and it is what plain `make` does
        listed = checkout.run("make", *words).stdout.splitlines()
        assert [line.split()[:2] for line in listed] == [["make", target] for target in targets]
        assert all(len(line.split()) > 3 for line in listed)


OF_UBUNTU_22_04 = {
    "dpkg-query": "exit 1",
    "apt-get": '[ "$2" = update ]',
    "apt-cache": 'case "$2" in postgresql-14*) exit 0 ;; esac; exit 100',
    "sudo": 'exec "$@"',
}


def test_a_system_whose_postgresql_is_too_old_is_told(tmp_path: Path) -> None:
    """Ubuntu 22.04 has 14: a sentence, and nothing is installed."""
    programs, scratch = tmp_path / "bin", tmp_path / "scratch"
    programs.mkdir()
    for name, body in OF_UBUNTU_22_04.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    scratch.mkdir()
    checkout = Checkout(scratch)
    script = (ROOT / ".ci/install").read_text()
    assert "/usr/lib/postgresql" in script
    (scratch / ".ci").mkdir()
    (scratch / ".ci/install").write_text(
        script.replace("/usr/lib/postgresql", str(tmp_path / "no"))
    )
    path = f"{programs}:{os.environ['PATH']}"
    refused(
        checkout.run("bash", ".ci/install", PATH=path),
        3,
        "No PostgreSQL 15 to 17 with pg_cron among this system's packages: Debian 12 and Ubuntu"
        " 24.04 have one, Ubuntu 22.04 stops at 14.",
    )
    assert not (scratch / ".venv").exists()
