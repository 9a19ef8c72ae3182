"""The web app in the background, and what the verbs say to words they do not know."""

import shutil
import socket
from pathlib import Path

import pytest

from tests.checkout import WEB_APP, Checkout, free_port, refused


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("words", [[], ["begin"], ["start", "now"]])
def test_a_word_it_does_not_know_is_a_sentence(checkout: Checkout, words: list[str]) -> None:
    refused(checkout.say(*words), 2, "Say one of: start, stop")


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "٣"])
def test_a_port_that_is_none_is_a_sentence(checkout: Checkout, port: str) -> None:
    refused(checkout.say("web", PORT=port), 2, "from 1 to 65535")


def test_a_local_that_is_no_directory_is_a_sentence(checkout: Checkout) -> None:
    shutil.rmtree(checkout.local)
    checkout.local.touch()
    refused(checkout.say("start"), 3, ".local")


def test_the_web_app_is_kept_replaced_and_ended(checkout: Checkout) -> None:
    program, note = checkout.path / ".venv/bin/billing", checkout.local / "web.pid"
    program.parent.mkdir(parents=True)
    program.write_text(WEB_APP)
    program.chmod(0o755)
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
