"""The one row that pg_cron can see: read and changed by the operator, and by `billing settings`."""

from datetime import date
from typing import Any

import pytest
from psycopg import errors

from tests.command_line import billing_on
from tests.past import rows, value
from tests.server import Db

BAD = [
    ("billing_from", "soon"),
    ("billing_from", "2026-02-30"),
    ("billing_from", "1999-12-31"),
    ("billing_from", "infinity"),
    ("billing_from", None),
    ("nightly_hour_utc", "0"),
    ("nightly_hour_utc", "23"),
    ("nightly_hour_utc", "4.5"),
    ("nightly_hour_utc", None),
    ("nightly_window_days", "0"),
    ("nightly_window_days", "30"),
    ("stale_after_hours", "-1"),
    ("stale_after_hours", "99999999999"),
    ("raw_retention_days", "69"),
    ("raw_retention_days", "ten"),
]


def change(db: Db, name: str | None, new: str | None) -> None:
    rows(db, "select change_setting(%s, %s)", name, new, login="billing_operator")


def settings_of(db: Db) -> Any:
    return value(db, "select * from settings")


def test_every_setting_is_read_with_its_meaning(db: Db) -> None:
    """Every column but the key, in order, with the comment on it."""
    found = rows(db, "select * from read_settings()", login="billing_operator")
    assert [(name, new) for name, new, _ in found[1:]] == [
        ("nightly_hour_utc", "4"),
        ("nightly_window_days", "10"),
        ("stale_after_hours", "26"),
        ("raw_retention_days", None),
        ("session_idle_minutes", "60"),
        ("session_max_hours", "12"),
    ]
    assert found[0][0] == "billing_from"
    assert date.fromisoformat(found[0][1]).day == 1
    assert all(meaning for _, _, meaning in found)


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("billing_from", "2025-03-01"),
        ("nightly_hour_utc", "5"),
        ("nightly_window_days", "29"),
        ("stale_after_hours", "1"),
        ("raw_retention_days", "70"),
        ("raw_retention_days", None),
        ("session_idle_minutes", "60"),
        ("session_max_hours", "12"),
    ],
)
def test_a_setting_is_changed_and_no_other(module_db: Db, name: str, new: str | None) -> None:
    before = dict(rows(module_db, "select name, value from read_settings()"))
    change(module_db, name, new)
    assert dict(rows(module_db, "select name, value from read_settings()")) == before | {name: new}


@pytest.mark.parametrize(("name", "new"), BAD)
def test_a_bad_value_is_refused(module_db: Db, name: str, new: str | None) -> None:
    """22023, the setting and the value are named, nothing is changed."""
    before = settings_of(module_db)
    with pytest.raises(errors.InvalidParameterValue) as caught:
        change(module_db, name, new)
    shown = "NULL" if new is None else f"'{new}'"
    assert caught.value.diag.message_primary == f"setting {name} cannot be {shown}"
    assert settings_of(module_db) == before


@pytest.mark.parametrize("name", ["colour", "only_row", "", None])
def test_an_unknown_setting_is_refused(module_db: Db, name: str | None) -> None:
    """42704, and the hint lists those that exist."""
    with pytest.raises(errors.UndefinedObject) as caught:
        change(module_db, name, "1")
    assert caught.value.diag.message_hint == (
        "One of: billing_from, nightly_hour_utc, nightly_window_days, stale_after_hours,"
        " raw_retention_days, session_idle_minutes, session_max_hours"
    )


def test_only_the_operator_changes_settings(module_db: Db) -> None:
    """Web logins and writers of facts neither read nor change them; nobody writes the table."""
    for login in ("billing_tenant", "billing_root", "billing_auth", "billing_ingest"):
        for call in ("billing.read_settings()", "billing.change_setting('stale_after_hours', '1')"):
            with pytest.raises(errors.InsufficientPrivilege):
                rows(module_db, f"select {call}", login=login)
    with pytest.raises(errors.InsufficientPrivilege):
        rows(module_db, "update data.settings set only_row = true", login="billing_operator")


def test_without_pg_cron_there_is_nothing_to_schedule(module_db: Db) -> None:
    """The hour is stored, and the jobs are the business of whoever schedules `billing run`."""
    change(module_db, "nightly_hour_utc", "6")
    assert value(module_db, "select nightly_hour_utc from settings") == 6
    assert value(module_db, "select to_regnamespace('cron')") is None
    assert value(module_db, "select count(*) from scheduled_jobs()") == 0


def test_the_command_shows_and_changes(module_db: Db) -> None:
    """`billing settings` prints name, value and meaning; an empty value is NULL."""
    done = billing_on(module_db, "settings", "raw_retention_days", "100")
    assert done.exit_code == 0
    assert "raw_retention_days    100           Days to keep source rows" in done.stdout
    done = billing_on(module_db, "settings", "raw_retention_days", "")
    assert "raw_retention_days    -             Days to keep source rows" in done.stdout
    assert billing_on(module_db, "settings").stdout == done.stdout
    assert len(done.stdout.splitlines()) == 7


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["colour", "red"], "there is no setting colour"),
        (
            ["nightly_hour_utc", "25"],
            "setting nightly_hour_utc cannot be '25'. "
            "Allowed is ((nightly_hour_utc >= 1) AND (nightly_hour_utc <= 22))",
        ),
        (
            ["nightly_hour_utc", "late"],
            "setting nightly_hour_utc cannot be 'late'. Write a whole number",
        ),
        (["billing_from", ""], "setting billing_from cannot be NULL"),
        (["billing_from"], "`billing settings billing_from` needs a value"),
    ],
)
def test_the_command_refuses_in_one_sentence(
    module_db: Db, words: list[str], sentence: str
) -> None:
    """Exit code 2, one line on standard error, nothing changed."""
    before = settings_of(module_db)
    done = billing_on(module_db, "settings", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"billing: {sentence}")
    assert done.stderr.count("\n") == 1
    assert settings_of(module_db) == before
