"""README.md, replit.md and docs/ are held to what is there; `make check` runs this file."""

import re
import subprocess

import pytest

from app.settings import ROOT
from tests import command_page, flow_page, schema_page
from tests.pages import blocks, pages
from tests.server import Server

NAMES = [str(path.relative_to(ROOT)) for path in pages()]
LANGUAGES = {"sh", "sql", "text", "json", "html"}
LINK = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
A_COMMAND = re.compile(r"^\s*(\$ |make |billing |psql |curl |pip |select |git )", re.MULTILINE)


def prose(name: str) -> str:
    """A page without its code."""
    return CODE.sub("", (ROOT / name).read_text())


def anchors(name: str) -> set[str]:
    """The anchors of its headings, as GitHub makes them."""
    text = re.sub(r"```.*?^```$", "", (ROOT / name).read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#{1,6} (.+?)\s*$", text, re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in titles)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in plain}


def tracked() -> list[str]:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in found.splitlines() if (ROOT / name).exists()]


def links(name: str) -> list[tuple[str, str]]:
    """Path from the root and anchor of every link that stays in this repository."""
    found = (link for link in LINK.findall(prose(name)) if "://" not in link)
    return [
        (
            str((ROOT / name).parent.joinpath(path).resolve().relative_to(ROOT)) if path else name,
            anchor,
        )
        for path, _, anchor in (link.partition("#") for link in found)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    files = tracked()
    for path, anchor in links(name):
        assert any(f == path or f.startswith(f"{path}/") for f in files), f"{name}: {path}"
        if anchor:
            assert anchor in anchors(path), f"{name}: {path}#{anchor}"


@pytest.mark.parametrize("name", NAMES)
def test_tests_that_are_named_exist(name: str) -> None:
    for path in re.findall(r"\btests/[\w/*\[\]-]+\.(?:py|sql)\b", (ROOT / name).read_text()):
        assert list(ROOT.glob(path)), f"{name}: {path}"


def test_every_page_can_be_reached_from_the_first() -> None:
    reached, todo = set[str](), ["README.md"]
    while todo:
        name = todo.pop()
        if name in reached:
            continue
        reached.add(name)
        for path, _ in links(name):
            todo += [page for page in NAMES if page == path or page.startswith(f"{path}/")]
    assert set(NAMES) == reached


@pytest.mark.parametrize("name", NAMES)
def test_blocks_say_what_they_are(name: str) -> None:
    """Commands are run by a test, or say above them why not; what is shown is no command."""
    for block in blocks(name):
        assert block.language in LANGUAGES, block
        if block.language == "text":
            assert not A_COMMAND.search(block.text), f"{block} is a command"
        assert block.not_run is None or len(block.not_run) > 10, f"{block} gives no reason"


def test_the_tree_is_the_one_that_is_described() -> None:
    """Every place at the top stands in docs/architecture.md, and no other."""
    (tree,) = (
        block.text for block in blocks("docs/architecture.md") if block.heading == "The tree"
    )
    described = {name.rstrip("/") for name in re.findall(r"^(\S+)", tree, re.MULTILINE)}
    assert described == {name.split("/")[0] for name in tracked()}


def test_generated_pages_are_current(server: Server) -> None:
    """`make docs` writes them anew."""
    assert flow_page.PAGE.read_text() == flow_page.page()
    assert schema_page.PAGE.read_text() == schema_page.page(server.database("installed"))
    assert command_page.PAGE.read_text() == command_page.page()
