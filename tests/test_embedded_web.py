"""The web app in the background, and what the verbs say to words they do not know."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.checkout import WEB_APP, Checkout, free_port, refused


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    yield (checkout := Checkout(tmp_path))
    checkout.say("stop")


@pytest.mark.parametrize("words", [[], ["begin"], ["start", "now"]])
def test_a_word_it_does_not_know_is_a_sentence(checkout: Checkout, words: list[str]) -> None:
    refused(checkout.say(*words), 2, "Say one of: start, stop")


@pytest.mark.parametrize("verb", ["web", "port"])
@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "٣"])
def test_a_port_that_is_none_is_a_sentence(checkout: Checkout, port: str, verb: str) -> None:
    refused(checkout.say(verb, PORT=port), 2, "from 1 to 65535")


def test_a_port_that_is_taken_is_told_before_anything_is_done(checkout: Checkout) -> None:
    """Installing is the first that `make run` does; here there is nothing to do it with."""
    shutil.rmtree(checkout.local)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = checkout.run("make", "-s", "run", f"PORT={port}")
        assert done.stderr.splitlines()[0] == (
            f"Port {port} is taken by another program; PORT=… chooses another one."
        )
    assert done.returncode == 2
    assert not checkout.local.exists()


def install_web_app(checkout: Checkout) -> Path:
    program = checkout.path / ".venv/bin/billing"
    program.parent.mkdir(parents=True)
    program.write_text(WEB_APP)
    program.chmod(0o755)
    return program


def test_the_port_of_last_time_is_kept(checkout: Checkout) -> None:
    install_web_app(checkout)
    port, other = free_port(), free_port()
    assert checkout.say("port").stdout == "8000\n" or checkout.say("port").returncode == 3
    assert f":{port}." in checkout.say("web", PORT=str(port)).stdout
    assert f":{port}." in checkout.say("web").stdout
    (checkout.local / "billing.env").unlink()  # and found where it runs
    assert f":{port}." in checkout.say("web").stdout
    (checkout.local / "billing.env").write_text(f"BILLING_PORT={port}\nMINE=kept\n")
    assert checkout.run("make", "-s", "url").stdout == f"http://127.0.0.1:{port}\n"
    assert f":{other}." in checkout.say("web", PORT=str(other)).stdout
    assert "MINE=kept\n" in (checkout.local / "billing.env").read_text()
    checkout.say("stop")
    assert checkout.say("port").stdout == f"{other}\n"


def gone(note: Path) -> None:
    note.unlink()


def folder(note: Path) -> None:
    note.unlink()
    (note / "kept").mkdir(parents=True)


def dangling(note: Path) -> None:
    note.unlink()
    note.symlink_to("nowhere")


def garbage(note: Path) -> None:
    note.write_bytes(b"\x00\xff 8000\n")


def strangers(note: Path) -> None:
    note.write_text(f"{os.getpid()} 8000\n")


def locked(note: Path) -> None:
    note.chmod(0)


@pytest.mark.parametrize("harm", [gone, folder, dangling, garbage, strangers, locked])
def test_a_web_app_is_found_whatever_its_note_says(
    checkout: Checkout, harm: Callable[[Path], None]
) -> None:
    install_web_app(checkout)
    port, note = str(free_port()), checkout.local / "web.pid"
    assert checkout.say("web", PORT=port).returncode == 0
    first = note.read_text()
    harm(note)
    assert checkout.say("web", PORT=port).returncode == 0
    pid, _ = note.read_text().split()
    assert Path(f"/proc/{pid}/cwd").readlink() == checkout.path
    assert (note.read_text() == first) == (harm is locked and os.geteuid() == 0)
    harm(note)
    assert checkout.say("stop").returncode == 0
    with socket.create_server(("127.0.0.1", int(port))):
        pass


def test_a_program_of_a_person_in_this_folder_is_left_alone(checkout: Checkout) -> None:
    """Whatever web.pid says: a shell, or `billing serve` in a terminal."""
    program = install_web_app(checkout)
    env = os.environ | {"BILLING_PORT": str(free_port())}
    commands = (["sleep", "60"], [str(program), "serve"])
    for command in commands:
        with subprocess.Popen(command, cwd=checkout.path, env=env, start_new_session=True) as mine:
            (checkout.local / "web.pid").write_text(f"{mine.pid} {env['BILLING_PORT']}\n")
            assert checkout.say("stop").returncode == 0
            assert mine.poll() is None
            mine.kill()


def test_a_local_that_is_no_directory_is_a_sentence(checkout: Checkout) -> None:
    shutil.rmtree(checkout.local)
    checkout.local.touch()
    refused(checkout.say("start"), 3, ".local")


def test_the_web_app_is_kept_replaced_and_ended(checkout: Checkout) -> None:
    program, note = install_web_app(checkout), checkout.local / "web.pid"
    port, other = str(free_port()), free_port()

    def answered() -> str:
        done = checkout.say("web", PORT=port)
        assert done.stdout == f"The web app answers on http://127.0.0.1:{port}.\n", done.stderr
        return note.read_text()

    first = answered()
    assert answered() == first
    (checkout.path / "app/new.py").touch()
    second = answered()
    assert second != first
    with socket.create_server(("127.0.0.1", other)):
        refused(checkout.say("web", PORT=str(other)), 3, f"Port {other}")
    assert answered() == second
    assert checkout.say("stop").returncode == 0
    program.write_text("#!/bin/sh\necho 'Its reason.'; exit 3\n")
    refused(checkout.say("web", PORT=port), 4, "did not start: Its reason.")
    assert not note.exists()
