"""What one connection may ask of the server: how much, for how long, how many at once.

uvicorn bounds none of it while it parses with httptools; docs/decisions/0013 says why it is bounded
here and how it was measured. Nothing is timed by request: every connection knows until when it may
stay as it is, and one look a second ends those that are late."""

# uvicorn declares what it sets later as if it were there already
# pyright: reportUnnecessaryComparison=false, reportUnknownMemberType=false
# pyright: reportOptionalMemberAccess=false

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httptools
import structlog
from litestar.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from app import hardening

logger = structlog.get_logger()


@dataclass(frozen=True)
class Limits:
    """Of one connection, and of one process."""

    head_bytes: int = 32 * 1024
    """Address, names and values of the header together."""
    head_lines: int = 100
    body_bytes: int = 1024 * 1024
    """As it is sent, thrown away or not; the application takes 64 KiB of content."""
    pipelined: int = 8
    """Requests that wait for the answer to the one before."""
    head_seconds: float = 10
    body_seconds: float = 30
    answer_seconds: float = 300
    """The longest that a request may keep us busy; a recount waits for two minutes."""
    take_seconds: float = 60
    """For taking the answer."""
    connections: int = 500
    requests: int = 200


LIMITS = Limits()
SLICE = 16 * 1024
"""Bytes are counted after so many of them."""
LAST_WORDS = 2.0
"""Seconds in which a peer that was refused may read why."""
PROBES = {path.encode() for path in hardening.PROBES}
"""Answered however busy this process is."""


def _problem(status: int, sentence: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    title = HTTPStatus(status).phrase
    body = json.dumps({"status": status, "title": title, "detail": sentence}).encode()
    headers = hardening.HEADERS | {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()], body


async def _busy(_: Scope, __: Receive, send: Send) -> None:
    headers, body = _problem(503, "Too many requests at once. Try again in a moment.")
    headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class Watch:
    """The connections of one process."""

    def __init__(self, state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        self.connections: set[Any] = state.connections
        self.loop = loop
        self.waiting: dict[BoundedProtocol, None] = {}
        """Those whose peer is to act, the one that has kept us waiting longest first."""
        self.refused = Counter[str]()
        loop.call_later(1, self._look)

    @staticmethod
    def of(state: ServerState, loop: asyncio.AbstractEventLoop) -> "Watch":
        """The one of this server."""
        kept = vars(state)
        if "watch" not in kept:
            kept["watch"] = Watch(state, loop)
        return kept["watch"]

    def make_room(self, newcomer: "BoundedProtocol") -> None:
        """Give up the connection that has kept us waiting longest; the new one, if all are busy."""
        self.refused["given up for another"] += 1
        given_up = next(iter(self.waiting), newcomer)
        self.waiting.pop(given_up, None)
        given_up.transport.abort()

    def _look(self) -> None:
        now = self.loop.time()
        for connection in [one for one in self.connections if one.until < now]:
            connection.expire()
        if self.refused.total():
            logger.warning("connections_refused", **self.refused)
            self.refused.clear()
        self.loop.call_later(1, self._look)


class BoundedProtocol(HttpToolsProtocol):
    """A connection that cannot take more than its share."""

    until = 0.0
    received = 0
    """Bytes since the beginning of the header, or of what follows it."""
    answering = 0
    """Requests that are complete and not answered yet."""
    in_message = False
    in_head = True
    is_deaf = False
    refusal = (400, "This is not a request that can be read.")

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.watch = Watch.of(self.server_state, self.loop)
        self.waiting = self.watch.waiting
        self.served: Any = self.config.loaded_app
        self.most = LIMITS.head_bytes + SLICE

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > LIMITS.connections:
            self.watch.make_room(self)
        self._wait(LIMITS.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self.waiting.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        for start in range(0, len(data), SLICE):
            if self.is_deaf or self.transport.is_closing():
                return
            piece = data if len(data) <= SLICE else data[start : start + SLICE]
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade:  # to nothing: this request is answered as it is
                self.cycle.keep_alive, self.is_deaf = False, True
                return
            except httptools.HttpParserError:
                self._refuse(*self.refusal)
                return
            self.received += len(piece)
            if self.received > self.most:
                self._refuse(*self._too_large())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.in_message, self.received = True, 0
        if not self.answering:
            self.until = self.loop.time() + LIMITS.head_seconds

    def on_headers_complete(self) -> None:
        size = len(self.url)
        for name, value in self.headers:
            size += len(name) + len(value)
        if size > LIMITS.head_bytes or len(self.headers) > LIMITS.head_lines:
            self._stop(*self._too_large())
        if len(self.pipeline) >= LIMITS.pipelined:
            self._stop(429, "Too many requests before the first was answered.")
        if len(self.connections) - len(self.waiting) < LIMITS.requests or self._is_probe():
            self.app = self.served
        else:
            self.watch.refused["busy"] += 1
            self.app = _busy
        if not self.answering:
            self.until = self.loop.time() + LIMITS.body_seconds
        super().on_headers_complete()
        self.in_head, self.received, self.most = False, 0, LIMITS.body_bytes + SLICE
        self.headers = []  # what comes after a body in chunks is no part of the header

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.in_message, self.in_head, self.received = False, True, 0
        self.most = LIMITS.head_bytes + SLICE
        if self.cycle.response_complete:
            self._wait(LIMITS.head_seconds)
        else:
            self.answering += 1
            self._work()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.answering:  # else its body is still to come
            self.answering -= 1
        if self.answering:
            self._work()
        else:
            self._wait(LIMITS.body_seconds if self._is_asking() else LIMITS.take_seconds)

    def expire(self) -> None:
        """The time for what this connection is doing is over."""
        if self.transport.is_closing() or self.is_deaf or not self.in_message:
            self.watch.refused["answer not taken"] += self.transport.get_write_buffer_size() > 0
            self.transport.abort()
        else:
            self._refuse(408, "The request took too long to arrive.")

    def _is_asking(self) -> bool:
        """Whether a request has begun to be answered before its body was complete."""
        return self.cycle is not None and not self.cycle.response_complete and self.cycle.more_body

    def _is_probe(self) -> bool:
        return self.url.partition(b"?")[0] in PROBES

    def _wait(self, seconds: float) -> None:
        """It is the peer's turn, for so long."""
        self.waiting.pop(self, None)
        self.waiting[self] = None
        self.until = self.loop.time() + seconds

    def _work(self) -> None:
        """It is our turn."""
        self.waiting.pop(self, None)
        self.until = self.loop.time() + LIMITS.answer_seconds

    def _too_large(self) -> tuple[int, str]:
        if self.in_head:
            return 431, "The header of this request is larger than this service takes."
        return 413, "The body of this request is larger than this service takes."

    def _stop(self, status: int, sentence: str) -> None:
        """End reading, from within the parser."""
        self.refusal = status, sentence
        raise ValueError(sentence)

    def _refuse(self, status: int, sentence: str) -> None:
        """Say why and hear no more; where that would pass for another answer, only end."""
        self.watch.refused[str(status)] += 1
        self.is_deaf = True
        begun = not self.in_head and self.cycle.response_started
        if self.answering or begun:
            self.transport.abort()
            return
        if self._is_asking():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        headers, body = _problem(status, sentence)
        lines = [STATUS_LINE[status], *(b"%b: %b\r\n" % line for line in headers), b"\r\n", body]
        self.transport.write(b"".join(lines))
        self.transport.write_eof()
        self._wait(LAST_WORDS)
