"""The clocks that are not pg_cron: `billing run` from any scheduler, and the web application."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from litestar.testing import TestClient
from structlog.testing import capture_logs

from app import trigger
from app.web import create_app
from tests.command_line import PROGRAM
from tests.past import add_tenants, break_days, last_run, mend_days, rows, value
from tests.server import Db


@pytest.fixture(autouse=True)
def billing_began_two_days_ago(db: Db) -> None:
    """With an SMS on each day. A test that crosses midnight has one day more."""
    rows(db, "update settings set billing_from = utc_day(now()) - 2")
    add_tenants(db, 1)
    rows(
        db,
        "insert into messages (tenant_id, occurred_at, provider_id, channel, direction, status)"
        " select id, now() - n * interval '1 day', 'SM' || n, 'sms', 'outbound', 'sent'"
        " from tenants, generate_series(0, 2) as n",
    )


def billing(db: Db, *words: str, port: int | None = None) -> subprocess.CompletedProcess[str]:
    """`billing`, its output in pipes."""
    return subprocess.run(
        [PROGRAM, *words],
        env=os.environ | {"BILLING_DATABASE_URL": db.url(port=port or db.port)},
        capture_output=True,
        text=True,
    )


def eventually(db: Db, query: str) -> None:
    """Wait until the query says true."""
    deadline = time.monotonic() + 20
    while not value(db, query):
        assert time.monotonic() < deadline, query
        time.sleep(0.02)


def runs_by(who: str) -> str:
    return f"select count(*) from usage_runs where trigger = '{who}'"  # noqa: S608


def test_billing_run_counts_until_nothing_is_due(db: Db) -> None:
    """In a pipe: one line, no progress, exit code 0; as often as you like."""
    rows(db, "update settings set billing_from = utc_day(now()) - 39")
    done = billing(db, "run", "--trigger", "a test")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" days counted, 3 rows changed.\n")
    assert done.stdout.count("\n") == 1
    runs = "select distinct trigger, started_by from usage_runs where not is_nightly"
    assert rows(db, runs) == [("a test", "billing_operator")]
    assert value(db, "select count(*) from usage_days where state = 'complete'") >= 39
    assert billing(db, "run").stdout.endswith(" counted, 0 rows changed.\n")


def test_billing_run_says_what_stays_due(db: Db) -> None:
    """Exit code 1 and the reason; what could be counted is kept."""
    first = value(db, "select billing_from from settings")
    break_days(db, f"new.usage_date = '{first}'")
    done = billing(db, "run")
    assert done.returncode == 1
    assert done.stderr == f"billing: Still due: 1 day: {first}: broken on purpose (P0001)\n"
    assert value(db, "select count(*) from usage_days where state <> 'failed'") >= 2
    mend_days(db)
    assert billing(db, "run").returncode == 0


@pytest.mark.parametrize("ran_before", [False, True])
def test_billing_run_does_not_claim_what_another_counts(db: Db, ran_before: bool) -> None:
    """While somebody else runs, nothing is counted here, and the exit code says so."""
    if ran_before:
        rows(db, "select run_usage('earlier', now() - interval '1 day')")
    with db.connect("billing_operator", autocommit=False) as other:
        other.execute("select run_usage('other')")
        done = billing(db, "run")
    assert done.returncode == 1
    assert done.stdout == "0 days counted, 0 rows changed.\n"
    assert done.stderr.startswith("billing: Still due: ")
    assert done.stderr.endswith(": somebody else is counting them\n")


def test_billing_run_without_a_server(db: Db) -> None:
    """Exit code 4 and one sentence."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        done = billing(db, "run", port=probe.getsockname()[1])
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("billing: The database cannot be reached: ")
    assert done.stderr.count("\n") == 1


@contextmanager
def web_app(db: Db, **options: Any) -> Iterator[None]:
    with TestClient(create_app(db.settings(), **options)):
        yield


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The web application looks every 50 ms instead of every 5 minutes."""
    monkeypatch.setattr(trigger, "PAUSE", 0.05)


def test_the_web_application_counts_at_start(db: Db) -> None:
    """Whatever ran a moment ago: a day that nobody counted does not wait for a quarter hour."""
    rows(db, "select run_usage('earlier', now() - interval '1 day')")
    with web_app(db):
        eventually(db, runs_by("web start"))
    days, outcome = last_run(db, "days_counted, outcome")
    assert (days >= 2, outcome) == (True, "succeeded")


@pytest.mark.usefixtures("quick")
def test_the_web_application_counts_when_nobody_else_did(db: Db) -> None:
    """Three missed ticks of pg_cron, 15 minutes, are what it waits for."""
    with web_app(db):
        eventually(db, runs_by("web start"))
        rows(db, "update usage_runs set finished_at = now() - interval '14 minutes'")
        time.sleep(0.5)
        assert value(db, runs_by("web")) == 0
        rows(db, "update usage_runs set finished_at = now() - interval '16 minutes'")
        eventually(db, runs_by("web"))
        time.sleep(0.5)
    assert value(db, runs_by("web")) == 1


@pytest.mark.usefixtures("quick")
def test_the_web_application_outlives_its_database(db: Db) -> None:
    """While the database is away it says so and goes on; afterwards it counts again."""
    with web_app(db), capture_logs() as log:  # the application sets up its logs when it is made
        eventually(db, runs_by("web start"))
        rows(db, "update usage_runs set finished_at = now() - interval '1 hour'")
        server = Db("postgres", db.port)
        rows(server, f"alter database {db.name} allow_connections false")
        rows(
            server,
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
            db.name,
        )
        deadline = time.monotonic() + 20
        while not log and time.monotonic() < deadline:
            time.sleep(0.02)
        rows(server, f"alter database {db.name} allow_connections true")
        eventually(db, runs_by("web"))
    assert {(entry["event"], entry["log_level"]) for entry in log} == {
        ("counting_failed", "warning")
    }


@pytest.mark.usefixtures("quick")
def test_the_web_application_can_be_told_not_to_count(db: Db) -> None:
    with web_app(db, ticks=False):
        time.sleep(0.5)
    assert value(db, "select count(*) from usage_runs") == 0
