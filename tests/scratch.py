"""A copy of this checkout to follow written instructions in, with the packages of this one."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from app.settings import ROOT
from tests.server import Db

Done = subprocess.CompletedProcess[str]


@dataclass
class Scratch:
    """`billing`, `make` and `psql` work here as they do for a person.

    On the database given, or else on the server of the copy's own that `make run` starts.
    """

    path: Path
    on: Db | None = None
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for name in listed:
            if (ROOT / name).is_file():
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.path / name)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "BILLING"))}
        environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment["PYTHONPATH"] = str(self.path)
        if self.on:
            environment["BILLING_DATABASE_URL"] = self.on.url()
        self.env = environment | self.env

    @property
    def db(self) -> Db:
        """The database given."""
        assert self.on
        return self.on

    def bring_packages(self) -> None:
        """A .venv that is this one's under another name, known to .ci/install as complete."""
        ours, copy = Path(sys.prefix), self.path / ".venv"
        copy.mkdir()
        for name in ("bin", "lib"):
            (copy / name).symlink_to(ours / name)
        shutil.copy(ours / "pyvenv.cfg", copy)
        wanted = f"{self.path}\n".encode()
        wanted += b"".join(
            (self.path / f).read_bytes() for f in ("pyproject.toml", "constraints.txt")
        )
        (copy / "installed").write_text(f"{hashlib.sha256(wanted).hexdigest()}  -\n")

    def sh(self, script: str) -> Done:
        """Run a block of shell; every line has to succeed."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.path,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=600,
        )

    def psql(self, script: str) -> Done:
        """Run a block of SQL as psql does; the first error ends it."""
        return subprocess.run(
            ["psql", "-X", "-v", "ON_ERROR_STOP=1", self.env["BILLING_DATABASE_URL"], "-f", "-"],
            cwd=self.path,
            env=self.env,
            input=script,
            capture_output=True,
            text=True,
            timeout=300,
        )
