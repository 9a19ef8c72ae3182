"""A load of fixed length on loopback: wrk where it is installed, a loop of our own elsewhere."""

import asyncio
import re
import shutil
import subprocess
from dataclasses import dataclass

CONNECTIONS = 8
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Load:
    """What came of it; milliseconds."""

    requests: int
    per_second: float
    p50: float
    p99: float


def run(port: int, path: str, token: str, seconds: int) -> Load:
    """Ask for a page from 8 connections at once; RuntimeError when an answer is not 200."""
    if shutil.which("wrk"):
        return with_wrk(port, path, token, seconds)
    return asyncio.run(with_sockets(port, path, token, seconds))


def with_wrk(port: int, path: str, token: str, seconds: int) -> Load:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "--timeout", "20s"]
    header = ["-H", f"Authorization: Bearer {token}", f"http://127.0.0.1:{port}{path}"]
    said = subprocess.run([*command, *header], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"{path} was not answered with 200 throughout: {said}")

    def number(pattern: str) -> re.Match[str]:
        found = re.search(pattern, said)
        assert found is not None, said
        return found

    def latency(percent: str) -> float:
        found = number(rf"{percent}%\s+([0-9.]+)(us|ms|s|m)\b")
        return float(found[1]) * UNITS[found[2]]

    return Load(
        int(number(r"(\d+) requests in")[1]),
        float(number(r"Requests/sec:\s+([0-9.]+)")[1]),
        latency("50"),
        latency("99"),
    )


async def with_sockets(port: int, path: str, token: str, seconds: int) -> Load:
    """Slower than wrk and on the application's own cores: its ratios are closer to 1."""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    end, times = loop.time() + seconds, list[float]()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (begin := loop.time()) < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            if not head.startswith(b"HTTP/1.1 200") or length is None:
                raise RuntimeError(f"{path} was answered with {head[:60]!r}")
            await reader.readexactly(int(length[1]))
            times.append((loop.time() - begin) * 1000)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    times.sort()
    return Load(
        len(times),
        len(times) / seconds,
        times[len(times) // 2],
        times[min(len(times) - 1, len(times) * 99 // 100)],
    )
