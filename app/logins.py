"""Does each login of ours still get in? The connections that a pool holds say nothing of that: any
login may change its own password, and the next connection is the first to be refused."""

import asyncio
import re
import time
from collections.abc import Iterable

import psycopg
from psycopg.pq import PGconn, Ping

from app.connecting import opened, pinned
from app.settings import Login, Settings

SERVING: tuple[Login, ...] = ("tenant", "root", "auth", "operator")
"""Those of the web application; the last one is the command line's, too."""
PAUSE = 10.0
"""Seconds between two tries of one process, however often it is asked."""


def refused(settings: Settings, logins: Iterable[Login] = SERVING) -> dict[Login, str]:
    """The logins that do not get in, each with the server's reason.

    psycopg.OperationalError when no server answers, or has no such database or role.
    """
    reasons = dict[Login, str]()
    for login in logins:
        if (reason := refusal(settings.conninfo(login), login)) is not None:
            reasons[login] = reason
    return reasons


def refusal(conninfo: str, login: Login) -> str | None:
    """Why a new connection as this login is refused; None when it is not."""
    try:
        with opened(conninfo) as connection:
            # behind a pooler, a connection to the server is only there with the first statement
            connection.execute(pinned(login, connection.info.server_version).encode())
    except psycopg.OperationalError as error:
        (reason, *_) = (str(error).strip() or type(error).__name__).splitlines()
        is_missing = re.search(r'(role|database) "[^"]+" does not exist', reason)
        if is_missing or PGconn.ping(conninfo.encode()) != Ping.OK:
            raise
        return reason.rpartition("FATAL: ")[2].strip().rstrip(".")
    return None


class Watch:
    """The same for a web application, which anybody may ask."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found = list[Login]()
        self._next = 0.0
        self._asking = asyncio.Lock()

    async def refused(self) -> list[Login]:
        """The logins that did not get in when last tried, at most PAUSE seconds ago."""
        async with self._asking:
            if time.monotonic() >= self._next:
                self._found = list(await asyncio.to_thread(refused, self._settings))
                self._next = time.monotonic() + PAUSE
            return self._found
