"""The web app in the background."""

import http.client
import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

from app.embedded.notes import Lines, Notes, write_private
from app.embedded.process import UNREACHABLE, Sorry, lives_in, reasons, spawn, taken, wait

PORT = 8000


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


class Web:
    """The web app of one checkout: found by where it works and where it logs. web.pid is for people
    and tells by its age since when it runs; without a sound one it is begun anew."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.local = checkout / ".local"
        self.notes = Notes(self.local)
        self.note = self.local / "web.pid"
        self.log = self.local / "web.log"

    def port(self, asked: int | None) -> int:
        """The one asked for, else the one of last time. Sorry when another program has it."""
        used = [port for port in self.running().values() if port]
        port = asked or self.notes.web_port() or (used[0] if used else PORT)
        if port not in used and taken(port):
            raise Sorry(f"Port {port} is taken by another program; PORT=… chooses another one.")
        return port

    def running(self) -> dict[int, int | None]:
        """Process ids, each with its port: one, unless something went wrong."""
        pids = [int(place.name) for place in Path("/proc").glob("[0-9]*")]
        return {pid: port_of(pid) for pid in pids if self.is_ours(pid)}

    def is_ours(self, pid: int) -> bool:
        with suppress(OSError):
            log = Path(f"/proc/{pid}/fd/1").readlink()
            ours = log.parent == self.local and log.name.startswith(self.log.name)
            return ours and lives_in(self.checkout, pid) and os.getsid(pid) == pid
        return False

    def outdated(self, told: str) -> bool:
        """Whether code, settings or packages are newer than the running web app."""
        note = Lines(self.note)
        if note.is_damaged or note.known != [told]:
            return True
        files = [self.local / "billing.env", self.checkout / ".venv/installed"]
        for folder in ("app", "sql", "templates"):
            found = (self.checkout / folder).rglob("*")
            files += [file for file in found if "__pycache__" not in file.parts]
        started = self.note.stat().st_mtime
        return any(file.stat().st_mtime > started for file in files if file.exists())

    def start(self, asked: int | None) -> int:
        """Returns its port when it answers; one that runs already is replaced only if it has to
        be."""
        port = self.port(asked)
        self.notes.choose_web_port(port)
        known = [f"{pid} {at}" for pid, at in self.running().items()]
        is_there = len(known) == 1 and known[0].endswith(f" {port}")
        if is_there and not self.outdated(known[0]) and answers(port):
            return port
        self.stop()
        command = [str(self.checkout / ".venv/bin/billing"), "serve"]
        started = time.time()
        process = spawn(command, self.log, self.checkout, {**os.environ, "BILLING_PORT": str(port)})
        write_private(self.note, f"{process.pid} {port}\n")
        os.utime(self.note, (started, started))
        wait(lambda: process.poll() is not None or answers(port), 20)
        if process.poll() is not None or not answers(port):
            self.stop()
            raise Sorry(
                f"The web app did not start: {reasons(self.log.read_text())[-1]}", UNREACHABLE
            )
        return port

    def stop(self) -> None:
        for how in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.running():
                with suppress(ProcessLookupError):
                    os.killpg(pid, how)
            if wait(lambda: not self.running(), 10):
                break
        if self.note.is_file() or self.note.is_symlink():
            self.note.unlink()


def port_of(pid: int) -> int | None:
    """That it was started for."""
    with suppress(OSError):
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        told = re.search(rb"(?:^|\0)BILLING_PORT=(\d+)\0", environment)
        return int(told[1]) if told else None
    return None
