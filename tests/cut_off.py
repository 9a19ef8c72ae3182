"""`python -m tests.cut_off`: the web application in a process of its own that has no way out but
the one to its database. Whatever else it tries is refused and noted on standard output."""

import asyncio
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import psycopg
import uvicorn
from psycopg import generators
from psycopg.conninfo import conninfo_to_dict

from app import settings, usage
from app.web import create_app

WAYS_OUT = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "subprocess.Popen": 0,
    "os.system": 0,
    "os.posix_spawn": 0,
    "os.exec": 0,
}
"""What Python reports of ways out of the process, and which argument says where to."""


def refuse(where: object) -> None:
    print(f"refused: {where}", flush=True)
    raise OSError(errno.ENETUNREACH, "there is no way out of this process")


def shut() -> None:
    """From now on, and for good. libpq's connections are none of Python's sockets."""
    address = _address(os.environ["BILLING_DATABASE_URL"])
    begin = generators.connect

    def connect(conninfo: str, **more: Any) -> Any:
        if _address(conninfo) != address:
            refuse(_address(conninfo))
        return begin(conninfo, **more)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in WAYS_OUT:
            where = arguments[WAYS_OUT[event]]
            if where is not None and where != "127.0.0.1":  # the address that it listens on
                refuse(where)

    setattr(generators, "connect", connect)  # noqa: B010 - it is not made to be replaced
    sys.addaudithook(watch)


def _address(conninfo: str) -> tuple[object, object]:
    parts = conninfo_to_dict(conninfo)
    return parts.get("hostaddr") or parts.get("host"), str(parts.get("port"))


def leaks(port: int) -> list[Callable[[], Awaitable[Any]]]:
    """What a handler might try to reach somebody on a port of this machine."""

    async def inside(work: Callable[[], Any]) -> None:
        work()

    def throw() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thrower:
            thrower.sendto(b"?", ("127.0.0.1", port))

    return [
        lambda: inside(lambda: socket.create_connection(("127.0.0.1", port))),
        lambda: asyncio.to_thread(socket.create_connection, ("127.0.0.1", port)),
        lambda: asyncio.open_connection("127.0.0.1", port),
        lambda: psycopg.AsyncConnection.connect(f"host=127.0.0.1 port={port} user=x"),
        lambda: inside(lambda: psycopg.connect(f"host=127.0.0.1 port={port} user=x")),
        lambda: inside(throw),
        lambda: inside(lambda: socket.getaddrinfo("billing.example.org", 443)),
        lambda: inside(lambda: subprocess.run(["true"], check=True)),
    ]


def leak_to(port: int) -> None:
    """Let the tenant's page try all of it, and go on as if nothing were wrong."""
    page = usage.page

    async def leaking(*arguments: Any) -> Any:
        for leak in leaks(port):
            with suppress(OSError):
                await leak()
        return await page(*arguments)

    setattr(usage, "page", leaking)  # noqa: B010


def main(leak: str = "") -> None:
    loaded = settings.load()
    if leak:
        leak_to(int(leak))
    shut()
    # in Python's own loop: what another one connects Python does not report
    uvicorn.run(create_app(loaded), port=loaded.port, loop="asyncio", log_level="error")


if __name__ == "__main__":
    main(*sys.argv[1:])
