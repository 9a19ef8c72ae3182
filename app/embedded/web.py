"""The web app in the background."""

import http.client
import os
import signal
from contextlib import suppress
from pathlib import Path

from app.embedded.process import UNREACHABLE, Sorry, lives_in, reasons, spawn, taken, wait


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


class Web:
    """The web app of one checkout; .local/web.pid holds its process id and its port."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.note = checkout / ".local/web.pid"
        self.log = checkout / ".local/web.log"

    def running(self) -> tuple[int, int] | None:
        with suppress(OSError, ValueError):
            pid, port = map(int, self.note.read_text().split())
            if lives_in(self.checkout, pid):
                return pid, port
        return None

    def outdated(self) -> bool:
        """Whether code, settings or packages are newer than the running web app."""
        files = [self.checkout / ".local/billing.env", self.checkout / ".venv/installed"]
        for folder in ("app", "sql", "templates"):
            found = (self.checkout / folder).rglob("*")
            files += [file for file in found if "__pycache__" not in file.parts]
        started = self.note.stat().st_mtime
        return any(file.stat().st_mtime > started for file in files if file.exists())

    def start(self, port: int) -> None:
        """Returns when it answers; one that runs already is replaced only if it has to be."""
        known = self.running()
        if known and known[1] == port and not self.outdated() and answers(port):
            return
        if not (known and known[1] == port) and taken(port):
            raise Sorry(f"Port {port} is taken by another program; PORT=… chooses another one.")
        self.stop()
        command = [str(self.checkout / ".venv/bin/billing"), "serve"]
        process = spawn(command, self.log, self.checkout, {**os.environ, "BILLING_PORT": str(port)})
        self.note.write_text(f"{process.pid} {port}\n")
        wait(lambda: process.poll() is not None or answers(port), 20)
        if process.poll() is not None or not answers(port):
            self.stop()
            raise Sorry(
                f"The web app did not start: {reasons(self.log.read_text())[-1]}", UNREACHABLE
            )

    def stop(self) -> None:
        if known := self.running():
            os.killpg(known[0], signal.SIGTERM)
            if not wait(lambda: not self.running(), 10):
                os.killpg(known[0], signal.SIGKILL)
        self.note.unlink(missing_ok=True)
