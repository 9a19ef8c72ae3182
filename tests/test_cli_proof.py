"""`billing verify` and `billing aggregate --dry-run`: what they say, and with which exit code."""

import json
from typing import Any

import pytest

from tests.command_line import DIFFERENCE, DONE, USAGE, Billing
from tests.past import add_tenants, at, bill_from, day, rows, run, send, value
from tests.server import Db


@pytest.fixture
def tenant(db: Db) -> Any:
    """A tenant with an SMS on each of days 1 to 3, counted on day 4 at noon."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, *(at(number) for number in range(1, 4)))
    run(db, at(4))
    return tenant


@pytest.mark.usefixtures("tenant")
def test_all_is_right(db: Db, billing: Billing) -> None:
    """Both ends are included; nothing but the verdict in a pipe."""
    done = billing("verify", day(0), day(5))
    digest = value(db, "select usage_digest(%s, %s)", day(0), day(6), login="billing_operator")
    assert done.exit_code == DONE
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "Not verified, before start: 2025-02-28.",
        "Not verified, open: 2025-03-04.",
        "Not verified, missing: 2025-03-05.",
        "3 days verified, 0 differences.",
        f"Digest {digest}",
    ]
    assert "1 day verified" in billing("verify", day(2)).stdout


def test_a_difference(db: Db, billing: Billing, tenant: Any) -> None:
    """Told with tenant, day, metric, stored and recounted number; exit code 1; not put right."""
    rows(db, "update billing_usage_daily set emails_sent = 4 where usage_date = %s", day(2))
    send(db, tenant, at(1))
    for _ in range(2):
        done = billing("verify", day(1), day(3))
        assert done.exit_code == DIFFERENCE
        assert f"2025-03-02  {tenant}  emails_sent: 4 → 0\n" in done.stdout
        assert "sms_outbound_count: 1 → 2  (late facts wait for the next run)" in done.stdout
        assert "Late facts wait for the next run: 2025-03-01." in done.stdout
        assert "3 days verified, 1 difference." in done.stdout
    document = json.loads(billing("verify", day(1), day(4), "--json").stdout)
    assert document | {"digest": "", "waiting": []} == {
        "from": "2025-03-01",
        "to": "2025-03-04",
        "daysVerified": 3,
        "sealedDays": [],
        "daysNotVerified": [{"date": "2025-03-04", "state": "open"}],
        "differences": [
            {
                "tenantId": str(tenant),
                "date": "2025-03-02",
                "metric": "emails_sent",
                "stored": 4,
                "recounted": 0,
            }
        ],
        "waiting": [],
        "digest": "",
    }
    assert {entry["date"] for entry in document["waiting"]} == {"2025-03-01"}


def test_late_facts_alone_are_no_difference(db: Db, billing: Billing, tenant: Any) -> None:
    """R3: the next run takes them."""
    send(db, tenant, at(1))
    assert billing("verify", day(1), day(3)).exit_code == DONE


def test_a_sealed_day_can_no_longer_be_verified(db: Db, billing: Billing, tenant: Any) -> None:
    """R20: it is named, and it is no difference."""
    rows(db, "update usage_days set sealed_at = now() where usage_date in (%s, %s)", day(1), day(2))
    rows(db, "update billing_usage_daily set emails_sent = 4 where usage_date = %s", day(2))
    done = billing("verify", day(1), day(3))
    assert done.exit_code == DONE
    assert "Sealed, can no longer be recounted: 2025-03-01 to 2025-03-02." in done.stdout
    assert "1 day verified" in done.stdout
    assert json.loads(billing("verify", day(1), "--json").stdout)["sealedDays"] == ["2025-03-01"]
    assert tenant


def test_a_dry_run_and_then_the_run(db: Db, billing: Billing, tenant: Any) -> None:
    """The same command without the flag does what was told, and is recorded."""
    (other,) = add_tenants(db, 1)
    send(db, tenant, at(2))
    send(db, other, at(3))
    words = ("aggregate", day(1), day(3))
    runs = value(db, "select count(*) from usage_runs")
    told = billing(*words, "--dry-run")
    assert told.exit_code == DIFFERENCE
    assert f"2025-03-02  {tenant}  sms_outbound_count: 1 → 2\n" in told.stdout
    assert f"2025-03-03  {other}  sms_outbound_count: 0 → 1\n" in told.stdout
    assert told.stdout.endswith(
        "3 days recounted, nothing written: 8 figures in 2 rows would change.\n"
    )
    only = billing(*words, "--dry-run", "--tenant", other)
    assert only.stdout.endswith("4 figures in 1 row would change.\n")
    assert value(db, "select count(*) from usage_runs") == runs
    done = billing(*words, "--tenant", other)
    assert done.stdout == "3 days counted, 1 row changed.\n"
    assert billing(*words).stdout == "3 days counted, 1 row changed.\n"
    assert value(db, "select count(*) from usage_runs where trigger = 'manual'") == 6
    nothing = billing(*words, "--dry-run")
    assert (nothing.exit_code, nothing.stdout) == (
        DONE,
        "3 days recounted, nothing written: 0 figures in 0 rows would change.\n",
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["verify"], "Missing argument 'FROM'"),
        (["verify", "march"], "'march' is not a day"),
        (["verify", day(2), day(1)], "The range is reversed: 2025-03-02 comes after 2025-03-01"),
        (["verify", "2000-01-01", "2011-01-01"], "4019 days, more than 3660 at once"),
        (["aggregate", "2999-01-01", "--dry-run"], "day 2999-01-01 lies in the future"),
        (
            ["aggregate", day(1), "--dry-run", "--tenant", "12345678-1234-1234-1234-123456789012"],
            "there is no tenant 12345678-1234-1234-1234-123456789012",
        ),
    ],
)
def test_bad_input(billing: Billing, words: list[Any], sentence: str) -> None:
    refused = billing(*words)
    assert (refused.exit_code, refused.stdout) == (USAGE, "")
    assert sentence in refused.stderr
