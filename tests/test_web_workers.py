"""`billing serve --workers N`: several processes on one port, each with pools of its own."""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.bounded import ask
from tests.checkout import free_port
from tests.command_line import PROGRAM
from tests.past import rows
from tests.server import Db


@contextmanager
def served(db: Db, workers: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    environment = {
        "PATH": os.defpath,
        "BILLING_DATABASE_URL": db.url(),
        "BILLING_PORT": str(port),
    }
    command = [PROGRAM, "serve", "--workers", str(workers)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            yield process, port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 40
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


def serving(db: Db, parent: int) -> set[int]:
    """The processes that hold a connection for tenant pages, each a child of the one started."""
    backends = rows(db, "select client_port from pg_stat_activity where usename = 'billing_tenant'")
    ports = set(backends)
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return {int(child) for child in children if ports & local_ports(int(child))}


def local_ports(pid: int) -> set[int]:
    inodes = set[str]()
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                inodes.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(line[1].partition(":")[2], 16) for line in lines if line[9] in inodes}


def test_two_workers_serve_and_one_that_dies_is_replaced(db: Db) -> None:
    with served(db, 2) as (process, port):
        until(lambda: answers(port) and len(serving(db, process.pid)) == 2)
        long = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000 + b"\r\n\r\n"
        assert ask(port, long).startswith(b"HTTP/1.1 431 ")  # the limits of test_web_server.py
        workers = serving(db, process.pid)
        os.kill(victim := workers.pop(), signal.SIGKILL)
        until(lambda: answers(port) and len(serving(db, process.pid) - {victim}) == 2)
        workers |= serving(db, process.pid)
    assert process.returncode == 0
    assert not answers(port)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
