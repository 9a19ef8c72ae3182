"""`billing migrate`: brings any database to what the checkout says, and then says nothing more."""

from pathlib import Path

import pytest

from app import check, migrations, release
from app.errors import REFUSED, Problem
from app.settings import ROOT
from tests.past import rows, value
from tests.releases import migrate
from tests.server import Db, Server

STATE = (
    "select (select count(*) from data.releases), (select max(xmin::text::bigint) from data.plans),"
    " (select count(*) from data.applied_migrations), object_fingerprint()"
)
MIGRATIONS = sorted(migrations.checksums())


def kinds(db: Db) -> list[str]:
    """What check finds wrong, advice apart."""
    return [str(t.kind) for t in check.check(db.settings()) if t.kind != "advice"]


def test_an_empty_database_gets_everything_once(empty_db: Db) -> None:
    assert migrate(empty_db) == [
        *(f"applied migration {name}" for name in MIGRATIONS),
        "rebuilt schema billing",
        "plans: 4 changed",
    ]
    assert kinds(empty_db) == []
    before = value(empty_db, STATE)
    assert before[0] == 1
    assert migrate(empty_db) == []
    assert value(empty_db, STATE) == before


def test_every_installation_is_the_same(empty_db: Db, db: Db) -> None:
    migrate(empty_db)
    assert value(empty_db, STATE)[3] == value(db, STATE)[3]


def test_up_down_up(db: Db) -> None:
    """Every rollback undoes its migration: what comes up again is what was there before."""
    tables = "select count(*) from pg_class where relnamespace = 'data'::regnamespace"
    types = "select count(*) from pg_type where typnamespace = 'data'::regnamespace"
    before, objects = value(db, STATE), (value(db, tables), value(db, types))
    rows(db, "set role billing_owner; drop schema billing cascade")
    backend = migrations.open_backend(db.conninfo())
    backend.rollback_migrations(
        backend.to_rollback(migrations.read_migrations(str(migrations.DIRECTORY)))
    )
    backend.connection.close()
    assert (value(db, tables), value(db, types)) == (0, 0)
    assert migrate(db)[0] == f"applied migration {MIGRATIONS[0]}"
    assert (value(db, tables), value(db, types)) == objects
    assert value(db, STATE)[3] == before[3]
    assert kinds(db) == []


def test_the_schedule_is_looked_after_every_time(db: Db, checkout: Path) -> None:
    """A lost job is in no fingerprint: 80 runs although nothing has changed."""
    schedule = checkout / "sql/80_schedule.sql"
    rows(db, "create table public.visits (at timestamptz)")
    rows(
        db,
        "grant insert on public.visits to billing_aggregator; grant usage on schema public"
        " to billing_aggregator",
    )
    schedule.write_text(schedule.read_text() + "insert into public.visits values (now());")  # noqa: S608
    migrate(db)
    assert migrate(db) == []
    assert value(db, "select count(*) from public.visits") == 2


def test_two_at_once_are_one_too_many(db: Db) -> None:
    with db.connect() as other:
        other.execute("select pg_advisory_lock(%s)", [release.MIGRATE_LOCK])
        with pytest.raises(Problem, match=r"^Another `billing migrate` is at work") as refusal:
            migrate(db)
    assert refusal.value.exit_code == REFUSED
    assert migrate(db) == []


def test_whoever_is_no_administrator_migrates_as_billing_deploy(empty_db: Db) -> None:
    """An administrator runs one file once; releases need no superuser."""
    settings = empty_db.settings(admin=empty_db.conninfo("billing_deploy"))
    rows(empty_db, (ROOT / "sql/00_roles.sql").read_text())
    said: list[str] = []
    release.migrate(settings, said.append)
    assert "rebuilt schema billing" in said
    assert kinds(empty_db) == []
    release.migrate(settings, pytest.fail)


def test_another_owner_of_the_database_is_as_good(server: Server) -> None:
    """A role that may create roles, owns its database and is no superuser."""
    admin = server.database("postgres")
    rows(admin, "create role host_admin login createrole")
    rows(
        admin,
        "grant billing_owner, billing_identity, billing_aggregator, billing_deploy"
        " to host_admin with admin option",
    )
    db = server.create("host_owned")
    try:
        rows(admin, "alter database host_owned owner to host_admin")
        release.migrate(db.settings(admin=db.conninfo("host_admin")), lambda _: None)
        assert kinds(db) == []
    finally:
        server.drop(db)
        rows(admin, "drop owned by host_admin; drop role host_admin")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("update data.releases set source_fingerprint = 'older'", ["stale"]),
        ("update data.releases set plans_fingerprint = 'older'", ["stale"]),
        ("delete from data.releases", ["stale"]),
        ("delete from data.applied_migrations where migration_id like '0005%'", ["stale"]),
        (
            "update data.applied_migrations set sha256 = 'x' where migration_id like '0003%'",
            ["edited migration"],
        ),
        (
            "create view billing.mine with (security_invoker = true) as select 1;"
            " alter view billing.mine owner to billing_owner",
            ["drifted"],
        ),
        ("grant delete on data.emails to billing_tenant", ["drifted", "finding"]),
        ("alter table data.emails no force row level security", ["drifted", "finding"]),
    ],
)
def test_check_tells_what_is_wrong_apart(db: Db, change: str, expected: list[str]) -> None:
    assert kinds(db) == []
    rows(db, change)
    assert kinds(db) == expected
    for trouble in check.check(db.settings()):
        assert str(trouble).startswith(f"{trouble.kind}: ")
        assert trouble.what_to_do.endswith((".", ";"))


def test_files_that_are_newer_are_stale(db: Db, checkout: Path) -> None:
    for path in (checkout / "plans.sql", checkout / "sql/80_schedule.sql"):
        path.write_text(f"{path.read_text()}-- changed\n")
    (checkout / "migrations/0099_more.sql").write_text("create table data.more ();")
    assert [
        (trouble.kind, trouble.what_to_do)
        for trouble in check.check(db.settings())
        if trouble.kind != "advice"
    ] == [("stale", "Run `billing migrate`.")] * 3
