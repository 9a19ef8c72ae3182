"""An application without a database behind the real server, in a process of its own: what the
server itself takes and refuses. Its times are short, its numbers small."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

from app import http_protocol, server
from app.http_protocol import Limits
from app.settings import ROOT
from tests.checkout import free_port

SHORT = Limits(
    head_seconds=1, body_seconds=2, answer_seconds=8, take_seconds=3, connections=40, requests=10
)


def worker() -> Any:
    """The application of one process, within these limits."""
    http_protocol.LIMITS = SHORT
    return application


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Say what came, `/sleep` after a while, `/large` at length."""
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    body, more = b"", scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    if scope["path"] == "/sleep":
        await asyncio.sleep(3)
    names = [name.decode() for name, _ in scope["headers"]]
    said = {"path": scope["path"], "body": len(body), "names": names, "pid": os.getpid()}
    answer = b"x" * 50_000_000 if scope["path"] == "/large" else json.dumps(said).encode()
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer, "more_body": False})


@contextmanager
def bounded(workers: int = 1) -> Iterator[tuple[int, int]]:
    """The server; its port and the number of its process."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bounded", str(port), str(workers)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 30
            while not is_alive(port):
                assert process.poll() is None, "the server ended"
                assert time.monotonic() < end, "the server did not start"
                time.sleep(0.05)
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def is_alive(port: int) -> bool:
    with suppress(OSError):
        return ask(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200")
    return False


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=15)


def ask(port: int, *parts: bytes, pause: float = 0) -> bytes:
    """What comes back for these bytes, until the server has no more to say."""
    with connected(port) as peer:
        with suppress(ConnectionError):
            for part in parts:
                peer.sendall(part)
                time.sleep(pause)
        return heard(peer)


def heard(peer: socket.socket, seconds: float = 15) -> bytes:
    """Everything until the end of the connection; the answer, if it is kept open."""
    said, end = b"", time.monotonic() + seconds
    with suppress(ConnectionError):
        while time.monotonic() < end:
            piece = peer.recv(65536)
            said += piece
            head, _, body = said.partition(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            if not piece or (length and len(body) >= int(length) and b"close" not in head.lower()):
                break
    return said


if __name__ == "__main__":
    uvicorn.run(
        "tests.bounded:worker",
        factory=True,
        port=int(sys.argv[1]),
        workers=int(sys.argv[2]),
        **server.OPTIONS,
    )
