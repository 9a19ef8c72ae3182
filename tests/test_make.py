"""What make promises about a checkout, and what the tests keep of it."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import ROOT
from tests.checkout import Checkout
from tests.pages import blocks

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


def test_tests_know_nothing_of_the_make_that_runs_them(tmp_path: Path) -> None:
    """Else a make inside of them talks of its level, and its port and options are theirs."""
    tell, forget = "import os; print(dict(os.environ))", "import tests.conftest"
    makefile = tmp_path / "makefile"
    makefile.write_text(
        f"include {ROOT}/Makefile\n"
        f'given:\n\t@{sys.executable} -c "{tell}"\n'
        f'kept:\n\t@{sys.executable} -c "{forget}; {tell}"\n'
    )

    def environment(*command: str) -> dict[str, str]:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return ast.literal_eval(done.stdout) | {"_": "the program itself"}

    make = ("make", "-s", "-j2", "-f", str(makefile), "PORT=1", "ARGS=-x")
    outside = environment(sys.executable, "-c", tell)
    given = environment(*make, "given").items() - outside.items()
    assert {("PORT", "1"), ("ROLE", "postgres"), ("ARGS", "-x"), ("MAKELEVEL", "1")} < given
    assert environment(*make, "kept") == outside


def test_ci_types_what_the_readme_does() -> None:
    typed = (ROOT / ".ci/run").read_text().splitlines()
    (command,) = (b.text.strip() for b in blocks("README.md") if b.text.startswith("make test"))
    assert typed[-3:] == ["bash .ci/install newest", "make check", command]
