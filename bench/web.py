"""P11: requests per second of the web application, beside the same application doing nothing."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench import load, reads
from bench.stage import Sessions, Stage
from bench.timing import Case, children, computed
from tests.checkout import free_port
from tests.server import Db

FLOOR = "/bench/floor"
PAGES = (
    ("P11", "/api/billing/usage/summary", "owner"),
    ("page", "/settings/billing", "owner"),
    ("root", "/admin/billing-overview", "root"),
)


def measure(stage: Stage, database: Db, sessions: Sessions) -> None:
    admin = sessions.of()
    tokens = {"owner": "bench-owner", "root": "bench-root"}
    for workers, rounds in ((1, 3), (2, 2)):
        cases = {
            path: Case(
                name if workers == 1 else f"{name}×2",
                f"{path}, {workers} worker{'s' if workers > 1 else ''}",
                "a constant after `select 1`",
                *((0.5, 0.8) if name == "P11" and workers == 1 else (None, None)),
                wanted="at least",
                unit="requests/s",
            )
            for name, path, _ in PAGES
        }
        with served(database, workers) as (process, port):
            for path, token in ((FLOOR, "owner"), *((p, role) for _, p, role in PAGES)):
                load.run(port, path, tokens[token], 1)
            for _ in range(min(rounds, stage.sizes.rounds)):
                for _, path, role in PAGES:
                    floor, of_floor = asked(stage, admin, process.pid, port, FLOOR, tokens[role])
                    found, of_case = asked(stage, admin, process.pid, port, path, tokens[role])
                    cases[path].floor.append(floor.per_second)
                    cases[path].values.append(found.per_second)
                    stage.facts[f"{path}, {workers} worker(s)"] = (
                        f"p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms; CPU a request: {of_case};"
                        f" of the floor: {of_floor}"
                    )
            if workers == 2:
                stage.facts["MB of memory per worker"] = [
                    round(resident(pid)) for pid in children(process.pid) if resident(pid) > 30
                ]
        stage.cases += cases.values()


def asked(
    stage: Stage, admin: reads.Connection, pid: int, port: int, path: str, token: str
) -> tuple[load.Load, str]:
    """A load, and the processor time that a request of it took on both sides."""
    settle(admin)
    before = computed(pid), backends(admin)
    found = load.run(port, path, token, stage.sizes.load_seconds)
    python, postgresql = computed(pid) - before[0], backends(admin) - before[1]
    return found, (
        f"{python / found.requests * 1e6:.0f} µs in Python,"
        f" {postgresql / found.requests * 1e6:.0f} µs in PostgreSQL"
    )


@contextmanager
def served(database: Db, workers: int) -> Generator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    environment = os.environ | {
        "BILLING_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{database.port}/{database.name}",
        "BILLING_PORT": str(port),
    }
    command = [sys.executable, "-m", "bench.web_app", str(port), str(workers)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 30
            while not answers(port):
                assert process.poll() is None, "the web application ended"
                assert time.monotonic() < end, "the web application did not start"
                time.sleep(0.1)
            yield process, port
        finally:
            process.terminate()


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


def settle(admin: reads.Connection) -> None:
    """Wait until nobody is being served any more: a load ends, its last requests go on."""
    busy = (
        "select count(*) from pg_stat_activity"
        " where usename in ('billing_tenant', 'billing_root') and state <> 'idle'"
    )
    end = time.monotonic() + 10
    while admin.execute(busy).fetchall()[0][0] and time.monotonic() < end:
        time.sleep(0.05)


def backends(admin: reads.Connection) -> float:
    """Seconds that the web logins' backends have computed."""
    pids = admin.execute(
        "select pid from pg_stat_activity where usename in ('billing_tenant', 'billing_root')"
    ).fetchall()
    return sum(computed(pid) for (pid,) in pids)


def resident(pid: int) -> float:
    """Megabytes that are a process's own."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
