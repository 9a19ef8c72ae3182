"""`billing retention`: off, rehearsed, done, done again; and the indexes afterwards."""

from typing import Any

import pytest

from tests.command_line import DIFFERENCE, DONE, Billing
from tests.past import add_tenants, at, bill_from, day, nightly, rows, send, value
from tests.server import Db

FILES = "select array_agg(relfilenode order by relname) from pg_class where relname like '%_brin'"


@pytest.fixture
def tenant(db: Db) -> Any:
    """An SMS on each of days 1 to 3, published."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, *(at(number) for number in range(1, 4)))
    nightly(db, at(4, "04:00"))
    return tenant


@pytest.mark.usefixtures("tenant")
def test_off_by_default(db: Db, billing: Billing) -> None:
    done = billing("retention")
    assert done.exit_code == DONE
    assert done.stdout.startswith("Retention is off: source rows are kept for ever.")
    assert value(db, "select count(*) from messages") == 3


def test_rehearsed_done_and_done_again(db: Db, billing: Billing, tenant: Any) -> None:
    """The indexes are built anew once rows have gone, and not otherwise."""
    assert billing("settings", "raw_retention_days", "70").exit_code == DONE
    before = value(db, FILES)
    told = billing("retention", "--dry-run")
    assert (told.exit_code, told.stderr) == (DONE, "")
    assert told.stdout == "3 days would be sealed, 3 source rows given up.\n"
    assert value(db, "select count(*) from messages") == 3
    send(db, tenant, at(2))
    done = billing("retention")
    assert done.exit_code == DIFFERENCE
    assert done.stdout.splitlines() == [
        "2025-03-02 keeps its source rows: late facts wait for the next run",
        "2 days sealed, 2 source rows given up.",
    ]
    assert rows(db, "select distinct occurred_at::date from messages") == [day(2)]
    after = value(db, FILES)
    assert not set(before) & set(after)
    assert rows(db, "select indexrelid::regclass from pg_index where not indisvalid") == []
    again = billing("retention")
    assert again.stdout.endswith("0 days sealed, 0 source rows given up.\n")
    assert value(db, FILES) == after
    assert billing("retention", "--reindex").exit_code == DONE
    assert not set(after) & set(value(db, FILES))


def test_a_retention_that_is_too_short(billing: Billing) -> None:
    """Late receipts and the nightly recounts need their rows."""
    refused = billing("settings", "raw_retention_days", "30")
    assert refused.exit_code == 2
    assert "raw_retention_days cannot be '30'" in refused.stderr
