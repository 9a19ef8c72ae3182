"""What .ci/install says of machines that are not as it wants them; their programs are put on."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import ROOT
from tests.checkout import Checkout, refused
from tests.scratch import Done, Scratch

OF_UBUNTU_22_04 = {
    "dpkg-query": "exit 1",
    "apt-get": '[ "$2" = update ]',
    "apt-cache": 'case "$2" in postgresql-14*) exit 0 ;; esac; exit 100',
    "sudo": 'exec "$@"',
}
ON_SALE = {
    "dpkg-query": """case "$*" in
      *Status*) echo installed ;;
      *) cat "$STATE/version" ;;
    esac""",
    "apt-get": """echo "$*" >>"$STATE/asked"
    case "$*" in
      *update*) [ ! -e "$STATE/offline" ] || echo 'W: Failed to fetch the lists' ;;
      *install*) [ ! -e "$STATE/offline" ] || { echo 'E: Failed to fetch it' >&2; exit 100; }
        echo 15.99-1 >"$STATE/version" ;;
    esac""",
    "apt-cache": "echo '  Candidate: 15.99-1'",
    "pg_lsclusters": 'echo "$(ls /usr/lib/postgresql | tail -1) main 5432 $(cat "$STATE/main") x"',
    "sudo": 'exec "$@"',
}
"""A machine with a server of $STATE/version, where apt has 15.99."""


def put_on(programs: dict[str, str], folder: Path) -> str:
    folder.mkdir()
    for name, body in programs.items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_a_system_whose_postgresql_is_too_old_is_told(tmp_path: Path) -> None:
    """Ubuntu 22.04 has 14: a sentence, and nothing is installed."""
    path, scratch = put_on(OF_UBUNTU_22_04, tmp_path / "bin"), tmp_path / "scratch"
    scratch.mkdir()
    checkout = Checkout(scratch)
    script = (ROOT / ".ci/install").read_text()
    assert "/usr/lib/postgresql" in script
    (scratch / ".ci").mkdir()
    (scratch / ".ci/install").write_text(
        script.replace("/usr/lib/postgresql", str(tmp_path / "no"))
    )
    refused(
        checkout.run("bash", ".ci/install", PATH=path),
        3,
        "No PostgreSQL 15 to 17 with pg_cron among this system's packages: Debian 12 and Ubuntu"
        " 24.04 have one, Ubuntu 22.04 stops at 14.",
    )
    assert not (scratch / ".venv").exists()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    path = tmp_path_factory.mktemp("copy")
    copy = Scratch(path)
    copy.bring_packages()
    state = path / ".state"
    copy.env |= {"STATE": str(state), "PATH": put_on(ON_SALE, path / ".programs"), "CI": ""}
    return copy


@pytest.fixture
def state(copy: Scratch) -> Iterator[Path]:
    """What the machine has: an old server, and a system cluster that is down."""
    state = Path(copy.env["STATE"])
    state.mkdir()
    (state / "version").write_text("15.1-1\n")
    (state / "main").write_text("down\n")
    yield state
    shutil.rmtree(state)


def install(copy: Scratch, *words: str) -> Done:
    done = copy.sh(f"bash .ci/install {' '.join(words)}")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done


@pytest.mark.parametrize("words", [(), ("newest",)])
def test_an_old_server_is_upgraded(copy: Scratch, state: Path, words: tuple[str, ...]) -> None:
    install(copy, *words)
    assert (state / "version").read_text() == "15.99-1\n"
    asked = (state / "asked").read_text()
    assert "--only-upgrade postgresql-" in asked
    assert ("pgbouncer" in asked) == bool(words)


def test_a_server_that_is_new_enough_is_upgraded_when_asked(copy: Scratch, state: Path) -> None:
    (state / "version").write_text("15.90-1\n")
    install(copy)
    assert not (state / "asked").exists()
    install(copy, "newest")
    assert (state / "version").read_text() == "15.99-1\n"


def test_without_a_network_it_goes_on_and_says_so(copy: Scratch, state: Path) -> None:
    (state / "offline").touch()
    told = install(copy, "newest").stdout
    assert "Not all package lists could be read, going on: W: Failed to fetch the lists\n" in told
    assert "No upgrade, going on with PostgreSQL 15.1-1: E: Failed to fetch it\n" in told
    assert "known security holes\n" in install(copy).stdout


def test_a_running_system_cluster_is_not_restarted(copy: Scratch, state: Path) -> None:
    (state / "main").write_text("online\n")
    assert "upgrading 15.1-1 is up to you" in install(copy, "newest").stdout
    assert (state / "version").read_text() == "15.1-1\n"
    copy.env["CI"] = "true"
    install(copy, "newest")
    copy.env["CI"] = ""
    assert (state / "version").read_text() == "15.99-1\n"


def test_a_word_that_it_does_not_know(copy: Scratch) -> None:
    done = copy.sh("bash .ci/install oldest")
    assert (done.returncode, done.stderr) == (2, "Usage: bash .ci/install [newest]\n")
