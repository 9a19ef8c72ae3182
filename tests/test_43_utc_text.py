"""Days and instants that PostgreSQL can hold and Python cannot are shown, at every door."""

from typing import Any

import pytest

from app.errors import explain
from tests import facts
from tests.browsing import HTML, bearer, browsing
from tests.command_line import DONE, REFUSED, Billing
from tests.oracle import Message
from tests.past import add_tenants, at, bill_from, day, rows, run, value
from tests.people import People
from tests.server import Db

ANCIENT, FAR = "0044-03-15 12:00:00+00 BC", "20000-01-01 12:00:00+00"


@pytest.fixture
def tenant(db: Db) -> Any:
    """A fact of 44 BC and one of the year 20000 beside an ordinary one."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    with db.connect() as connection:
        facts.insert(connection, Message(tenant, at(1), provider_id="M1"))
        for number, instant in enumerate((ANCIENT, FAR)):
            connection.execute(
                "insert into data.messages (tenant_id, occurred_at, provider_id, channel,"
                " direction, status) values (%s, %s, %s, 'sms', 'outbound', 'sent')",
                [tenant, instant, f"X{number}"],
            )
    run(db, at(3))
    return tenant


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
@pytest.mark.parametrize("style", ["ISO", "German", "SQL, DMY"])
def test_every_instant_has_a_text_that_postgresql_reads_back(db: Db, zone: str, style: str) -> None:
    with db.connect() as connection:
        connection.execute("select set_config('timezone', %s, false)", [zone])
        connection.execute("select set_config('datestyle', %s, false)", [style])
        for instant, day_text, text in (
            (ANCIENT, "0044-03-15 BC", "0044-03-15T12:00:00.000000Z BC"),
            (FAR, "20000-01-01", "20000-01-01T12:00:00.000000Z"),
            ("4714-11-24 00:00:00+00 BC", "4714-11-24 BC", "4714-11-24T00:00:00.000000Z BC"),
            ("0001-01-01 00:30:00+00", "0001-01-01", "0001-01-01T00:30:00.000000Z"),
            ("294276-12-31 23:59:59.9+00", "294276-12-31", "294276-12-31T23:59:59.900000Z"),
        ):
            shown = connection.execute(
                "select billing.day_text(billing.utc_day(x)), billing.utc_text(x),"
                " billing.utc_text(x)::timestamptz = x,"
                " billing.day_text(billing.utc_day(x))::date = billing.utc_day(x)"
                " from (select %s::timestamptz) as i (x)",
                [instant],
            ).fetchone()
            assert shown == (day_text, text, True, True)


def test_quality_lists_them(billing: Billing, tenant: Any) -> None:
    for kind, shown in (("ancient", "0044-03-15 BC 12:00:00"), ("future", "20000-01-01 12:00:00")):
        done = billing("quality", kind)
        assert (done.exit_code, done.stderr) == (DONE, "")
        assert done.stdout.startswith(f"{shown}  {tenant}  sms_outbound ")
    told = billing("quality").stdout
    assert f"e.g. tenant {tenant}, 0044-03-15 BC, messages X0" in told
    assert f"e.g. tenant {tenant}, 20000-01-01, messages X1" in told
    check = billing("check")
    assert "ancient rows: 1, e.g. tenant" in check.stdout


def test_no_other_verb_minds_them(billing: Billing, tenant: Any) -> None:
    for words in (
        ("explain", tenant, day(1), "sms_outbound_count"),
        ("explain", tenant, "0001-01-01", "sms_outbound_count", "--csv"),
        ("explain", tenant, day(1), "sms_outbound_count", "--json"),
        ("verify", day(1), day(3)),
        ("run",),
        ("aggregate", day(1)),
        ("user", "list"),
    ):
        done = billing(*words)
        assert (done.exit_code, done.stderr) == (DONE, ""), done.output


def test_retention_of_a_day_of_long_ago(db: Db, billing: Billing) -> None:
    """Counted by hand, as any day can be; nothing about it has a date in Python."""
    rows(db, "select billing.aggregate_usage('0044-03-15 BC')", login="billing_operator")
    rows(db, "update data.settings set raw_retention_days = 400")
    done = billing("retention", "--dry-run")
    assert done.exit_code in (DONE, 1)
    assert "Traceback" not in done.output
    assert "cannot be" not in done.output


def test_pages_and_documents_of_root(db: Db, tenant: Any) -> None:
    people = People(db, tenant, tenant)
    with browsing(db) as browser:
        browser.headers.update(bearer(people.token("root")))
        page = browser.get("/admin/billing/health", headers=HTML)
        assert page.status_code == 200
        assert "0044-03-15 BC" in page.text
        assert "20000-01-01" in page.text
        for path in (
            "/admin/billing-overview",
            f"/admin/billing/tenants/{tenant}",
            f"/admin/billing/tenants/{tenant}/days/2025-03-01",
            "/api/admin/billing/usage/tenants.csv",
            "/readyz",
        ):
            assert browser.get(path, headers=HTML).status_code in (200, 503), path


def test_what_psycopg_cannot_read_is_not_called_unreachable(db: Db) -> None:
    with pytest.raises(Exception) as raised, db.connect() as connection:
        connection.execute("select date '0044-03-15 BC'").fetchone()
    problem = explain(raised.value)  # pyright: ignore[reportArgumentType]
    assert problem.exit_code == REFUSED
    assert "cannot be shown" in str(problem)
    assert value(db, "select 1") == 1
