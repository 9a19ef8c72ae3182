"""Programs that outlive the command that started them, and how to say what went wrong with one."""

import re
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

USAGE, REFUSED, UNREACHABLE = 2, 3, 4


class Sorry(Exception):
    """One clear sentence for the person at the terminal, and the exit code that goes with it."""

    def __init__(self, sentence: str, code: int = REFUSED) -> None:
        super().__init__(sentence)
        self.code = code


def reasons(output: str) -> list[str]:
    """Why a program failed: the errors that it tells of, else its last line."""
    told = re.findall(r"(?:FATAL|PANIC|ERROR|error): +(.+)", output)
    return told or output.strip().splitlines()[-1:] or ["it left no word"]


def wait(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def taken(port: int) -> bool:
    """By another program, or by the system, which keeps low ports for root."""
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return False
    return True


def lives_in(folder: Path, pid: int) -> bool:
    """Tells our process from a stranger that was given the number of a dead one."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    return False


def spawn(command: list[str], log: Path, cwd: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    """Starts a program that does not belong to this terminal; a new log takes all it says."""
    if log.exists():
        log.replace(f"{log}.old")
    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
