"""Both pages, their JSON and their files need nothing but the database: they are served in a
process that can reach nothing else, to a browser that asks nobody else."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser

from app.settings import ROOT
from tests.browsing import SUMMARY
from tests.checkout import free_port
from tests.cut_off import leaks
from tests.people import People
from tests.together import eventually
from tests.windows import window

TENANT = ["/settings/billing", SUMMARY, "/api/billing/usage/daily.csv"]
OVERVIEW = [
    "/admin/billing-overview",
    "/api/admin/billing/usage/tenants",
    "/api/admin/billing/usage/tenants.csv",
]


@dataclass
class CutOff:
    """A process that is cut off, and what it has noted."""

    address: str
    notes: Path

    def get(self, path: str, token: str = "") -> bytes:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with urlopen(Request(self.address + path, headers=headers), timeout=20) as answer:  # noqa: S310
            return answer.read()

    def refused(self) -> list[str]:
        return [line for line in self.notes.read_text().splitlines() if "refused" in line]


@contextmanager
def cut_off(people: People, notes: Path, *leak: str) -> Iterator[CutOff]:
    port, db = free_port(), people.db
    environment = os.environ | {
        "BILLING_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{db.port}/{db.name}",
        "BILLING_PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "tests.cut_off", *leak]
    with (
        notes.open("w") as output,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output) as process,
    ):
        served = CutOff(f"http://127.0.0.1:{port}", notes)

        def answers() -> bool:
            assert process.poll() is None, "it has ended"
            try:
                return bool(served.get("/healthz"))
            except OSError:
                return False

        try:
            eventually(answers)
            yield served
        finally:
            process.terminate()


def test_both_pages_are_served(chromium: Browser, people: People, tmp_path: Path) -> None:
    """With styles, script and icon; nothing was even tried."""
    with cut_off(people, tmp_path / "notes") as served:
        for role, paths in (("owner", TENANT), ("root", OVERVIEW)):
            token = people.token(role)
            for path in paths:
                assert served.get(path, token)
            with window(chromium, served.address, token) as visitor:
                visitor.open(paths[0])
                visitor.page.wait_for_load_state("networkidle")
                assert visitor.hosts == {served.address.removeprefix("http://")}
                assert visitor.said == []
                assert visitor.run("document.styleSheets.length") >= 6
        assert served.get("/readyz")
        assert served.refused() == []


def test_a_handler_that_asks_somebody_else_is_found_out(people: People, tmp_path: Path) -> None:
    """Whatever way it tries, and though it hides that it was refused; nobody is reached."""
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]
        with cut_off(people, tmp_path / "notes", str(port)) as served:
            assert b"Own Inc" in served.get(TENANT[0], people.token())
            refused = served.refused()
        assert len(refused) == len(leaks(port)), refused
        somebody.settimeout(0.2)
        with pytest.raises(TimeoutError):
            somebody.accept()
