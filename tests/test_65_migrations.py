"""Migrations: applied once, never edited, and safe to go on with after whatever cut them short."""

from pathlib import Path

import pytest

from app import check, migrations
from app.errors import REFUSED, Problem
from tests.past import rows, value
from tests.releases import migrate
from tests.server import Db

MIGRATIONS = migrations.checksums()
NEXT = "0090_next"
EXPANDS = """-- depends: 0005_identity
alter table data.tenants add column industry text;
comment on column data.tenants.industry is 'What the tenant does.';
create table data.remarks (id bigint primary key, remark text);
comment on table data.remarks is 'Remarks.';
"""


def write(checkout: Path, sql: str, name: str = NEXT) -> None:
    (checkout / f"migrations/{name}.sql").write_text(sql)


def applied(db: Db) -> dict[str, str]:
    return dict(rows(db, "select * from applied_migrations()", login="billing_operator"))


def known_to_yoyo(db: Db) -> set[str]:
    return set(rows(db, "select migration_id from yoyo._yoyo_migration"))


def test_every_applied_file_is_remembered_by_its_checksum(db: Db) -> None:
    assert applied(db) == MIGRATIONS
    assert known_to_yoyo(db) == set(MIGRATIONS)


def test_every_migration_can_be_rolled_back() -> None:
    for name in MIGRATIONS:
        assert "drop " in (migrations.DIRECTORY / f"{name}.rollback.sql").read_text()


def test_a_migration_is_applied_while_the_previous_release_is_installed(
    db: Db, checkout: Path
) -> None:
    """It only expands: views and triggers of the release before keep working, between the two."""
    view = value(db, "select 'billing.tenant_usage'::regclass::oid::bigint")
    write(checkout, EXPANDS)
    with db.connect() as connection:
        assert migrations.apply(connection, db.conninfo()) == [NEXT]
    assert value(db, "select 'billing.tenant_usage'::regclass::oid::bigint") == view
    rows(db, "insert into data.tenants (name) values ('Between')", login="billing_ingest")
    assert value(db, "select industry from data.tenants") is None
    assert migrate(db) == ["rebuilt schema billing"]
    assert applied(db)[NEXT] == migrations.checksums()[NEXT]
    assert (
        value(db, "select tableowner from pg_tables where tablename = 'remarks'") == "billing_owner"
    )
    assert migrate(db) == []


def test_a_migration_that_fails_leaves_nothing_of_itself(db: Db, checkout: Path) -> None:
    """One transaction each: what came before it stays, it and what comes after is to be done."""
    write(checkout, EXPANDS)
    write(checkout, f"-- depends: {NEXT}\ncreate table data.half ();\nselect 1 / 0;\n", "0091_bad")
    with pytest.raises(Problem, match=r"^Migration 0091_bad was not applied: division by zero$"):
        migrate(db)
    assert value(db, "select to_regclass('data.remarks'), to_regclass('data.half')") == (
        "remarks",
        None,
    )
    write(checkout, f"-- depends: {NEXT}\ncreate table data.half ();\n", "0091_bad")
    assert migrate(db) == ["applied migration 0091_bad", "rebuilt schema billing"]
    assert applied(db) == migrations.checksums()


@pytest.mark.parametrize("change", ["edit", "remove"])
def test_an_edited_migration_is_refused_and_told(db: Db, checkout: Path, change: str) -> None:
    path = checkout / "migrations/0004_usage.sql"
    before = path.read_text()
    if change == "edit":
        path.write_text(f"{before}-- a harmless remark\n")
    else:
        path.unlink()
    write(checkout, EXPANDS)
    with pytest.raises(Problem, match=r"^Migration 0004_usage was edited .*: restore") as refusal:
        migrate(db)
    assert refusal.value.exit_code == REFUSED
    assert value(db, "select to_regclass('data.remarks')") is None
    (edited, *_) = check.check(db.settings())
    assert edited.kind == "edited migration"
    assert edited.object == "migrations/0004_usage.sql is not the file that was applied"
    path.write_text(before)
    assert migrate(db)[0] == f"applied migration {NEXT}"


def test_a_crash_between_applying_and_remembering_is_made_good(db: Db) -> None:
    rows(db, "delete from data.applied_migrations where migration_id > '0003'")
    assert [str(trouble.kind) for trouble in check.check(db.settings())][:2] == ["stale"] * 2
    assert migrate(db) == []
    assert applied(db) == MIGRATIONS


def test_only_what_yoyo_has_applied_is_remembered(db: Db, checkout: Path) -> None:
    """A file that failed is not taken for applied."""
    write(checkout, "select 1 / 0;")
    with pytest.raises(Problem, match="not applied"):
        migrate(db)
    assert applied(db) == MIGRATIONS


def test_a_lock_of_yoyos_that_was_left_behind_is_no_hindrance(db: Db, checkout: Path) -> None:
    """Whoever migrates at the same time is kept out by a lock that ends with its session."""
    rows(db, "insert into yoyo.yoyo_lock (locked, ctime, pid) values (1, now(), 4242)")
    write(checkout, EXPANDS)
    assert migrate(db)[0] == f"applied migration {NEXT}"


def test_killed_in_the_middle_of_a_migration(db: Db, checkout: Path) -> None:
    """The server ends the session: the migration is as if never begun, and is done again."""
    kill = "set role none;\nselect pg_terminate_backend(pg_backend_pid());\n"
    write(checkout, f"create table data.remarks ();\n{kill}")
    with pytest.raises(Problem, match=f"{NEXT} was not applied: "):
        migrate(db)
    assert value(db, "select to_regclass('data.remarks')") is None
    write(checkout, EXPANDS)
    assert migrate(db) == [f"applied migration {NEXT}", "rebuilt schema billing"]


def test_a_migration_waits_for_its_locks_only_so_long(db: Db, checkout: Path) -> None:
    write(checkout, "set local lock_timeout = '100ms';\n" + EXPANDS)
    with db.connect(autocommit=False) as holder:
        holder.execute("select from data.tenants")
        with pytest.raises(Problem, match="canceling statement due to lock timeout"):
            migrate(db)
    assert value(db, "select to_regclass('data.remarks')") is None
    assert migrate(db)[0] == f"applied migration {NEXT}"


def test_the_bound_of_that_wait(db: Db) -> None:
    """Set by us for every migration, below the patience of those who wait behind it."""
    backend = migrations.open_backend(db.conninfo())
    with backend.connection.cursor() as cursor:
        assert cursor.execute("show lock_timeout").fetchone() == ("5s",)
        assert cursor.execute("select current_user").fetchone() == ("billing_owner",)
    backend.connection.close()
