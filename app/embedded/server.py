"""PostgreSQL on the project's own data."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from app.embedded.cluster import PLAIN, Cluster
from app.embedded.process import UNREACHABLE, USAGE, Sorry, lives_in, reasons, spawn, taken, wait
from app.visible import visible

PATIENCE = 60  # seconds for a start with crash recovery, or for a stop
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_preload_libraries": "pg_cron",
    "cron.database_name": "servicepro",
    "cron.use_background_workers": "on",
    "cron.log_statement": "off",
    "max_worker_processes": "32",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_min_error_statement": "panic",  # a failing `alter role` would log its password
}


def say(sentence: str) -> None:
    print(visible(sentence), file=sys.stderr, flush=True)


class Server:
    """The server is the process that postmaster.pid names, if that works in the data directory."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.log = cluster.local / "postgres.log"

    def note(self) -> list[str]:
        """What the running server says of itself: process id first, state eighth."""
        with suppress(OSError, ValueError, IndexError):  # there is none, or it is being written
            lines = (self.cluster.data / "postmaster.pid").read_text().splitlines()
            if lives_in(self.cluster.data, int(lines[0])):
                return lines
        return []

    def running(self) -> bool:
        return bool(self.note())

    def ready(self) -> bool:
        note = self.note()
        return len(note) > 7 and note[7].strip() == "ready"

    def start(self) -> None:
        """Returns when it takes connections; does nothing when it does already."""
        if self.running() and (reason := self.cannot_stay()):
            say(f"{reason}: restarting it.")
            self.stop()
        self.bring_up()
        if not self.admits():
            say("The server does not take the password that is noted: restarting it with another.")
            self.stop()
            self.bring_up(new_password=True)

    def bring_up(self, new_password: bool = False) -> None:
        if self.running():
            process = None
            self.cluster.tell_clients()
        else:
            process = self.launch(new_password)

        def settled() -> bool:
            ended = process.poll() is not None if process else not self.running()
            return ended or self.ready()

        if not wait(settled, PATIENCE):
            raise Sorry(f"The server is still starting after {PATIENCE} s.", UNREACHABLE)
        if not self.ready():
            raise Sorry(f"The server did not start: {reasons(self.log.read_text())[-1]}")

    def cannot_stay(self) -> str | None:
        """Why a running server has to be stopped before anything can be done with it."""
        if self.outdated():
            return "Another build of PostgreSQL was installed while the server ran"
        _, place, _, port, *_ = self.note()
        if place != str(self.cluster.data):
            return "The checkout was moved while its server ran"
        if self.cluster.port() != int(port):
            return "The server listens on another port than the one that is noted"
        if self.cluster.notes.password(int(port)) is None:
            return "The server's password is lost, and only a stopped one can be given another"
        return None

    def admits(self) -> bool:
        """False when the server refuses what clients are told; other troubles are not ours here."""
        command = [*self.client("postgres"), "-c", "select"]
        env = PLAIN | {"PGPASSFILE": str(self.cluster.notes.passfile)}
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        return done.returncode == 0 or "password" not in done.stderr

    def client(self, role: str) -> list[str]:
        """psql as this login."""
        where = ["-h", "127.0.0.1", "-p", str(self.cluster.port()), "-d", "servicepro"]
        return [str(self.cluster.program("psql")), "-X", "-w", *where, "-U", role]

    def outdated(self) -> bool:
        """New sessions of a server whose package was replaced cannot load the libraries beside it,
        PL/pgSQL for one, while all that it started before goes on."""
        postgres = self.cluster.program("postgres")
        ours = re.escape(str(postgres.parents[1].resolve()))
        with suppress(OSError, IndexError):  # it has ended
            place = Path(f"/proc/{self.note()[0]}")
            replaced = re.search(rf" {ours}/\S+ \(deleted\)$", (place / "maps").read_text(), re.M)
            return bool(replaced) or not (place / "exe").samefile(postgres)
        return False

    def orphans(self) -> list[int]:
        """What a killed server leaves behind: sessions still counting, which keep a new one out."""
        places = Path("/proc").glob("[0-9]*")
        return [int(place.name) for place in places if self.is_ours(place)]

    def is_ours(self, place: Path) -> bool:
        with suppress(OSError):
            program = (place / "comm").read_text().strip()
            return program == "postgres" and lives_in(self.cluster.data, int(place.name))
        return False

    def end_orphans(self) -> None:
        for pid in self.orphans():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
        wait(lambda: not self.orphans(), PATIENCE)

    def launch(self, new_password: bool) -> subprocess.Popen[bytes]:
        self.cluster.prepare(new_password)
        port, sockets = self.cluster.port(), self.cluster.sockets()
        if port is None or taken(port):
            raise Sorry(
                f"Port {port} of the embedded server is taken by another program; "
                f"end that one, or change the port in {self.cluster.notes.settings}."
            )
        for left in (self.cluster.data / "postmaster.pid", sockets / f".s.PGSQL.{port}.lock"):
            left.unlink(
                missing_ok=True
            )  # by a killed server, whose number may be somebody else's now
        settings = {**SETTINGS, "port": port, "unix_socket_directories": f'"{sockets}"'}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.end_orphans()
        postgres = self.cluster.program("postgres")
        command = self.cluster.as_owner(postgres, "-D", self.cluster.data, *options)
        return spawn(command, self.log, self.cluster.data, PLAIN)

    def stop(self) -> None:
        """Ends sessions and stops; committed work is safe."""
        if note := self.note():
            os.kill(int(note[0]), signal.SIGINT)
        if not wait(lambda: not self.running(), PATIENCE):
            raise Sorry(f"The server is still stopping after {PATIENCE} s.", UNREACHABLE)
        self.end_orphans()

    def must_run(self) -> None:
        if not self.ready():
            raise Sorry("The embedded server is not running; `make run` starts it.", UNREACHABLE)

    def describe(self) -> str:
        version = (self.cluster.data / "PG_VERSION").read_text().strip()
        return f"PostgreSQL {version} listens on 127.0.0.1:{self.cluster.port()}."

    def psql(self, role: str, arguments: list[str]) -> NoReturn:
        """Becomes psql; tells a person whom it speaks for, gives a pipe only its output."""
        self.must_run()
        logins = self.cluster.notes.logins()
        if role not in logins:
            raise Sorry(f"There is no login {role}; there are {', '.join(logins)}.", USAGE)
        command = self.client(role)
        if not os.isatty(0):
            command += ["-v", "ON_ERROR_STOP=1"]
        elif role == "postgres":
            say("You are the superuser: no row-level security binds you. ROLE=… is another login.")
        else:
            say(f"You are {role}, with its rights and no more.")
        env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        env["PGPASSFILE"] = str(self.cluster.notes.passfile)
        os.execve(command[0], [*command, *arguments], env)
