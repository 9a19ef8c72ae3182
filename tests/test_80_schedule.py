"""pg_cron, for real: a cluster of its own whose scheduler counts without being asked."""

import time

import pytest
from psycopg import errors

from app import check, release
from tests.past import rows, value
from tests.server import Db, Server

JOBS = {
    "billing tick": "*/5 * * * *",
    "billing reboot": "@reboot",
    "billing nightly": "0 4 * * *",
    "billing prune job log": "30 3 * * *",
}
MINE = "billing_aggregator"


@pytest.fixture
def cron(cluster: Server) -> Db:
    """That database, put right after whatever the last test did to it."""
    db = cluster.database("test")
    migrate(db)
    return db


def migrate(db: Db) -> None:
    release.migrate(db.settings(), lambda _: None)


def jobs(db: Db) -> dict[str, str]:
    found = rows(db, "select jobname, schedule from cron.job")
    assert len(dict(found)) == len(found)
    return dict(found)


def job_findings(db: Db) -> list[tuple[str, str]]:
    return rows(
        db,
        "select rule, object from findings where rule ~ '^(job|scheduler)' order by 1, 2",
        login="billing_operator",
    )


def miss_three_days(db: Db) -> None:
    """Leave three days and today to be counted, each with an SMS, and only our jobs to do it."""
    rows(db, "update data.settings set billing_from = billing.utc_day(now()) - 3")
    for table in ("usage_days", "usage_runs", "billing_usage_daily", "messages"):
        rows(db, f"delete from data.{table}")  # noqa: S608
    rows(
        db,
        "with new as (insert into data.tenants (name) values ('Tenant') returning id)"
        " insert into data.messages"
        "  (tenant_id, occurred_at, provider_id, channel, direction, status)"
        " select id, now() - n * interval '1 day', 'SM' || n, 'sms', 'outbound', 'sent'"
        " from new, generate_series(0, 3) as n",
    )


def wait_for_run(db: Db, trigger: str, seconds: float) -> None:
    """Until pg_cron has let the counting role run what the job says."""
    deadline = time.monotonic() + seconds
    while not value(
        db,
        "select exists (select from data.usage_runs where trigger = %s and started_by = %s"
        " and days_counted >= 4 and outcome = 'succeeded')",
        trigger,
        MINE,
    ):
        assert time.monotonic() < deadline, rows(db, "select * from cron.job_run_details")
        time.sleep(0.1)
    assert value(db, "select count(*) from data.usage_days where state = 'complete'") >= 3
    assert value(db, "select count(*) from data.billing_usage_daily") >= 4


def test_the_jobs_exist_once_however_often_one_migrates(cron: Db) -> None:
    """By name, as the role that counts, in this database."""
    migrate(cron)
    assert jobs(cron) == JOBS
    assert rows(cron, "select distinct username, database, active from cron.job") == [
        (MINE, "test", True)
    ]
    assert job_findings(cron) == []
    assert check.check(cron.settings()) == []


@pytest.mark.parametrize(
    "harm",
    [
        "delete from cron.job where jobname = 'billing tick'",
        "update cron.job set active = false where jobname = 'billing tick'",
    ],
)
def test_a_job_that_was_lost_comes_back(cron: Db, harm: str) -> None:
    """Removed or switched off by hand: a finding, and gone with the next migrate."""
    rows(cron, harm)
    assert job_findings(cron) == [("job_missing", "billing tick")]
    migrate(cron)
    assert job_findings(cron) == []
    assert jobs(cron) == JOBS


def test_a_foreign_job_of_the_counting_role_is_removed(cron: Db) -> None:
    """Other roles' jobs are none of our business."""
    rows(cron, "select cron.schedule('theirs', '0 0 1 1 *', 'select 1')")
    rows(cron, "select cron.schedule('stray', '0 0 1 1 *', 'select 1')", login=MINE)
    assert job_findings(cron) == [("job_unknown", "stray")]
    migrate(cron)
    assert job_findings(cron) == []
    assert jobs(cron) == JOBS | {"theirs": "0 0 1 1 *"}
    rows(cron, "select cron.unschedule('theirs')")


def test_jobs_whose_role_cannot_log_in_are_a_finding(cron: Db) -> None:
    """pg_cron would fail all of them, and say so only in its own log."""
    rows(cron, "alter role billing_aggregator nologin")
    try:
        assert job_findings(cron) == [("job_cannot_log_in", name) for name in sorted(JOBS)]
    finally:
        rows(cron, "alter role billing_aggregator login")
    assert job_findings(cron) == []


def test_the_nightly_hour_is_in_force_at_once(cron: Db) -> None:
    """R4: the time of the nightly run is one setting."""
    for hour in ("7", "4"):
        rows(cron, "select change_setting('nightly_hour_utc', %s)", hour, login="billing_operator")
        assert jobs(cron) == JOBS | {"billing nightly": f"0 {hour} * * *"}


def test_pruning_takes_our_own_old_entries_and_no_others(cron: Db) -> None:
    """Entries grow for ever otherwise; what other roles ran is theirs to keep."""
    for runid, username, started, ended in [
        (900, MINE, None, None),  # the server stopped before it began
        (901, MINE, 8, None),  # and while it ran
        (902, MINE, 8, 8),
        (903, MINE, 6, 6),
        (904, MINE, 6, None),
        (905, MINE, None, None),
        (906, "postgres", 8, 8),
    ]:
        rows(
            cron,
            "insert into cron.job_run_details (runid, username, start_time, end_time) values"
            " (%s, %s, now() - make_interval(days => %s), now() - make_interval(days => %s))",
            *(runid, username, started, ended),
        )
    (prune,) = rows(cron, "select command from cron.job where jobname = 'billing prune job log'")
    rows(cron, prune, login=MINE)
    left = rows(cron, "select runid from cron.job_run_details where runid >= 900 order by 1")
    assert left == [903, 904, 905, 906]


def test_a_restart_fills_the_days_that_were_missed(cron: Db, cluster: Server) -> None:
    """R5: the server was down; the job at its start counts before anybody asks."""
    rows(cron, "update cron.job set active = false where jobname = 'billing tick'")
    miss_three_days(cron)
    cluster.terminate()
    cluster.start()
    wait_for_run(cron, "reboot", 30)


@pytest.mark.slow
def test_the_tick_fills_the_days_that_were_missed(cron: Db) -> None:
    """R5: nobody does anything, and within a tick every day is there."""
    miss_three_days(cron)
    rows(cron, "update cron.job set schedule = '* * * * *' where jobname = 'billing tick'")
    wait_for_run(cron, "pg_cron", 75)
    assert "succeeded" in rows(
        cron,
        "select status from cron.job_run_details join cron.job using (jobid)"
        " where jobname = 'billing tick'",
    )


@pytest.mark.parametrize("login", ["billing_tenant", "billing_root", "billing_auth"])
def test_the_scheduler_is_out_of_reach_of_the_web(cron: Db, login: str) -> None:
    with cron.connect(login) as connection:
        for attack in ("select * from cron.job", "select cron.schedule('* * * * *', 'select 1')"):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(attack)


def test_without_pg_cron_everything_else_works(db: Db) -> None:
    """Advice in a sentence, no finding that would keep the application from starting."""
    rows(db, "select schedule_jobs()")
    (advice,) = check.check(db.settings())
    assert advice.kind == "advice"
    assert str(advice) == (
        "advice: scheduler missing: pg_cron. Nothing counts by itself: install pg_cron here, or"
        " call `billing run` from any scheduler."
    )
