"""What the server itself takes of a connection, in a process of its own: bytes, time, numbers."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.http_protocol import Limits
from tests.bounded import SHORT, ask, bounded, connected, heard, is_alive

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"\r\n"
KIB = 1024


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, int]]:
    with bounded() as served:
        yield served


@pytest.fixture
def port(server: tuple[int, int]) -> int:
    return server[0]


def status(answer: bytes) -> int | None:
    """None where the connection ended without a word."""
    return int(answer.split(b" ", 2)[1]) if answer else None


def said(answer: bytes) -> dict[str, object]:
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def resident(pid: int) -> int:
    """KiB of memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no such process")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (GET + b"X: " + b"y" * 30 * KIB + END + END, 200),
        (GET + b"X: " + b"y" * 33 * KIB + END + END, 431),
        (GET + b"X: " + b"y" * 100 * KIB, 431),  # its end is not waited for
        (b"GET /" + b"y" * 30 * KIB + b" HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /" + b"y" * 33 * KIB + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET /" + b"y" * 100 * KIB, 431),
        (GET + b"a: b\r\n" * 99 + END, 200),
        (GET + b"a: b\r\n" * 100 + END, 431),
        (GET + b"a:\r\n" * 50_000, 431),
        (END * 40_000, 431),
        (POST + b"Content-Length: 5\r\n\r\nhello", 200),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", 200),
        (CHUNKED + b"5;" + b"y" * 2_000_000, 413),
        (CHUNKED + b"0\r\n" + b"a: b\r\n" * 300_000, 413),
        (POST + b"Content-Length: 2000000\r\n\r\n" + b"x" * 2_000_000, 413),
        (b"garbage\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ],
    ids=lambda part: str(part)[:50] if isinstance(part, bytes) else None,
)
def test_how_much_one_request_may_be(port: int, request_: bytes, expected: int) -> None:
    answer = ask(port, request_)
    assert status(answer) == expected
    if expected != 200:
        problem = said(answer)
        assert (problem["status"], str(problem["detail"])[-1]) == (expected, ".")
        assert b"\r\nconnection: close\r\n" in answer
        assert b"\r\ncontent-security-policy: default-src" in answer


def test_a_header_without_end_is_not_kept(server: tuple[int, int]) -> None:
    """Sixty million bytes on one connection, as fast as they are taken."""
    port, pid = server
    before = resident(pid)
    for line in (b"y" * 60_000, b"a: b\r\n" * 10_000):
        answer = ask(port, GET + b"X: ", *[line] * 1000)
        assert status(answer) in (431, None)
    assert resident(pid) - before < 20 * KIB


def test_an_unread_body_is_thrown_away_up_to_a_bound(port: int) -> None:
    begin = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"
    with connected(port) as peer:
        peer.sendall(begin)
        assert status(heard(peer)) == 200
        sent = 0
        with pytest.raises(ConnectionError):
            while sent < 50_000_000:
                sent += peer.send(b"x" * 100_000)
    assert sent < 30_000_000  # what sockets hold besides


@pytest.mark.parametrize(
    ("parts", "seconds"),
    [
        ([b""], SHORT.head_seconds),
        ([b"G"], SHORT.head_seconds),
        ([*(bytes([byte]) for byte in GET)], SHORT.head_seconds),  # slow headers
        ([GET, *[b"a: b\r\n"] * 20], SHORT.head_seconds),
        ([END] * 40, SHORT.head_seconds),
        ([POST + b"Content-Length: 30\r\n\r\n", *[b"x"] * 29], SHORT.body_seconds),
        ([CHUNKED, *[b"1\r\nx\r\n"] * 30], SHORT.body_seconds),
        ([CHUNKED + b"0\r\n", *[b"a: b\r\n"] * 30], SHORT.body_seconds),
        ([POST + b"Content-Length: 30\r\nExpect: 100-continue\r\n\r\n"], SHORT.body_seconds),
    ],
    ids=lambda part: str(part)[:50] if isinstance(part, list) else None,
)
def test_how_long_one_request_may_take(port: int, parts: list[bytes], seconds: float) -> None:
    begin = time.monotonic()
    answer = ask(port, *parts, pause=0.2)
    assert time.monotonic() - begin < max(seconds + 2.5, len(parts) * 0.2 + 1)
    last = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert status(last) == (None if parts[0] in (b"", END) else 408)


def test_a_body_that_drips_after_its_answer_ends(port: int) -> None:
    begin = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    with connected(port) as peer:
        peer.sendall(begin)
        assert status(heard(peer)) == 200
        end = time.monotonic() + SHORT.take_seconds + 3
        with pytest.raises(ConnectionError):
            while time.monotonic() < end:
                peer.sendall(b"x")
                time.sleep(0.2)


def test_an_answer_that_nobody_takes_ends(server: tuple[int, int]) -> None:
    port, pid = server
    with connected(port) as peer:
        peer.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        time.sleep(1)
        assert open_sockets(pid) == 1
        time.sleep(SHORT.take_seconds + 1.5)
        assert open_sockets(pid) == 0


def open_sockets(pid: int) -> int:
    """How many connections the server still has to somebody on this machine."""
    inodes = set[str]()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            continue
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[9] in inodes and line[3] == "01" for line in lines)


