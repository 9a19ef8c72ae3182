"""Several sessions at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from time import monotonic, sleep
from typing import Any, TypeVar

import psycopg

from tests.facts import Connection, call
from tests.server import Db

PATIENCE = 20.0
T = TypeVar("T")


def eventually(true: Callable[[], T | None]) -> T:
    """What it says once that is something; a server that is away for now is waited for."""
    end = monotonic() + 3 * PATIENCE
    while monotonic() < end:
        try:
            if answer := true():
                return answer
        except psycopg.OperationalError:
            pass
        sleep(0.02)
    raise AssertionError("it never came to that")


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """What the jobs return, started in the same moment, each in a thread of its own."""
    start = Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        start.wait(PATIENCE)
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def operating(db: Db) -> Connection:
    """A session of the operator in which nothing takes for ever."""
    connection = db.connect("billing_operator")
    connection.execute(f"set statement_timeout = '{PATIENCE}s'".encode())
    return connection


def count(db: Db, function: str, *arguments: Any) -> Any:
    """What a function returns to the operator, in a session of its own."""
    with operating(db) as operator:
        return call(operator, function, *arguments)


@dataclass(frozen=True)
class Waiting:
    """A call that has come to a lock of somebody else's."""

    pid: int
    result: Callable[[], Any]


@contextmanager
def waiting(db: Db, host: Connection, function: str, *arguments: Any) -> Iterator[Waiting]:
    """Call a function of which it is known that it cannot come to its end yet."""
    with ThreadPoolExecutor(1) as pool, operating(db) as operator:
        job = pool.submit(call, operator, function, *arguments)
        end = monotonic() + PATIENCE
        waits = "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s"
        while host.execute(waits, [operator.info.backend_pid]).fetchall() != [(True,)]:
            assert not job.done(), "it did not wait"
            assert monotonic() < end, "it never came to wait"
            sleep(0.01)
        yield Waiting(operator.info.backend_pid, lambda: job.result(PATIENCE))
