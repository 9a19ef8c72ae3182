"""Backup, restore and uninstall as docs/operations.md says, into a server of their own."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.pages import section
from tests.past import add_tenants, rows, send, value
from tests.scratch import Scratch
from tests.server import BIN, OPTIONS, Db, Server

PAGE = "docs/operations.md"
CRON = OPTIONS.replace("cron.database_name=test", "cron.database_name=servicepro")
TABLES = (
    "messages", "tenants", "billing_usage_daily", "usage_days", "usage_runs", "late_day_markers",
    "usage_restatements", "users", "settings", "plans",
)  # fmt: skip


@pytest.fixture
def other() -> Iterator[Server]:
    """An empty server whose scheduler waits for the database."""
    server = Server(CRON)
    yield server
    server.end()


@pytest.fixture
def place(db: Db, other: Server, tmp_path: Path) -> Scratch:
    """A week: counted, one day restated, a late fact that waits."""
    now = datetime.now(UTC)
    rows(db, "update data.settings set billing_from = billing.utc_day(now()) - 7")
    (tenant,) = add_tenants(db, 1)
    week = [now - timedelta(days=n) for n in range(1, 8)]
    send(db, tenant, *week)
    rows(db, "select run_nightly()", login="billing_operator")
    send(db, tenant, week[2])
    rows(db, "select run_nightly()", login="billing_operator")
    assert value(db, "select count(*) > 0 from data.usage_restatements")
    send(db, tenant, week[4])
    url = f"postgresql://postgres@127.0.0.1:{other.port}"
    days = {"FIRST": week[-1].date().isoformat(), "LAST": week[0].date().isoformat()}
    place = Scratch(tmp_path, db, {"SERVER": f"{url}/postgres", "TARGET": f"{url}/servicepro"})
    place.env |= days | {"PATH": f"{BIN}:{place.env['PATH']}"}
    return place


def follow(place: Scratch, heading: str) -> None:
    done = place.sh("\n".join(section(PAGE, heading, "sh")))
    assert done.returncode == 0, done.stdout + done.stderr


def contents(db: Db) -> dict[str, Any]:
    query = "select to_jsonb(t)::text from data.{} as t order by 1"
    return {table: rows(db, query.format(table)) for table in TABLES}


def test_backup_restore_and_uninstall(place: Scratch, other: Server) -> None:
    """The same digest and the same rows; counting goes on where it was; afterwards nothing is left
    of it."""
    follow(place, "Backup")
    follow(place, "Restore")
    there = other.database("servicepro")
    assert contents(there) == contents(place.db)
    waiting = "select count(*) from data.late_day_markers"
    assert value(there, waiting) == 1
    assert value(there, "select run_usage('after')", login="billing_operator") == 0
    assert value(there, waiting) == 0
    assert (
        value(there, "select sum(rows_changed) from data.usage_runs where trigger = 'after'") == 1
    )
    jobs = "select count(*), bool_and(username = 'billing_aggregator') from cron.job"
    assert value(there, jobs) == (4, True)

    (uninstall,) = section(PAGE, "Uninstall", "sql")
    rows(there, uninstall)
    assert value(there, "select count(*) from pg_roles where rolname ~ '^billing_'") == 0
    left = "select nspname from pg_namespace where nspname in ('billing', 'data', 'yoyo')"
    assert rows(there, left) == []
    assert value(there, "select count(*) from cron.job") == 0


@pytest.mark.parametrize("role", ["billing_owner", "billing_aggregator"])
def test_a_dump_by_the_owner_is_refused_or_empty(place: Scratch, role: str) -> None:
    """Row-level security is forced: who is no superuser must not believe in such a dump."""
    dump = [BIN / "pg_dump", "-d", place.db.conninfo(), f"--role={role}", "-t", "data.messages"]
    refused = subprocess.run(dump, capture_output=True, text=True)
    assert refused.returncode != 0
    if role == "billing_owner":
        assert "row-level security" in refused.stderr
        empty = subprocess.run([*dump, "--enable-row-security"], capture_output=True, text=True)
        assert empty.returncode == 0
        copied = empty.stdout.partition("COPY data.messages")[2]
        assert copied.partition("\n")[2].startswith("\\.\n")
