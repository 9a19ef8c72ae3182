"""docs/adopt.md, followed and held to its word."""

import re
import shutil
from pathlib import Path

import pytest

from app import release
from app.errors import Problem
from tests import facts, hosts
from tests.adopted.conftest import HERE, PAGE
from tests.command_line import REFUSED, billing_on
from tests.oracle import Call, Message
from tests.pages import blocks
from tests.past import (
    FIRST,
    add_tenants,
    at,
    bill_from,
    day,
    nightly,
    numbers,
    rows,
    run,
    send,
    value,
)
from tests.scratch import Scratch
from tests.server import Db, Server

TRIGGERS = "select count(*) from pg_trigger where tgname like 'billing\\_%'"


def test_the_page_as_it_is_written(server: Server, shop: Db, tmp_path: Path) -> None:  # noqa: ARG001 - the roles
    """Every block, top to bottom, in a database where the shop was first."""
    database = server.create("adopted_by_hand")
    checkout = Scratch(tmp_path, database)
    rows(database, (HERE / "host.sql").read_text())
    rows(
        database,
        "insert into shop.accounts (company, tier) values ('First', 'M'); insert into shop.texts"
        " (account_no, happened_at, inbound, with_media, state, carrier_ref)"
        " values (1, '2024-02-29 12:00+00', false, false, 'DELIVRD', 'a')",
    )
    checkout.psql("\\i sql/00_roles.sql")
    shutil.copy(HERE / "30_usage_source.sql", tmp_path / "sql")
    said: dict[str, str] = {}
    for block in blocks(PAGE):
        if not block.not_run:
            done = (checkout.sh if block.language == "sh" else checkout.psql)(block.text)
            assert done.returncode == 0, f"{block}: {done.stderr}"
            said[block.text.split()[1]] = done.stdout
    assert "First | active | pro" in said["name,"]
    assert "1 row changed" in said["settings"]
    # and it is gone again
    assert value(database, TRIGGERS) == 0
    left = "select from pg_namespace where nspname in ('billing', 'data')"
    assert rows(database, left) == []
    rows(database, "update shop.texts set parts = 2; delete from shop.texts")
    server.drop(database)


def test_what_the_host_adds_is_in_its_schema() -> None:
    shown = [block.text for block in blocks(PAGE) if block.not_run]
    assert len(shown) == 2
    assert all(text in (HERE / "host.sql").read_text() for text in shown)


def test_it_is_the_shop_that_is_counted(db: Db) -> None:
    """The four tables of the example host stay empty."""
    with db.connect(hosts.current.writer) as writer:
        (tenant,) = facts.add_tenants(writer)
        facts.insert(writer, Message(tenant, at(1)), Call(tenant, at(1)))
    bill_from(db)
    assert run(db, at(2)) == 0
    with db.connect() as reader:
        assert facts.figures_of(reader, tenant, FIRST)["voice_minutes_outbound"] == 1
    for table in ("messages", "calls", "emails", "ai_requests"):
        assert value(db, f"select count(*) from data.{table}") == 0  # noqa: S608


def test_demo_data_are_refused(db: Db) -> None:
    """Also before the first account is there; `billing demo` says it and ends with code 3."""
    for _ in range(2):
        said = billing_on(db, "demo")
        assert said.exit_code == REFUSED
        assert said.stdout == ""
        assert re.fullmatch(
            r"billing: Demo data would not be counted here: billing\.usage_source reads .*"
            r"shop\.events, shop\.texts\n",
            said.stderr,
        )
        assert value(db, "select count(*) from data.users") == 0
        assert value(db, "select count(*) from data.tenants where name not like 'Tenant%'") == 0
        add_tenants(db, 1)


def test_accounts_are_tenants(db: Db) -> None:
    rows(db, "insert into shop.accounts (account_no, company, tier) values (7, 'Seven', 'L')")
    tenant = "select name, plan_code, status from data.tenants where id = shop.tenant_of(7)"
    assert value(db, tenant) == ("Seven", "elite", "active")
    rows(db, "update shop.accounts set company = 'VII', tier = 'XL', closed_on = '2025-01-01'")
    assert value(db, tenant) == ("VII", None, "suspended")
    rows(db, "delete from shop.accounts")
    assert value(db, tenant) == ("VII", None, "suspended")


def test_without_triggers(db: Db) -> None:
    """Found the next night, and not before; what is older, when its turn comes."""
    for table in ("texts", "events"):
        for change in ("insert", "update", "delete"):
            rows(db, f"drop trigger billing_{change} on shop.{table}")
        rows(db, f"drop trigger billing_replicated on shop.{table}")
    told = "select rule, severity, object from source_findings order by object, rule"
    assert rows(db, told, login="billing_operator") == [
        (rule, "advice", f"shop.{table}")
        for table in ("events", "texts")
        for rule in ("replica_not_marked", "source_not_marked")
    ]
    (tenant,) = add_tenants(db, 1)
    bill_from(db)
    assert run(db, at(20)) == 0
    send(db, tenant, at(2), at(15))
    assert run(db, at(20, "12:05")) == 0
    assert numbers(db) == {}
    assert nightly(db, at(21, "04:00")) == 0
    assert numbers(db) == {(tenant, day(2)): 1, (tenant, day(15)): 1}


def test_a_release_attaches_the_triggers_again(db: Db, adopted: None) -> None:  # noqa: ARG001
    attached = value(db, TRIGGERS)
    rows(db, "delete from data.releases; drop trigger billing_update on shop.events")
    release.migrate(db.settings(), lambda _: None)
    assert value(db, TRIGGERS) == attached > 8


def test_a_trigger_of_the_host_on_our_functions_stops_a_release(db: Db, adopted: None) -> None:  # noqa: ARG001
    """It would be gone without a word."""
    rows(
        db,
        "delete from data.releases; create trigger mine before truncate on shop.accounts"
        " for each statement execute function billing.refuse_truncate()",
    )
    with pytest.raises(Problem, match=r"trigger mine on table shop\.accounts depends on schema"):
        release.migrate(db.settings(), lambda _: None)


def test_hidden_rows_are_reported(db: Db) -> None:
    """Row-level security of the host without a policy for counting: 0, and a finding."""
    rows(db, "drop policy billing_counts_texts on shop.texts")
    found = rows(db, "select rule, object from findings where severity = 'error'")
    assert ("source_hidden", "shop.texts") in found
