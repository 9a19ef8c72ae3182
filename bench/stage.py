"""The server and the databases of one run, and what the cases say of them."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from app.settings import Settings
from bench.sizes import Sizes
from bench.timing import Case, computed
from tests.server import Db, Server

# Everything on one core unless a case says otherwise: a floor that gets helpers which the case
# does not get, or the other way round, would say nothing.
OPTIONS = (
    "-h 127.0.0.1 -c logging_collector=off -c log_min_messages=fatal -c shared_buffers=2GB"
    " -c max_wal_size=16GB -c checkpoint_timeout=1h -c work_mem=64MB -c maintenance_work_mem=512MB"
    " -c max_parallel_workers_per_gather=0 -c jit=off -c timezone=UTC -c max_connections=60"
)


@dataclass
class Stage:
    """Where cases are measured and what they leave behind."""

    server: Server
    sizes: Sizes
    say: Callable[[str], None]
    cases: list[Case] = field(default_factory=list[Case])
    facts: dict[str, object] = field(default_factory=dict[str, object])
    failed: list[str] = field(default_factory=list[str])
    curves: dict[str, list[dict[str, float]]] = field(
        default_factory=dict[str, list[dict[str, float]]]
    )

    @contextmanager
    def part(self, name: str) -> Generator[None]:
        """Say what begins; keep an error as a fact and go on with the next part."""
        self.say(name)
        try:
            yield
        except (psycopg.Error, RuntimeError, AssertionError, OSError) as error:
            self.failed.append(name)
            self.facts[f"not measured to the end: {name}"] = str(error).partition("\n")[0]
            self.say(f"{name}: {error}")

    @contextmanager
    def computing(self, spent: dict[str, float], what: str) -> Generator[None]:
        """Add up the seconds of processor time that the server takes meanwhile."""
        server: Any = self.server.server_pid
        before = computed(server)
        yield
        spent[what] += computed(server) - before

    @property
    def today(self) -> date:
        return datetime.now(UTC).date()

    @property
    def first_day(self) -> date:
        return self.today - timedelta(days=self.sizes.days)

    @property
    def measured_day(self) -> date:
        """One with its late rows in, and with days before and after it."""
        return self.today - timedelta(days=min(5, self.sizes.days))


class Sessions:
    """Connections to one database by login, closed together."""

    def __init__(self, database: Db) -> None:
        self.database = database
        self.open = list[psycopg.Connection[Any]]()

    def __enter__(self) -> "Sessions":
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self.open:
            connection.close()

    def of(self, login: str = "postgres") -> psycopg.Connection[Any]:
        connection = self.database.connect(login)
        self.open.append(connection)
        return connection

    @property
    def settings(self) -> Settings:
        return self.database.settings()
