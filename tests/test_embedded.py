"""The embedded server: real processes, driven by the verbs, one test per promise."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.embedded import cluster as making
from app.embedded.cluster import Cluster
from app.embedded.process import Sorry, wait
from tests.checkout import Checkout, new_place, refused

NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "/usr/bin/python3"]
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be shut out or be another")


@pytest.fixture
def place() -> Iterator[Path]:
    yield (path := new_place())
    shutil.rmtree(path)


@pytest.fixture
def checkout(place: Path) -> Iterator[Checkout]:
    """One with nothing in it yet."""
    yield (checkout := Checkout(place))
    checkout.say("clean")


@pytest.fixture(scope="module")
def shared() -> Iterator[Checkout]:
    checkout = Checkout(new_place())
    checkout.start()
    checkout.ask("create table public.kept as select 7 as n")
    yield checkout
    checkout.say("clean")
    shutil.rmtree(checkout.path)


@pytest.fixture
def running(shared: Checkout) -> Checkout:
    """One whose server runs, whatever the test before did to it."""
    shared.start()
    return shared


def test_the_server_is_as_promised_and_a_second_start_changes_nothing(running: Checkout) -> None:
    pid = running.pid()
    running.start()
    assert running.pid() == pid
    shown = "shared_preload_libraries", "listen_addresses", "timezone", "billing.dedicated"
    settings = [running.ask(f"show {name}") for name in (*shown, "cron.use_background_workers")]
    assert settings == ["pg_cron", "127.0.0.1", "UTC", "on", "on"]
    assert running.ask("create extension pg_cron; select 1").endswith("1")
    for name in ("billing.env", "pgpass"):
        assert (running.local / name).stat().st_mode & 0o777 == 0o600
    notes = (running.local / "billing.env").read_text()
    assert f"BILLING_PASSFILE={running.local}/pgpass\n" in notes
    assert "MINE=kept" in notes
    password = (running.local / "pgpass").read_text().strip().split(":")[4]
    assert password not in (running.local / "postgres.log").read_text()


def test_stop_status_and_psql_know_each_other(running: Checkout) -> None:
    assert running.say("status").returncode == 0
    assert running.say("stop").returncode == 0
    refused(running.say("status"), 4, "`make run` starts it")
    refused(running.say("psql", sql="select 1"), 4, "`make run` starts it")
    assert running.say("stop").returncode == 0


def test_a_killed_server_comes_back_though_its_sessions_still_count(running: Checkout) -> None:
    session = running.begin("psql", "-c", "do $$ begin loop end loop; end $$")
    wait(
        lambda: running.ask("select count(*) from pg_locks where pid <> pg_backend_pid()") != "0",
        5,
    )
    os.kill(running.pid(), signal.SIGKILL)
    running.start()
    assert session.wait(timeout=5) != 0
    assert running.ask("select n from public.kept") == "7"


def test_a_stale_note_with_the_number_of_a_stranger_is_no_server(running: Checkout) -> None:
    note = running.local / "postgres/postmaster.pid"
    lines = note.read_text().replace(str(running.pid()), str(os.getpid()), 1)
    running.say("stop")
    note.write_text(lines)
    shutil.chown(note, note.parent.owner())
    running.start()
    assert running.pid() != os.getpid()


def test_an_interrupted_first_start_begins_again(checkout: Checkout) -> None:
    for half_made in ("postgres.draft", "postgres.draft/data/global", "postgres"):
        starting = checkout.begin("start")
        assert wait((checkout.local / half_made).exists, 20)
        starting.kill()
        starting.wait()
    checkout.start()
    assert checkout.ask("select current_database()") == "servicepro"


@pytest.mark.parametrize("name", ["bin/postgres", "lib/pg_cron.so"])
def test_a_server_whose_package_was_upgraded_is_restarted(checkout: Checkout, name: str) -> None:
    """It runs on from files that are gone, and may not find its way in those that came."""
    file = checkout.bring_server() / name
    checkout.start()
    checkout.ask("create table kept as select 7 as n")
    pid = checkout.pid()
    shutil.copy(file, new := file.with_name("new"))
    new.rename(file)
    checkout.start("Another build of PostgreSQL was installed while the server ran")
    assert checkout.pid() != pid
    assert checkout.ask("select n from kept") == "7"
    checkout.start()  # and says nothing more


def test_a_port_in_use_is_a_sentence_and_changes_nothing(running: Checkout) -> None:
    port = int(running.ask("show port"))
    running.say("stop")
    with socket.create_server(("127.0.0.1", port)):
        refused(running.say("start"), 3, f"Port {port}")
    running.start()
    assert int(running.ask("show port")) == port


@root_only
def test_root_keeps_the_data_elsewhere_when_the_server_cannot_enter(checkout: Checkout) -> None:
    checkout.path.chmod(0o700)
    checkout.start()
    data = (checkout.local / "postgres").readlink()
    assert data.is_relative_to("/var/lib/servicepro-billing")
    assert data.owner() == "postgres"
    assert checkout.say("clean").returncode == 0
    assert not data.exists()


@root_only
def test_an_ordinary_user_owns_all_of_it(checkout: Checkout) -> None:
    for file in (checkout.path, *checkout.path.rglob("*")):
        shutil.chown(file, "nobody")
    checkout.python = NOBODY
    checkout.start()
    assert checkout.ask("select 1") == "1"
    assert {file.owner() for file in checkout.local.rglob("*")} == {"nobody"}


def test_a_long_path_gets_a_short_socket(place: Path) -> None:
    deep = place / ("long" * 20) / ("path" * 20)
    deep.mkdir(parents=True)
    checkout = Checkout(deep)
    checkout.start()
    sockets = Path(checkout.ask("show unix_socket_directories").strip('"'))
    assert sockets.stat().st_mode & 0o777 == 0o700
    assert sockets.parent == Path("/tmp")  # noqa: S108
    checkout.say("clean")
    assert not sockets.exists()


def test_a_moved_checkout_finds_its_data(running: Checkout) -> None:
    old = running.path
    running.say("stop")
    running.path = old.rename(old.with_name(f"{old.name}-moved"))
    running.start()
    assert running.ask("select n from public.kept") == "7"
    running.path = running.path.rename(old)
    running.start("The checkout was moved while its server ran")
    assert running.ask("select n from public.kept") == "7"


def test_a_full_disk_and_a_missing_server_are_told_before_anything_is_made(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "ROOM", 2**62)
    with pytest.raises(Sorry, match="MB free"):
        Cluster(place).prepare()
    monkeypatch.setattr(making, "ROOM", 0)
    monkeypatch.setattr(making, "PROGRAMS", place)
    with pytest.raises(Sorry, match="pg_cron"):
        Cluster(place).prepare()
    assert list(place.iterdir()) == []


def test_a_pipe_gets_only_the_answer_and_a_failure_stops_it(running: Checkout) -> None:
    piped = running.run("make", "-s", "psql", sql="\\pset format unaligned\nselect 1 as one")
    assert (piped.stdout, piped.stderr) == ("Output format is unaligned.\none\n1\n(1 row)\n", "")
    failed = running.say("psql", sql="select 1/0; select 2")
    assert (failed.returncode, failed.stdout) == (3, "")
    refused(running.say("psql", ROLE="nobody"), 2, "no login nobody; there are postgres")
