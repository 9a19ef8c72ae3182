"""Numbers that will not come: whatever the cause, /readyz and `billing check` say so, before those
that are there are old."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app import release
from tests import server as servers
from tests.browsing import browsing
from tests.checkout import copy_programs, new_place
from tests.command_line import billing_on
from tests.past import rows, value
from tests.server import OPTIONS, Db, Server


@pytest.fixture
def cron(cluster: Server) -> Iterator[Db]:
    """One minute after a server's start, nothing has run but a first time."""
    db = cluster.database("test")
    rows(db, "update data.settings set billing_from = billing.utc_day(now()) - 1")
    rows(db, "delete from cron.job_run_details")
    rows(db, "select run_usage('first')")
    yield db
    rows(db, "delete from cron.job_run_details")
    rows(db, "truncate data.usage_days, data.usage_runs cascade")


@pytest.fixture
def long_running(cron: Db) -> Iterator[Db]:
    """Its server started long ago, as far as our functions can see."""
    names = "counting_failures", "failing_jobs"
    query = "select prosrc from pg_proc where proname = %s"
    sources = [(value(cron, query, name), name) for name in names]
    change = "update pg_proc set prosrc = %s where proname = %s"
    for source, name in sources:
        assert "pg_postmaster_start_time()" in source
        rows(cron, change, source.replace("pg_postmaster_start_time()", "'-infinity'"), name)
    yield cron
    for source in sources:
        rows(cron, change, *source)


def ran(db: Db, *states: str, minutes: int = 0) -> None:
    """Entries of the tick in pg_cron's log, oldest first; each began that long ago."""
    for state in states:
        rows(
            db,
            "insert into cron.job_run_details (jobid, runid, database, username, status,"
            " return_message, start_time, end_time)"
            " select (select jobid from cron.job where jobname = 'billing tick'),"
            " coalesce(max(runid), 900000) + 1, 'test', 'billing_aggregator', %s, 'its reason',"
            " clock_timestamp() - make_interval(mins => %s),"
            " case when %s then clock_timestamp() end from cron.job_run_details",
            *(state, minutes, state != "running"),
        )


def told(db: Db) -> list[str]:
    """What /readyz says; `billing check` says the same, with the reasons."""
    with browsing(db) as browser:
        answer = browser.get("/readyz")
    problems = [text.partition(": `billing check`")[0] for text in answer.json()["problems"]]
    done = billing_on(db, "check")
    failing = [line for line in done.output.splitlines() if line.startswith("failing: ")]
    assert answer.status_code == (503 if problems else 200)
    assert (done.exit_code != 0) == bool(problems or "drifted" in done.output), done.output
    assert [line.removeprefix("failing: ").partition(": ")[0] for line in failing] == problems
    return problems


def test_a_sound_scheduler(cron: Db) -> None:
    assert told(cron) == []
    ran(cron, "failed", "failed", "succeeded", "running")
    assert told(cron) == []
    ran(cron, "failed")  # one may have met a release
    assert told(cron) == []


@pytest.mark.parametrize("states", [("failed", "failed"), ("succeeded", *["failed"] * 3)])
def test_a_job_that_fails_again_and_again(cron: Db, states: tuple[str, ...]) -> None:
    ran(cron, *states)
    assert told(cron) == ["pg_cron's job billing tick fails"]
    assert "its reason" in billing_on(cron, "check").output
    with browsing(cron) as browser:
        assert "reason" not in browser.get("/readyz").text
    ran(cron, "succeeded")
    assert told(cron) == []


def test_runs_that_begin_and_never_end(long_running: Db) -> None:
    ran(long_running, "running", "running", minutes=20)
    assert told(long_running) == ["pg_cron's job billing tick fails"]


def test_what_failed_before_the_server_was_restarted_is_over(cron: Db) -> None:
    ran(cron, "failed", "failed", "failed", minutes=100_000)
    assert told(cron) == []


def test_runs_that_all_fail(cron: Db) -> None:
    """Whoever starts them: the ledger knows."""
    rows(
        cron,
        "create function data.broken() returns trigger language plpgsql as"
        " $$ begin raise exception 'no'; end $$;"
        "create trigger broken before insert or update on data.usage_days for each row"
        " when (new.last_error is null) execute function data.broken()",
    )
    try:
        for _ in range(3):
            rows(cron, "select run_usage('any')")
        assert told(cron) == ["The last runs all failed"]
    finally:
        rows(cron, "drop function data.broken() cascade")
    assert "failing" not in billing_on(cron, "migrate").output  # what was is not its business
    rows(cron, "select run_usage('any')")
    assert told(cron) == []


def test_a_scheduler_that_does_not_call(long_running: Db) -> None:
    db, late = long_running, timedelta(minutes=31)
    rows(db, "update data.usage_runs set finished_at = finished_at - %s", late)
    assert told(db) == ["Nothing counts, though pg_cron has our jobs"]
    rows(db, "update data.settings set billing_from = billing.utc_day(now()) + 1")
    assert told(db) == []  # there is nothing to count


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Db, Path]]:
    """A database, and the libraries of its server, which a package may replace."""
    place = new_place()
    home = copy_programs(place)
    monkeypatch.setattr(servers, "BIN", home / "bin")
    server = Server(OPTIONS.replace(",plpgsql_check", ""))  # that one brings PL/pgSQL along
    try:
        db = server.create("replaced")
        release.migrate(db.settings(), lambda _: None)
        rows(db, "select run_usage('first')")
        yield db, home / "lib"
    finally:
        server.end()
        shutil.rmtree(place)


def test_new_sessions_cannot_load_plpgsql(replaced: tuple[Db, Path]) -> None:
    """As under a server of before an upgrade: old sessions count, new ones cannot."""
    db, libraries = replaced
    library = libraries / "plpgsql.so"
    with db.connect() as old:
        old.execute("select billing.run_usage('old session')")
        new = library.with_name("new")
        new.write_bytes(b"\x7fELF of another build")
        new.replace(library)
        old.execute("select billing.run_usage('old session')")
    with browsing(db) as browser:
        answer = browser.get("/readyz")
    assert answer.status_code == 503, answer.text
    assert "could not load library" not in answer.text
    done = billing_on(db, "check")
    assert done.exit_code == 3
    assert "could not load library" in done.output
    assert "`make run` restarts the embedded one" in done.output
