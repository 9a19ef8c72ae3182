"""billing.env and pgpass, lost or damaged in every way: a start heals them, and nothing is lost."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.checkout import Checkout, free_port, new_place

THEIRS = "db.example.org:5432:*:ann:secret"
LOST = "The server's password is lost, and only a stopped one can be given another"
REFUSED = "The server does not take the password that is noted: restarting it with another.\n"


@pytest.fixture(scope="module")
def checkout() -> Iterator[Checkout]:
    checkout = Checkout(new_place())
    checkout.start()
    checkout.ask("create table public.kept as select 7 as n")
    yield checkout
    checkout.say("clean")
    shutil.rmtree(checkout.path)


@pytest.fixture
def running(checkout: Checkout) -> Checkout:
    """With lines of other hands in both files."""
    checkout.start()
    for name, line in (("pgpass", THEIRS), ("billing.env", "MINE=kept")):
        file = checkout.local / name
        if line not in file.read_text():
            file.write_text(f"{file.read_text()}{line}\n")
        for old in checkout.local.glob(f"{name}.old*"):
            old.unlink() if old.is_symlink() or old.is_file() else old.rmdir()
    return checkout


def is_sound(checkout: Checkout) -> None:
    for name in ("pgpass", "billing.env"):
        file = checkout.local / name
        assert file.is_file() and not file.is_symlink()
        assert file.stat().st_mode & 0o777 == 0o600
    assert (
        f"BILLING_PASSFILE={checkout.local}/pgpass\n"
        in (checkout.local / "billing.env").read_text()
    )
    assert checkout.ask("select n from public.kept") == "7"
    checkout.start()  # and there is nothing left to say


def gone(file: Path) -> None:
    file.unlink()


def empty(file: Path) -> None:
    file.write_text("")


def garbage(file: Path) -> None:
    file.write_bytes(b"\x00\xff\x00:::::\n\xc3\n" + file.read_bytes().split(b"\n", 2)[2])


def words(file: Path) -> None:
    file.write_text("what is this?\n=\n:\n")


def half(file: Path) -> None:
    """Of the first line."""
    first, _, rest = file.read_text().partition("\n")
    file.write_text(f"{first[: len(first) // 2]}\n{rest}")


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def dangling(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.parent / "nowhere")


def linked(file: Path) -> None:
    """To a file of somebody else's, who keeps it."""
    other = file.rename(file.parent / "theirs")
    file.symlink_to(other)


def loose(file: Path) -> None:
    file.chmod(0o666)


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
@pytest.mark.parametrize(
    "harm", [gone, empty, garbage, words, half, folder, dangling, linked, loose]
)
@pytest.mark.parametrize("name", ["pgpass", "billing.env"])
def test_harm_is_healed(
    running: Checkout, name: str, harm: Callable[[Path], None], is_running: bool
) -> None:
    file, port = running.local / name, running.ask("show port")
    harm(file)
    broken = file.read_bytes() if file.is_file() else b""
    if not is_running:
        running.say("stop")
    done = running.say("start")
    assert done.returncode == 0
    keeps_password = name == "billing.env" or harm in (linked, loose)
    silent = keeps_password or not is_running
    assert done.stderr in ("" if silent else f"{LOST}: restarting it.\n", REFUSED), done.stderr
    assert done.stderr != REFUSED or harm is half
    is_sound(running)
    assert running.ask("show port") == port
    kept = {"pgpass": THEIRS, "billing.env": "MINE=kept"}[name]
    assert (kept in file.read_text()) == (kept.encode() in broken)
    if harm in (garbage, linked):  # what cannot be read or is not ours is put aside
        assert (running.local / f"{name}.old").read_bytes() == broken
    if harm is linked:
        (running.local / "theirs").unlink()


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
def test_a_password_that_is_not_the_servers(running: Checkout, is_running: bool) -> None:
    file = running.local / "pgpass"
    first, rest = file.read_text().split("\n", 1)
    file.write_text(f"{first.rpartition(':')[0]}:another\n{rest}")
    if not is_running:
        running.say("stop")
    assert running.say("start").stderr == REFUSED
    is_sound(running)
    assert file.read_text().endswith(rest)


def test_another_port_is_the_servers_from_then_on(running: Checkout) -> None:
    """As whoever needs the old one for something else is told."""
    port, file = free_port(), running.local / "billing.env"
    file.write_text(file.read_text().replace(running.ask("show port"), str(port)))
    running.start("The server listens on another port than the one that is noted")
    is_sound(running)
    assert running.ask("show port") == str(port)


def test_an_address_elsewhere_is_not_followed(running: Checkout) -> None:
    """Else `make run` would load demo data there."""
    file, port = running.local / "billing.env", running.ask("show port")
    file.write_text(
        f"{file.read_text()}BILLING_DATABASE_URL=postgresql://ann@db.example.org/live\n"
    )
    running.start()
    is_sound(running)
    assert running.ask("show port") == port
    assert "example.org" not in file.read_text()