def test_a_connection_half_closed_ends(server: tuple[int, int]) -> None:
    port, pid = server
    for begun in (b"", GET, POST + b"Content-Length: 9\r\n\r\nx"):
        with connected(port) as peer:
            peer.sendall(begun)
            peer.shutdown(socket.SHUT_WR)
            assert heard(peer) == b""
            assert open_sockets(pid) == 0


def test_idle_connections_end_and_busy_ones_stay(port: int) -> None:
    with connected(port) as peer:
        for _ in range(8):  # longer in all than a header may take
            peer.sendall(GET + END)
            assert status(heard(peer)) == 200
            time.sleep(0.3)
        peer.sendall(b"GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n")  # longer than a body may take
        assert status(heard(peer)) == 200
        begin = time.monotonic()
        assert heard(peer, 10) == b""
        assert time.monotonic() - begin < 7


def test_requests_may_be_sent_ahead_up_to_a_bound(port: int) -> None:
    last = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connected(port) as peer:
        peer.sendall((GET + END) * 5 + last)
        everything = b""
        while piece := peer.recv(65536):
            everything += piece
    assert everything.count(b"HTTP/1.1 200 OK") == 6
    assert ask(port, (GET + END) * 10_000) == b""
    # what cannot be read behind a request is not answered in its place
    assert ask(port, b"GET /sleep HTTP/1.1\r\nHost: x\r\n\r\ngarbage\r\n\r\n") == b""
    # half a header behind a request that is being answered is waited for
    with connected(port) as peer:
        peer.sendall(b"GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
        assert status(heard(peer)) == 200
        peer.sendall(END)
        assert status(heard(peer)) == 200


def test_what_follows_a_body_in_chunks_is_no_header(port: int) -> None:
    answer = ask(port, CHUNKED + b"1\r\nx\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
    assert said(answer)["names"] == ["host", "transfer-encoding"]


def test_an_upgrade_to_nothing_is_an_ordinary_request(port: int) -> None:
    for to in (b"websocket", b"h2c"):
        answer = ask(
            port,
            GET + b"Connection: Upgrade\r\nUpgrade: " + to + b"\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        )
        assert status(answer) == 200
        assert said(answer)["path"] == "/a"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_thousand_half_open_requests_hold_nobody_up(workers: int) -> None:
    """Whoever asks is answered, as the oldest that say nothing are given up; no more of them are
    held than may be, and after a while none."""
    with bounded(workers) as (port, pid), ExitStack() as held:
        for number in range(1000):
            peer = held.enter_context(connected(port))
            peer.sendall(GET if number % 2 else POST + b"Content-Length: 9\r\n\r\nx")
            if number % 100 == 99:
                assert status(ask(port, GET + END)) == 200
        processes = [pid, *children(pid)]
        assert sum(map(open_sockets, processes)) <= SHORT.connections * workers
        deadline = time.monotonic() + 10
        while sum(map(open_sockets, processes)):
            assert time.monotonic() < deadline
            time.sleep(0.2)


def children(pid: int) -> list[int]:
    """The workers; their server hands out sockets and holds none."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_too_many_requests_at_once_are_told_and_probes_are_answered(port: int) -> None:
    with ExitStack() as held:
        busy = [held.enter_context(connected(port)) for _ in range(SHORT.requests)]
        for peer in busy:
            peer.sendall(b"GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.5)
        answer = ask(port, GET + END)
        assert status(answer) == 503
        assert b"\r\nretry-after: 1\r\n" in answer
        assert said(answer)["detail"] == "Too many requests at once. Try again in a moment."
        assert is_alive(port)
        assert status(ask(port, b"GET /readyz?x HTTP/1.1\r\nHost: x\r\n\r\n")) == 200
        assert [status(heard(peer)) for peer in busy] == [200] * SHORT.requests
        assert status(ask(port, GET + END)) == 200


def test_requests_that_do_not_arrive_keep_nobody_busy(port: int) -> None:
    with ExitStack() as held:
        for _ in range(SHORT.requests * 2):
            peer = held.enter_context(connected(port))
            peer.sendall(POST + b"Content-Length: 9\r\n\r\nx")
            # the second is complete but for its body, and waits for nothing else
            peer = held.enter_context(connected(port))
            peer.sendall(GET + END + POST + b"Content-Length: 9\r\n\r\nx")
        time.sleep(0.3)
        assert status(ask(port, GET + END)) == 200


def test_the_limits_leave_room() -> None:
    """Sockets of one process, its connections to the database and files besides."""
    limits = Limits()
    assert limits.requests < limits.connections <= 1024 // 2
    assert limits.head_bytes <= 64 * KIB < limits.body_bytes
    assert os.sysconf("SC_OPEN_MAX") > limits.connections + 100
