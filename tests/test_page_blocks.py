"""Every command of README.md and docs/ is run, as it stands, in a copy of this checkout.

`make run` comes first, as it does for a reader, on a port of its own; then each page's blocks, top
to bottom: sh in the shell, sql through `make -s psql`. A block that is not run says above it why
not.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import free_port
from tests.pages import Block, blocks, pages
from tests.scratch import ROOT, Done, Scratch

ELSEWHERE = {
    "docs/add-a-metric.md": "tests/test_add_a_metric.py",
    "docs/adopt.md": "tests/adopted/test_adopting.py",
    "docs/operations.md": "tests/test_docs_operations.py",
}
"""Pages that need a database of another kind: the test that follows them."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkout() -> Iterator[Scratch]:
    """A copy with the packages of this one and a server of its own, running."""
    place = Path(tempfile.mkdtemp(prefix="pages-"))
    place.chmod(0o755)
    copy = Scratch(place)
    copy.bring_packages()
    yield copy
    copy.sh("make stop")
    copy.sh("make clean")
    shutil.rmtree(place)


def run(checkout: Scratch, block: Block) -> Done:
    if block.language == "sql":
        return checkout.sh(
            f"make -s psql <<'END OF BLOCK'\n\\set ON_ERROR_STOP 1\n{block.text}END OF BLOCK\n"
        )
    return checkout.sh(block.text)


def test_every_block(checkout: Scratch) -> None:
    """One test, so that one server is enough and pages come in the order in which they are read."""
    port = free_port()
    begun = checkout.sh(f"make run PORT={port}")
    assert begun.returncode == 0, begun.stdout + begun.stderr
    assert f"  http://127.0.0.1:{port}/  " in begun.stdout
    failures: list[str] = []
    for page in pages():
        name = str(page.relative_to(ROOT))
        for block in blocks(name):
            if name in ELSEWHERE or block.not_run or block.language not in ("sh", "sql"):
                continue
            done = run(checkout, block)
            if done.returncode != 0:
                failures.append(f"{block}\n{block.text}{done.stdout}{done.stderr}")
    assert not failures, "\n\n".join(failures)
    assert checkout.sh("make -s url").stdout == f"http://127.0.0.1:{port}\n"


def test_run_books_find_the_embedded_server(checkout: Scratch) -> None:
    (block,) = (b for b in blocks("docs/operations.md") if b.not_run and "embedded" in b.not_run)
    asked = "psql -Atc 'select current_user' \"$BILLING_DATABASE_URL\""
    done = checkout.sh(f"make run\n{block.text}{asked}")
    assert done.stdout.splitlines()[-1] == "postgres", done.stderr


def test_pages_that_are_followed_elsewhere() -> None:
    for page, test in ELSEWHERE.items():
        assert (ROOT / page).exists()
        assert Path(page).name in (ROOT / test).read_text() or "PAGE" in (ROOT / test).read_text()
