"""The data directory of the embedded PostgreSQL: where it is, who owns it, how it is made."""

import hashlib
import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from app.embedded.notes import Notes, write_private
from app.embedded.process import Sorry, reasons, taken

PROGRAMS = Path("/usr/lib/postgresql")
MAJORS = ("17", "16", "15")
ELSEWHERE = Path("/var/lib/servicepro-billing")  # where `postgres` cannot enter root's checkout
SHORT = Path("/tmp")  # noqa: S108  where .local makes too long a path for a socket
SOCKET_PATH_BYTES = 107
ROOM = 100 * 2**20  # bytes to find free
PREFERRED_PORT = 54329
PLAIN = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}  # no PG* variable reaches the server
DATABASE = """create database servicepro;
alter database servicepro set billing.dedicated = on;
"""  # the mark of a database that is ours alone; `billing migrate` does the rest


def free_port() -> int:
    if not taken(PREFERRED_PORT):
        return PREFERRED_PORT
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """The data of one checkout, under its .local unless the server's user cannot enter that."""

    def __init__(self, local: Path) -> None:
        self.local = local
        self.link = local / "postgres"
        self.notes = Notes(local)
        mark = hashlib.sha256(bytes(local)).hexdigest()[:12]
        self.elsewhere = ELSEWHERE / mark
        self.short = SHORT / f"servicepro-{mark}"
        self.owner = self.find_owner()
        self.reachable = self.run("test", "-x", local).returncode == 0
        self.data = self.find_data()

    def find_owner(self) -> pwd.struct_passwd:
        """PostgreSQL refuses root: then the data's owner runs it, and `postgres` owns new data."""
        if os.geteuid() != 0:
            return pwd.getpwuid(os.geteuid())
        if self.link.exists():
            return pwd.getpwuid(self.link.stat().st_uid)
        return pwd.getpwnam("postgres")

    def find_data(self) -> Path:
        if self.link.exists():
            return self.link.resolve()
        return self.link if self.reachable else self.elsewhere

    def exists(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def port(self) -> int | None:
        """The one noted for clients, else the one of the last start."""
        if port := self.notes.port():
            return port
        with suppress(OSError):
            options = (self.data / "postmaster.opts").read_text(errors="replace")
            if last := re.search(r'"port=(\d+)"', options):
                return int(last[1])
        return None

    def program(self, name: str) -> Path:
        """Of the version that made the data, else of the newest one that has pg_cron."""
        majors = [(self.data / "PG_VERSION").read_text().strip()] if self.exists() else MAJORS
        for home in (PROGRAMS / major for major in majors):
            if (home / "lib/pg_cron.so").exists():
                return home / "bin" / name
        wanted = " or ".join(majors)
        raise Sorry(f"{self.data} needs PostgreSQL {wanted} with pg_cron, which is not installed.")

    def as_owner(self, *command: str | Path) -> list[str]:
        ids = [f"--reuid={self.owner.pw_uid}", f"--regid={self.owner.pw_gid}", "--init-groups"]
        return [*(["setpriv", *ids] if os.geteuid() == 0 else []), *map(str, command)]

    def run(self, *command: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
        """It shares the verb's lock, and so keeps it to its own end."""
        return subprocess.run(
            self.as_owner(*command),
            input=text,
            capture_output=True,
            env=PLAIN,
            cwd="/",
            text=True,
            close_fds=False,
        )

    def must(self, *command: str | Path, text: str = "") -> None:
        done = self.run(*command, text=text)
        if done.returncode or re.search("ERROR|FATAL", done.stderr):
            (reason, *_) = reasons(done.stderr)
            raise Sorry(f"The database in {self.local} could not be made: {reason}")

    def alone(self, data: Path, sql: str) -> None:
        """Runs SQL on data that no server is using."""
        # else a failing statement is shown, password and all
        quiet = "log_min_error_statement=panic"
        alone = ("--single", "-D", data, "-c", quiet)
        self.must(self.program("postgres"), *alone, "postgres", text=sql)

    def private(self, place: Path) -> Path:
        """A directory for the server's user only."""
        with suppress(FileExistsError):
            place.mkdir(mode=0o700)
            os.chown(place, self.owner.pw_uid, self.owner.pw_gid)
        if place.lstat().st_uid != self.owner.pw_uid:
            raise Sorry(f"{place} belongs to another user.")
        return place

    def sockets(self) -> Path:
        inside = self.local / "run"
        fits = len(bytes(inside / ".s.PGSQL.65535")) <= SOCKET_PATH_BYTES
        return self.private(inside if fits and self.reachable else self.short)

    def prepare(self, new_password: bool = False) -> None:
        """Makes what is missing: the data, the way to it, what clients are told."""
        if self.link.is_symlink() and not self.link.exists():
            self.link.unlink()
        if self.data == self.elsewhere:
            ELSEWHERE.mkdir(exist_ok=True)
            ELSEWHERE.chmod(0o755)
        if shutil.disk_usage(self.data.parent).free < ROOM:
            room = f"less than {ROOM >> 20} MB free: too little for a server"
            raise Sorry(f"{self.data.parent} has {room}.")
        if not self.exists():
            self.create()
            new_password = True  # whatever is noted is of other data
        if not self.link.exists():
            self.link.symlink_to(self.data)
        self.tell_clients(new_password)

    def create(self) -> None:
        """Made beside its place and moved there whole: half a cluster is never taken for one."""
        initdb = self.program("initdb")
        draft = self.data.with_name(f"{self.data.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        self.private(draft)
        try:
            password = draft / "password"  # a passing one: tell_clients sets the one that stays
            write_private(password, secrets.token_urlsafe(24))
            os.chown(password, self.owner.pw_uid, self.owner.pw_gid)
            who = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}"]
            self.must(initdb, *who, "--encoding=UTF8", "--locale=C.UTF-8", "-D", draft / "data")
            self.alone(draft / "data", DATABASE)
            (draft / "data").replace(self.data)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def tell_clients(self, new_password: bool = False) -> None:
        """Notes where the server is and who may enter. Needs it stopped for a new password, which
        is also given when the old one is lost."""
        port = self.port() or free_port()
        password = None if new_password else self.notes.password(port)
        if password is None:
            password = secrets.token_urlsafe(24)
            self.alone(self.data, f"alter role postgres password '{password}';\n")
        self.notes.write(port, password)

    def remove(self) -> None:
        """What it has outside .local; the rest goes with .local."""
        draft = self.elsewhere.with_name(f"{self.elsewhere.name}.draft")
        for place in (self.elsewhere, draft, self.short):
            shutil.rmtree(place, ignore_errors=True)
        with suppress(OSError):
            ELSEWHERE.rmdir()
