"""The database goes and comes back under a web application that people are using."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from app import release
from tests.browsing import HTML, JSON, SUMMARY, bearer
from tests.checkout import free_port
from tests.command_line import PROGRAM
from tests.people import settle
from tests.server import Db, Server
from tests.together import PATIENCE, eventually

SENTENCE = "The database does not answer. Nothing is lost"


class Visitor:
    """Somebody who reloads a page, again and again. Every answer is a number or says why not."""

    def __init__(self, url: str, token: str, path: str, accept: dict[str, str]) -> None:
        self.served = self.turned_away = 0
        self.surprise = ""
        self._over = threading.Event()
        self._thread = threading.Thread(
            target=self._visit, args=(url, path, accept | bearer(token))
        )
        self._thread.start()

    def _visit(self, url: str, path: str, headers: dict[str, str]) -> None:
        with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as client:
            while not self._over.is_set() and not self.surprise:
                try:
                    answer = client.get(path)
                except httpx.HTTPError as error:
                    self.surprise = repr(error)
                    continue
                if answer.status_code == 200 and ("Own Inc" in answer.text or path == SUMMARY):
                    self.served += 1
                elif (
                    answer.status_code == 503
                    and SENTENCE in answer.text
                    and answer.headers["retry-after"] == "5"
                ):
                    self.turned_away += 1
                else:
                    self.surprise = f"{answer.status_code} {answer.text}"

    def end(self) -> None:
        self._over.set()
        self._thread.join(2 * PATIENCE)


@contextmanager
def serving(db: Db) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`billing serve`, as it is run."""
    port = free_port()
    process = subprocess.Popen(
        [PROGRAM, "serve"],
        env=os.environ
        | {
            "BILLING_DATABASE_URL": db.url(),
            "BILLING_PORT": str(port),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:

        def answers() -> bool:
            assert process.poll() is None
            try:
                return httpx.get(f"{url}/healthz").status_code == 200
            except httpx.TransportError:
                return False

        eventually(answers)
        yield url, process
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.slow
def test_the_database_restarts_under_visitors() -> None:
    """Stopped in order, then killed: a 503 with a sentence meanwhile, nothing else but pages before
    and after, and the application is the same process all along."""
    server = Server()
    try:
        db = server.create("installed")
        release.migrate(db.settings(), lambda _: None)
        people = settle(db)
        with serving(db) as (url, process):
            visitors = [
                Visitor(url, people.token(), path, accept)
                for path, accept in [("/settings/billing", HTML), (SUMMARY, JSON)] * 2
            ]
            try:
                for stop in (server.terminate, server.kill):
                    all_see(visitors, "served", 10)
                    stop()
                    all_see(visitors, "turned_away", 1)
                    server.start()
                all_see(visitors, "served", 20)
            finally:
                for visitor in visitors:
                    visitor.end()
            assert [visitor.surprise for visitor in visitors] == [""] * 4
            assert process.poll() is None
    finally:
        server.end()


def all_see(visitors: list[Visitor], what: str, more: int) -> None:
    """Until every visitor has seen that so many times more."""
    marks = [getattr(visitor, what) + more for visitor in visitors]
    eventually(
        lambda: (
            any(visitor.surprise for visitor in visitors)
            or all(getattr(v, what) >= mark for v, mark in zip(visitors, marks, strict=True))
        )
    )
