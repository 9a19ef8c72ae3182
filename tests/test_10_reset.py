"""The rebuild: all of the new release or all of the old one, whoever else is at work."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app import release
from app.errors import REFUSED, Problem
from tests.past import rows, value
from tests.releases import FINGERPRINT, build, force_rebuild, migrate
from tests.server import Db
from tests.together import waiting


def test_what_leaves_the_folder_leaves_the_database(db: Db, checkout: Path) -> None:
    extra = checkout / "sql/52_extra.sql"
    extra.write_text(
        "set local role billing_owner;"
        "create view billing.extra with (security_invoker = true) as select 1 as one;"
        "grant select on billing.extra to billing_tenant;"
    )
    assert migrate(db) == ["rebuilt schema billing"]
    assert value(db, "select one from extra", login="billing_tenant") == 1
    extra.unlink()
    assert migrate(db) == ["rebuilt schema billing"]
    assert value(db, "select to_regclass('billing.extra')") is None


def test_a_release_that_fails_half_way_changes_nothing(db: Db, checkout: Path) -> None:
    """All in one transaction: the last file does not parse, the first has dropped everything."""
    before, installed = build(db), value(db, FINGERPRINT)
    (checkout / "sql/79_broken.sql").write_text("create view billing.broken as selct 1;")
    with pytest.raises(Exception, match="syntax error"):
        migrate(db)
    assert (build(db), value(db, FINGERPRINT)) == (before, installed)


@pytest.mark.parametrize(
    "change",
    [
        "create view billing.mine as select 1",
        "create policy mine on data.calls to billing_ingest using (true)",
        "drop policy tenant_reads_own_usage on data.billing_usage_daily",
        "drop trigger mark_late_insert on data.emails",
        "alter table data.emails disable trigger mark_late_insert",
        "grant delete on data.tenants to billing_tenant",
        "grant update (name) on data.tenants to billing_operator",
        "revoke select on data.tenants from billing_identity",
        "grant execute on function billing.run_nightly to billing_root",
        "alter view billing.usage_daily reset (security_invoker)",
        "alter function billing.run_nightly reset search_path",
        "alter function billing.run_nightly owner to billing_identity",
    ],
)
def test_what_somebody_changed_by_hand_is_put_right(module_db: Db, change: str) -> None:
    installed = value(module_db, FINGERPRINT)
    rows(module_db, change)
    assert value(module_db, FINGERPRINT) != installed
    assert migrate(module_db) == ["rebuilt schema billing"]
    assert value(module_db, FINGERPRINT) == installed


@pytest.mark.parametrize(
    ("login", "statement"),
    [
        ("billing_operator", "select from billing.usage_health"),
        ("billing_tenant", "select from billing.metrics"),
        ("billing_ingest", "insert into data.tenants (name) values ('Held')"),
        ("billing_operator", "select billing.run_usage('held')"),
        ("postgres", "lock table data.audit_events in access share mode"),
    ],
)
def test_who_holds_on_stops_the_rebuild_and_is_named(
    module_db: Db, monkeypatch: pytest.MonkeyPatch, login: str, statement: str
) -> None:
    """Readers, a writer, a run, idle in their transactions: the old release keeps serving."""
    monkeypatch.setattr(release, "REBUILD_PATIENCE", 0.1)
    force_rebuild(module_db)
    before = build(module_db)
    with module_db.connect(login, autocommit=False) as holder:
        holder.execute(statement.encode())
        held_by = rf"session {holder.info.backend_pid} \({login}, idle in transaction"
        with pytest.raises(Problem, match=rf"not installed: {held_by}.* for 0\.1 s") as refusal:
            migrate(module_db)
        assert refusal.value.exit_code == REFUSED
        assert build(module_db) == before
        rows(module_db, "insert into tenants (name) values ('Served')", login="billing_ingest")
        rows(module_db, "select run_usage('test')", login="billing_operator")
        holder.rollback()
    assert migrate(module_db) == ["rebuilt schema billing"]
    assert build(module_db) != before


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("run_usage", ["test"]),
        ("run_nightly", []),
        ("aggregate_usage", ["2026-01-02"]),
        ("aggregate_usage", ["2026-01-02", "2026-01-04"]),
        ("aggregate_tenant_usage", [uuid4(), "2026-01-02", "2026-01-03"]),
    ],
)
def test_what_counts_waits_for_a_rebuild_and_goes_on_with_the_new_release(
    module_db: Db, function: str, arguments: list[object]
) -> None:
    """It would find half of its functions otherwise, and the others gone."""
    rows(module_db, "insert into data.tenants (id, name) values (%s, 'T')", tenant := uuid4())
    migrate(module_db)  # a clone has lost its deploy role's right to create schemas
    arguments = [tenant if isinstance(given, UUID) else given for given in arguments]
    with module_db.connect() as host, module_db.connect(autocommit=False) as rebuild:
        rebuild.execute("set local role billing_deploy")
        for path in sorted(release.SQL.glob("[1-7]*.sql")):
            rebuild.execute(path.read_bytes())
        with waiting(module_db, host, function, *arguments) as held:
            rebuild.commit()
            assert held.result() == 0


def test_patience_is_bounded(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries again while there is patience left, and gets in as soon as the way is free."""
    tries: list[float] = []
    force_rebuild(db)
    with db.connect("billing_operator", autocommit=False) as holder:
        holder.execute("select from billing.usage_health")

        def let_go(pause: float) -> None:
            tries.append(pause)
            if len(tries) == 2:
                holder.rollback()

        monkeypatch.setattr(release.time, "sleep", let_go)
        assert migrate(db) == ["rebuilt schema billing"]
    assert len(tries) == 2
    assert all(0.1 <= pause <= 0.5 for pause in tries)
    assert release.REBUILD_PATIENCE <= 10
