"""docs/operations.md is followed to the letter: each red state is made, its run-book ends it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from psycopg import errors

from app.settings import LOGINS, ROOT
from tests.browsing import browsing
from tests.pages import blocks, section
from tests.past import add_tenants, break_days, mend_days, rows, send, value
from tests.scratch import Done, Scratch
from tests.server import Db
from tests.test_00_passwords import asking

PAGE = "docs/operations.md"


@pytest.fixture
def place(db: Db, tmp_path: Path) -> Iterator[Scratch]:
    """Five days, the first of them counted; $DAY is that day."""
    rows(db, "update data.settings set billing_from = billing.utc_day(now()) - 5")
    (tenant,) = add_tenants(db, 1)
    first = value(db, "select billing_from::timestamp at time zone 'UTC' from data.settings")
    send(db, tenant, *[first + timedelta(days=n, hours=12) for n in range(5)])
    rows(db, "select aggregate_usage(billing_from) from data.settings")
    yield Scratch(tmp_path, db, {"DAY": first.date().isoformat()})


def follow(place: Scratch, heading: str) -> Done:
    """Every shell block of a run-book."""
    done = place.sh("\n".join(section(PAGE, heading, "sh")))
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def ask(db: Db, heading: str, number: int = 0) -> list[object]:
    """What a query of a run-book finds."""
    return rows(db, section(PAGE, heading, "sql")[number])


def is_ready(db: Db) -> bool:
    with browsing(db) as browser:
        return browser.get("/readyz").status_code == 200


def count(db: Db) -> None:
    rows(db, "select run_usage('test')", login="billing_operator")


def test_stale_numbers(place: Scratch) -> None:
    assert not is_ready(place.db)
    follow(place, "Stale numbers or missing days")
    assert is_ready(place.db)


def test_a_late_night(place: Scratch) -> None:
    count(place.db)
    rows(place.db, "update data.usage_runs set as_of = now() - interval '2 days' where is_nightly")
    assert not is_ready(place.db)
    checked = place.sh("billing check")
    assert checked.returncode == 1
    assert "The night's work is late: it was last done at" in checked.stdout
    follow(place, "The night's work is late")
    assert is_ready(place.db)
    assert "night's work" not in place.sh("billing check").stdout


def test_a_day_held_open(place: Scratch) -> None:
    """As it is when a transaction that has written yesterday is still open."""
    yesterday = "billing.utc_day(now()) - date '2000-01-02'"
    with place.db.connect() as holder:
        holder.execute(f"select pg_advisory_lock_shared(770038, {yesterday})".encode())
        assert f"by session {holder.info.backend_pid}" in place.sh("billing check").stdout
        for query in section(PAGE, "A day does not become complete", "sql"):
            rows(place.db, query)
    assert "held open" not in place.sh("billing check").stdout


def test_a_failed_day(place: Scratch) -> None:
    break_days(place.db, "new.usage_date = (select billing_from + 1 from data.settings)")
    assert place.sh("billing run").returncode == 1
    (found,) = ask(place.db, "A day failed")
    assert "broken on purpose" in str(found)
    mend_days(place.db)
    follow(place, "A day failed")
    assert ask(place.db, "A day failed") == []


def test_runs_that_fail(place: Scratch) -> None:
    send(place.db, value(place.db, "select id from data.tenants"), datetime.now(UTC))
    break_days(place.db, "true")
    for _ in range(2):
        assert place.sh("billing run").returncode == 1
    ((failure, reason),) = ask(place.db, "Counting fails")  # type: ignore[misc]
    assert failure == "The last runs all failed"
    assert "broken on purpose" in str(reason)
    assert not is_ready(place.db)
    mend_days(place.db)
    follow(place, "Counting fails")
    assert ask(place.db, "Counting fails") == []
    assert is_ready(place.db)


def test_a_difference(place: Scratch) -> None:
    count(place.db)
    rows(place.db, "update data.billing_usage_daily set emails_sent = 7")
    assert place.sh('billing verify "$DAY"').returncode == 1
    assert "0 differences" in follow(place, "Verify finds a difference").stdout


def test_unclassified_rows(place: Scratch) -> None:
    rows(
        place.db,
        "with known as (delete from data.messages returning *) insert into data.messages"
        " select f.* from known as k, jsonb_populate_record("
        ' null::data.messages, to_jsonb(k) || \'{"status": "warp"}\') as f',
    )
    count(place.db)
    ((source, status, number, *_),) = ask(place.db, "Unclassified rows")  # type: ignore[misc]
    assert (source, status, number) == ("messages", "warp", 5)
    assert ask(place.db, "Unclassified rows", 1) == [5]
    rows(place.db, "update data.messages set status = 'sent'", login="billing_ingest")
    count(place.db)
    assert ask(place.db, "Unclassified rows", 1) == [0]


def test_a_contradiction(place: Scratch) -> None:
    rows(place.db, "update data.messages set status = 'delivered'")
    rows(place.db, "update data.messages set status = 'failed' where provider_id ="
                   " (select min(provider_id) from data.messages)")  # fmt: skip
    listed = place.sh("billing quality contradicted").stdout
    assert "'delivered, then failed'" in listed
    where = "select tenant_id::text, provider_id from data.contradicted_facts"
    place.env["TENANT"], place.env["ID"] = value(place.db, where)
    follow(place, "A status contradicts another")
    assert place.sh("billing quality contradicted").stdout == ""
    counts = "select count(*) filter (where status = 'failed'), count(*) from data.messages"
    assert value(place.db, counts) == (1, 5)
    assert value(place.db, "select sum(sms_outbound_count) from data.billing_usage_daily") == 4


def test_triggers_that_did_not_fire(place: Scratch) -> None:
    """As a restore of data alone leaves them."""
    count(place.db)
    rows(place.db, "alter table data.messages disable trigger all")
    rows(place.db, "update data.messages set status = 'failed'")
    rows(place.db, "alter table data.messages enable trigger all")
    assert place.sh("billing check").returncode == 5
    end = value(place.db, "select billing_from + 5 from data.settings")
    place.env["END"] = end.isoformat()
    follow(place, "Triggers did not fire")
    assert value(place.db, "select sum(sms_outbound_count) from data.billing_usage_daily") == 0


def test_orphaned_rows(place: Scratch) -> None:
    stranger, at = value(place.db, "select gen_random_uuid(), max(occurred_at) from data.messages")
    send(place.db, stranger, at)
    count(place.db)
    ((found, *_),) = ask(place.db, "Orphaned rows")  # type: ignore[misc]
    assert found == stranger
    rows(place.db, "insert into data.tenants (id, name) values (%s, 'Known')", stranger)
    count(place.db)
    assert ask(place.db, "Orphaned rows") == []
    counted = "select sms_outbound_count from data.billing_usage_daily where tenant_id = %s"
    assert value(place.db, counted, stranger) == 1


def test_drift(place: Scratch) -> None:
    rows(place.db, "grant select on data.messages to billing_tenant")
    assert "drifted" in place.sh("billing check || true").stdout
    follow(place, "The release has drifted")
    follow(place, "Upgrade")


def test_a_login_that_changed_itself(place: Scratch, tmp_path: Path) -> None:
    """Its password and its settings, in this database and in all."""
    file = tmp_path / "passwords"
    place.env |= {"BILLING_PASSFILE": str(file), "PGPASSFILE": str(file)}
    with asking(place.db):
        try:
            follow(place, "A login is refused")
            for change in ("password 'x'", "set statement_timeout = 1"):
                rows(place.db, f"alter role billing_tenant {change}")
            rows(place.db, f"alter role billing_root in database {place.db.name} set jit = on")
            told = place.sh("billing check")
            assert told.returncode == 5
            for words in ("login refused: billing_tenant", "role setting differs: billing_tenant",
                          "role setting unknown: billing_root: jit in database"):  # fmt: skip
                assert words in told.stdout
            follow(place, "A login is refused")
        finally:
            for login in LOGINS:
                rows(place.db, f"alter role billing_{login} password null")


def test_a_lock_that_is_held(place: Scratch) -> None:
    rows(place.db, "grant select on data.messages to billing_tenant")
    with place.db.connect("billing_ingest", autocommit=False) as holder:
        holder.execute("select from data.messages")
        refused = place.sh("billing migrate")
        assert refused.returncode == 3
        named = re.search(r"session (\d+) \(billing_ingest", refused.stderr)
        assert named and int(named[1]) == holder.info.backend_pid
        place.env["PID"] = named[1]
        follow(place, "Migrate does not get its locks")
        with pytest.raises(errors.AdminShutdown):
            holder.execute("select 1")


def test_a_sealed_day(place: Scratch) -> None:
    rows(place.db, "update data.usage_days set sealed_at = now()")
    refused = place.sh('billing aggregate "$DAY"')
    assert refused.returncode == 3
    assert "is sealed" in refused.stderr
    assert "Sealed, can no longer be recounted" in follow(place, "A sealed day refuses").stdout


def test_where_failures_to_sign_in_come_from(place: Scratch) -> None:
    for number in range(3):
        value(
            place.db,
            "select begin_sign_in(%s, %s, null)",
            *(f"{number}@many.example", "192.0.2.1" if number else "192.0.2.2"),
            login="billing_auth",
        )
    found = ask(place.db, "Somebody cannot sign in")
    assert [str(row[0]) + " " + str(row[1]) for row in cast("list[Any]", found)] == [
        "192.0.2.1 2",
        "192.0.2.2 1",
    ]


def test_room_again(place: Scratch) -> None:
    """The disk itself is filled in tests/test_46_full_disk.py."""
    follow(place, "The disk is full")


def test_nothing_on_the_page_is_left_out() -> None:
    """Each block that can be run is run by a test here or in the files that are named for it."""
    elsewhere = {
        "A job is missing": "tests/test_46_scheduler.py",
        "pg_cron is silent": "tests/test_46_scheduler.py",
        "Backup": "tests/test_docs_backup.py",
        "Restore": "tests/test_docs_backup.py",
        "Uninstall": "tests/test_docs_backup.py",
    }
    here = Path(__file__).read_text()
    for block in blocks(PAGE):
        if block.not_run is None:
            file = elsewhere.get(block.heading)
            text = here if file is None else (ROOT / file).read_text()
            assert f'"{block.heading}"' in text, block
