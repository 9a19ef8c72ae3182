"""A copy of what `python -m app.embedded` needs, to drive it as a person does."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL

from app.embedded.cluster import PROGRAMS
from app.embedded.process import taken
from tests.server import BIN

HERE = Path(__file__).parent.parent
WEB_APP = """#!/usr/bin/env python3
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["BILLING_PORT"])), Handler).serve_forever()
"""


def free_port() -> int:
    """Below those that the system hands out, so that nobody else is given it meanwhile."""
    while taken(port := random.randrange(20_000, 32_000)):  # noqa: S311
        pass
    return port


def new_place() -> Path:
    """A directory that the server's user may enter, whoever runs the tests."""
    path = Path(tempfile.mkdtemp(prefix="embedded-"))
    path.chmod(0o755)
    return path


def copy_programs(place: Path) -> Path:
    """The server's programs and libraries, as files below this place that may be replaced."""
    home = place / "usr/lib/postgresql" / BIN.parent.name
    (home / "bin").mkdir(parents=True)
    for name in ("initdb", "postgres", "psql"):
        shutil.copy(BIN / name, home / "bin")
    without = shutil.ignore_patterns("bitcode", "pgxs")
    shutil.copytree(BIN.parent / "lib", home / "lib", ignore=without)
    (place / "usr/share").mkdir()
    (place / "usr/share/postgresql").symlink_to("/usr/share/postgresql")
    return home


@dataclass
class Checkout:
    """Its server gets a port that is free now: a port once written down is kept."""

    path: Path
    python: list[str] = field(default_factory=lambda: [sys.executable])

    def __post_init__(self) -> None:
        shutil.copytree(HERE / "app/embedded", self.path / "app/embedded")
        shutil.copy(HERE / "app/visible.py", self.path / "app")
        shutil.copy(HERE / "Makefile", self.path)
        self.local.mkdir()
        address = f"postgresql://postgres@127.0.0.1:{free_port()}/servicepro"
        (self.local / "billing.env").write_text(f"BILLING_DATABASE_URL={address}\nMINE=kept\n")

    def bring_server(self) -> Path:
        """Let it use programs of its own."""
        home = copy_programs(self.path)
        ours = home.parent
        cluster = self.path / "app/embedded/cluster.py"
        text = cluster.read_text()
        assert text.count(f'Path("{PROGRAMS}")') == 1
        cluster.write_text(text.replace(f'Path("{PROGRAMS}")', f'Path("{ours}")'))
        return home

    @property
    def local(self) -> Path:
        return self.path / ".local"

    def run(self, *command: str, sql: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **env}
        return subprocess.run(
            command, cwd=self.path, env=environment, input=sql, capture_output=True, text=True
        )

    def say(self, *words: str, sql: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return self.run(*self.python, "-m", "app.embedded", *words, sql=sql, **env)

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        command = [*self.python, "-m", "app.embedded", *words]
        return subprocess.Popen(command, cwd=self.path, stdout=DEVNULL, stderr=DEVNULL)

    def ask(self, sql: str) -> str:
        done = self.say("psql", "-At", sql=sql)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, why: str = "") -> None:
        """It says nothing unless there is a reason to restart."""
        done = self.say("start")
        told = f"{why}: restarting it.\n" if why else ""
        assert (done.returncode, done.stderr) == (0, told), done.stderr

    def pid(self) -> int:
        return int((self.local / "postgres/postmaster.pid").read_text().split()[0])


def refused(done: subprocess.CompletedProcess[str], code: int, words: str) -> None:
    """One sentence, its own exit code, no stack trace."""
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert words in done.stderr
