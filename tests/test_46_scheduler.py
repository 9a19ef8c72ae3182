"""pg_cron falls silent: the age of the data tells, and another clock counts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from app import release
from app.web import create_app
from tests.browsing import browsing
from tests.pages import section
from tests.past import last_run, rows, value
from tests.scratch import Scratch
from tests.server import Db, Server
from tests.together import eventually

LAUNCHER = "select pid from pg_stat_activity where backend_type = 'pg_cron launcher'"
COUNTING = "select pid from pg_stat_activity where usename = 'billing_aggregator'"
PAGE = "docs/operations.md"
COMPLAINT = 'role "departed" does not exist'


@pytest.fixture
def cron(cluster: Server) -> Iterator[Db]:
    """The launcher was terminated. Billing began five days ago, the last three days were not
    counted. Whatever the test does to the scheduler is put right."""
    db = cluster.database("test")
    eventually(lambda: rows(db, LAUNCHER))
    rows(db, f"select pg_terminate_backend(l.pid) from ({LAUNCHER}) as l")  # noqa: S608
    eventually(lambda: rows(db, LAUNCHER) + rows(db, COUNTING) == [])
    rows(db, "update data.settings set billing_from = billing.utc_day(now()) - 5")
    for table in ("usage_days", "usage_runs"):
        rows(db, f"delete from data.{table}")  # noqa: S608
    rows(db, "select run_usage('earlier', (utc_day(now()) - 3)::timestamp at time zone 'UTC')")
    yield db
    rows(db, "alter role billing_aggregator login")
    rows(db, "delete from cron.job where username = 'departed'")
    restart(cluster)
    release.migrate(db.settings(), lambda _: None)


def restart(cluster: Server) -> None:
    cluster.terminate()
    cluster.start()


def is_red(db: Db) -> bool:
    """What /readyz, and with it whoever watches, says of the age of the data."""
    with browsing(db) as browser:
        answer = browser.get("/readyz")
    assert answer.status_code in (200, 503)
    if answer.status_code == 503:
        problem, *_ = answer.json()["problems"]
        age = re.search(r"ended (\d+) hours ago: run `billing run`", problem)
        assert age and int(age[1]) > 72
    return answer.status_code == 503


def job_findings(db: Db) -> list[str]:
    query = "select distinct rule from findings where rule ~ '^(job|scheduler)'"
    return rows(db, query, login="billing_operator")


def the_web_application_counts(db: Db) -> bool:
    with TestClient(create_app(db.settings())):
        eventually(lambda: value(db, "select not is_stale from usage_health"))
    return last_run(db, "trigger") == "web start"


def test_a_launcher_that_was_terminated(cron: Db) -> None:
    """It does not come back, its jobs are all in order, and nothing counts any more."""
    assert job_findings(cron) == []
    assert is_red(cron)
    assert the_web_application_counts(cron)
    assert not is_red(cron)
    assert rows(cron, LAUNCHER) == []


def test_a_role_that_was_dropped_stops_all_jobs(cron: Db, cluster: Server) -> None:
    """Anybody's role that had a job: the launcher fails over it again and again. With the job gone
    it is back by itself and makes up for what was missed."""
    rows(cron, "create role departed login; grant usage on schema cron to departed")
    rows(cron, "grant connect on database test to departed")
    rows(cron, "select cron.schedule('theirs', '0 0 1 1 *', 'select 1')", login="departed")
    rows(cron, "drop owned by departed; drop role departed")
    restart(cluster)
    eventually(lambda: cluster.read_bootlog().count(COMPLAINT) >= 2)
    assert job_findings(cron) == []
    assert is_red(cron)
    (remedy, launcher) = section(PAGE, "pg_cron is silent", "sql")
    assert rows(cron, launcher) == []
    rows(cron, remedy)
    eventually(lambda: rows(cron, launcher))
    eventually(lambda: value(cron, "select not is_stale from usage_health"))
    assert last_run(cron, "trigger") == "reboot"


def test_a_role_that_may_not_log_in(cron: Db, cluster: Server, tmp_path: Path) -> None:
    """The counting role itself: a finding, and red all the same for whoever does not look. A job
    is lost besides; the run-book brings both back."""
    rows(cron, "delete from cron.job where jobname = 'billing tick'")
    rows(cron, "alter role billing_aggregator nologin")
    restart(cluster)
    failed = "select count(*) from cron.job_run_details where status = 'failed'"
    eventually(lambda: value(cron, failed) or "not permitted to log in" in cluster.read_bootlog())
    assert set(job_findings(cron)) == {"job_cannot_log_in", "job_missing"}
    assert is_red(cron)
    assert the_web_application_counts(cron)
    assert not is_red(cron)
    done = Scratch(tmp_path, cron).sh("\n".join(section(PAGE, "A job is missing", "sh")))
    assert done.returncode == 0, done.stdout + done.stderr
    assert job_findings(cron) == []
