"""A copy of this checkout to follow written instructions in, with the packages of this one."""

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
    """`billing`, `make` and `psql` work here as they do for a person, on the database given."""

    path: Path
    db: Db
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
        self.env = environment | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.path),
            "BILLING_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{self.db.port}/{self.db.name}",
            **self.env,
        }

    def sh(self, script: str) -> Done:
        """Run a block of shell; every line has to succeed."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.path,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=300,
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
