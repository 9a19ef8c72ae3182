"""The whole round in databases that somebody has set up in ways of their own: what is said, shown
and stored is to the letter what an ordinary one says, shows and stores."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from app import check, demo, demo_users
from tests.browsing import HTML, SUMMARY, bearer, browsing
from tests.command_line import billing_on
from tests.past import break_days, rows, value
from tests.people import signed_in
from tests.server import Db, Server

DEFAULTS = {
    "datestyle": "German, DMY",
    "intervalstyle": "iso_8601",
    "timezone": "Asia/Kolkata",
    "client_encoding": "LATIN1",
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "bytea_output": "escape",
    "extra_float_digits": "-10",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "xmlbinary": "hex",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "lc_monetary": "C",
    "check_function_bodies": "off",
    "plan_cache_mode": "force_generic_plan",
    "search_path": "public",
}
ENVIRONMENT = {
    "PGDATESTYLE": "SQL, DMY",
    "PGTZ": "America/Sao_Paulo",
    "PGCLIENTENCODING": "LATIN1",
    "PGOPTIONS": "-c intervalstyle=sql_standard -c quote_all_identifiers=on"
    " -c default_transaction_isolation=serializable -c default_transaction_read_only=on",
}
ICU = "template template0 encoding 'UTF8' locale 'C.UTF-8' locale_provider icu icu_locale 'tr-TR'"
KINDS = ("ordinary", "hostile", "icu")


@contextmanager
def prepared(server: Server, kind: str) -> Iterator[Db]:
    """An empty database of its kind."""
    postgres = server.database("postgres")
    name = f"round_{kind}"
    rows(postgres, f"create database {name} {ICU if kind == 'icu' else ''}")
    db = server.database(name)
    try:
        rows(postgres, f"alter database {name} set billing.dedicated = on")
        if kind == "hostile":
            for setting, text in DEFAULTS.items():
                for whose in ("database {db}", "role postgres in database {db}",
                              "role billing_operator in database {db}",
                              "role billing_aggregator in database {db}"):  # fmt: skip
                    change = sql.SQL("alter " + whose + " set {} to {}").format(
                        sql.Identifier(setting), sql.Literal(text), db=sql.Identifier(name)
                    )
                    rows(postgres, change.as_string())
        yield db
    finally:
        server.drop(db)


def plain(text: str) -> str:
    """Without what differs from one minute to the next: times and run numbers, not how they are
    written."""
    text = re.sub(r"\d\d:\d\d(:\d\d(\.\d+)?)?", "<time>", text)
    text = re.sub(r'value="[\w-]{32}"', "<form's secret>", text)
    return re.sub(r"run \d+", "run <number>", text)


class Round:
    """All doors, one after the other; what came out of each."""

    def __init__(self, db: Db, folder: Path) -> None:
        self.db, self.folder, self.said = db, folder, dict[str, Any]()
        self.today: date = value(db, "select (now() at time zone 'UTC')::date::text::date")

    def billing(self, *words: object, code: int = 0, pipe: str | None = None) -> None:
        done = billing_on(self.db, *words, pipe=pipe)
        assert done.exit_code == code, (words, done.output)
        assert "Traceback" not in done.output
        self.said[" ".join(map(str, words))] = plain(done.output)

    def commands(self) -> None:
        yesterday = date.fromisoformat(self.yesterday)
        self.billing("migrate")
        demo.load_demo(self.db.settings().conninfo("ingest"), tenants=16, days=20, today=yesterday)
        self.billing("settings", "billing_from", yesterday - timedelta(days=19))
        self.billing("run")
        self.billing("check")
        self.billing("verify", yesterday - timedelta(days=19), yesterday)
        self.billing("aggregate", yesterday)
        self.billing("aggregate", yesterday, "--dry-run")
        self.billing("aggregate", "2999-01-01", code=2)
        self.billing("settings")
        self.billing("settings", "raw_retention_days", "70")
        self.billing("retention", "--dry-run")
        self.billing("quality")
        demo_users.ensure(self.db.settings())
        self.billing("user", "list")
        tenant = value(self.db, "select id::text from data.tenants order by name limit 1")
        self.billing("explain", tenant, yesterday, "sms_outbound_count")
        session = billing_on(self.db, "session", "owner@demo.example")
        assert session.exit_code == 0, session.output

    @property
    def yesterday(self) -> str:
        return value(
            self.db, "select to_char(now() at time zone 'UTC' - interval '1 day', 'YYYY-MM-DD')"
        )

    def pages(self, tokens: dict[str, str]) -> None:
        tenant = value(self.db, "select tenant_id::text from data.users where role = 'owner'")
        number = f"date={self.yesterday}&metric=smsOutboundCount"
        days = f"from={self.yesterday}&to={self.yesterday}"
        with browsing(self.db) as browser:
            ready = browser.get("/readyz")
            assert ready.status_code == 200, ready.text
            self.said["/readyz"] = ready.json()
            for actor, paths in {
                "owner": (
                    SUMMARY,
                    "/settings/billing",
                    "/api/billing/usage/daily.csv",
                    f"/settings/billing/days/{self.yesterday}",
                    f"/api/billing/usage/explain?{number}",
                    f"/api/billing/usage/explain.csv?{number}",
                ),
                "root": (
                    "/admin/billing-overview",
                    "/admin/billing/health",
                    "/api/admin/billing/usage/tenants",
                    "/api/admin/billing/usage/tenants.csv",
                    f"/api/admin/billing/usage/verify?{days}",
                    f"/admin/billing/tenants/{tenant}",
                ),
            }.items():
                for path in paths:
                    headers = bearer(tokens[actor]) | (HTML if "/api/" not in path else {})
                    answer = browser.get(path, headers=headers)
                    assert answer.status_code == 200, (path, answer.text)
                    self.said[path] = plain(answer.text)

    def by_hand(self) -> None:
        """As a person types it, on a connection that nothing was pinned on; what is stored."""
        yesterday = self.yesterday
        break_days(self.db, f"new.usage_date = date '{yesterday}'")
        for table in ("billing_usage_daily", "usage_days"):
            where = f"data.{table} where usage_date = '{yesterday}'"
            rows(self.db, f"delete from {where}")  # noqa: S608
        hand = "select billing.run_usage('by hand')"
        self.said["due"] = rows(self.db, hand, login="billing_operator")
        self.said["stored errors"] = [
            value(self.db, "select error from data.usage_runs order by id desc limit 1"),
            rows(self.db, "select last_error from data.usage_days where last_error is not null"),
        ]
        rows(self.db, "drop function public.break_day() cascade")
        again = f"select billing.aggregate_usage('{yesterday}')"
        self.said["counted"] = rows(self.db, again, login="billing_operator")
        digest = f"select billing.usage_digest('{yesterday}'::date - 19, '{yesterday}'::date + 1)"
        self.said["digest"] = rows(self.db, digest, login="billing_operator")
        self.said["fingerprint"] = rows(self.db, "select billing.object_fingerprint()")


@pytest.fixture(scope="module")
def ordinary(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return went(server, "ordinary", tmp_path_factory.mktemp("ordinary"))


def went(server: Server, kind: str, folder: Path) -> dict[str, Any]:
    with prepared(server, kind) as db, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(demo_users, "PASSWORD", folder / "demo-password")
        round_trip = Round(db, folder)
        environment = ENVIRONMENT if kind == "hostile" else {}
        for name, text in environment.items():
            monkeypatch.setenv(name, text)
        round_trip.commands()
        for name in environment:
            monkeypatch.delenv(name)
        tokens = {kind: signed_in(db, f"{kind}@demo.example") for kind in ("owner", "root")}
        for name, text in environment.items():
            monkeypatch.setenv(name, text)
        round_trip.pages(tokens)
        monkeypatch.setenv("PGOPTIONS", "")  # else nothing could be written by hand
        round_trip.by_hand()
        assert [t for t in check.check(db.settings()) if t.kind != "advice"] == []
        return round_trip.said


@pytest.mark.parametrize("kind", ["hostile", "icu"])
def test_the_whole_round(
    server: Server, ordinary: dict[str, Any], kind: str, tmp_path: Path
) -> None:
    said = went(server, kind, tmp_path)
    assert said.keys() == ordinary.keys()
    for door, what in ordinary.items():
        assert said[door] == what, door
