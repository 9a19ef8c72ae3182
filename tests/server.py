"""A real PostgreSQL server of one's own for tests and benchmarks, gone when they are over."""

import os
import pwd
import shutil
import signal
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from testing.postgresql import Postgresql

from app import public_url
from app.embedded.cluster import MAJORS, PROGRAMS
from app.settings import Login, Settings

BIN = next(
    PROGRAMS / major / "bin" for major in MAJORS if (PROGRAMS / major / "lib/pg_cron.so").exists()
)
OPTIONS = (
    "-h 127.0.0.1 -F -c logging_collector=off -c log_min_messages=fatal"
    " -c shared_preload_libraries=pg_cron,plpgsql_check"
    " -c cron.database_name=test -c cron.use_background_workers=on -c cron.log_statement=off"
    " -c max_worker_processes=32 -c timezone=UTC -c max_connections=60"
    " -c max_prepared_transactions=4"
)


@dataclass(frozen=True)
class Db:
    """A database on the tests' server."""

    name: str
    port: int

    def conninfo(self, login: str = "postgres") -> str:
        return make_conninfo("", host="127.0.0.1", port=self.port, dbname=self.name, user=login)

    def url(self, login: str = "postgres", **changes: object) -> str:
        """The same as a URL; host, port or name may be another."""
        parts = {"host": "127.0.0.1", "port": self.port, "name": self.name} | changes
        return "postgresql://{login}@{host}:{port}/{name}".format(login=login, **parts)

    def connect(
        self, login: str = "postgres", *, autocommit: bool = True
    ) -> psycopg.Connection[Any]:
        return psycopg.connect(self.conninfo(login), autocommit=autocommit)

    def settings(self, **changes: Any) -> Settings:
        values: dict[str, Any] = {
            "admin": self.conninfo(),
            "passfile": None,
            "host": "127.0.0.1",
            "port": 0,
            "overrides": dict[Login, str](),
            "public_url": public_url.parse("http://127.0.0.1"),
        }
        return Settings(**values | changes)


class Server(Postgresql):
    """testing.postgresql, as root too: PostgreSQL refuses root, so it runs as `postgres` then."""

    DEFAULT_BOOT_TIMEOUT = DEFAULT_KILL_TIMEOUT = 60.0  # the machine may be busy

    def __init__(self, options: str = OPTIONS) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="billing-test-"))
        programs = {name: str(BIN / name) for name in ("initdb", "postgres")}
        base = self.home / "base"
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            for folder in (base, base / "data", base / "tmp"):
                folder.mkdir()
                os.chown(folder, user.pw_uid, user.pw_gid)
            self.home.chmod(0o755)
            programs = {name: self._as_postgres(name, path) for name, path in programs.items()}
        super().__init__(
            base_dir=str(base),
            initdb_args="-U postgres -A trust -E UTF8 --locale=C.UTF-8",
            postgres_args=options,
            **programs,
        )

    def _as_postgres(self, name: str, path: str) -> str:
        wrapper = self.home / name
        wrapper.write_text(
            "#!/bin/sh\ncd /\n"
            f'exec setpriv --reuid=postgres --regid=postgres --init-groups {path} "$@"\n'
        )
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        return str(wrapper)

    @property
    def port(self) -> int:
        return int(self.settings["port"])

    def database(self, name: str) -> Db:
        return Db(name, self.port)

    def create(self, name: str, template: str = "template1") -> Db:
        """A database marked as ours alone; a clone does not inherit its template's settings."""
        with self.database("postgres").connect() as connection:
            for statement in (
                "create database {} template {} strategy file_copy",
                "alter database {} set billing.dedicated = on",
                "alter database {} set search_path = billing, data, public",
                "revoke temporary on database {} from public",
            ):
                names = map(sql.Identifier, (name, template))
                connection.execute(sql.SQL(statement).format(*names))
        return self.database(name)

    def drop(self, database: Db) -> None:
        with self.database("postgres").connect() as connection:
            statement = sql.SQL("drop database {} with (force)")
            connection.execute(statement.format(sql.Identifier(database.name)))

    def kill(self) -> None:
        """kill -9 of the server, then of the sessions that it leaves behind: nothing is asked."""
        sessions = self._children()
        server: Any = self.child_process
        server.kill()
        server.wait()
        self.child_process = None
        for pid in sessions:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + self.DEFAULT_KILL_TIMEOUT
        while any(Path(f"/proc/{pid}").exists() for pid in sessions):
            assert time.monotonic() < deadline, "its sessions do not end"
            time.sleep(0.01)

    def _children(self) -> list[int]:
        task = Path(f"/proc/{self.server_pid}/task/{self.server_pid}/children")
        return [int(pid) for pid in task.read_text().split()]

    def end(self) -> None:
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)
