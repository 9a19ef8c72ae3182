"""`billing quality`, and what `billing check` says of questionable facts."""

import pytest

from tests import facts
from tests.command_line import Billing
from tests.oracle import Message
from tests.past import add_tenants, at, bill_from, day, rows, run
from tests.server import Db


@pytest.mark.usefixtures("db")
def test_nothing_to_tell(billing: Billing) -> None:
    done = billing("quality")
    assert (done.exit_code, done.stdout) == (0, "Every fact is what it should be.\n")


def test_an_example_and_the_command_for_the_rest(db: Db, billing: Billing) -> None:
    """Advice, not a failure: the database is sound, its facts are somebody else's."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    with db.connect() as connection:
        facts.insert(connection, *(Message(tenant, at(1), "warp", provider_id=f"W{n}")
                                   for n in range(3)))  # fmt: skip
    run(db, at(2))
    rows(db, "update data.usage_runs set as_of = now() where is_nightly")
    example = f"unclassified rows: 3, e.g. tenant {tenant}, {day(1)}, messages W0, status 'warp'."
    check = billing("check")
    assert check.exit_code == 0
    assert f"advice: {example}" in check.stdout
    assert "`billing quality unclassified` lists them." in check.stdout
    told = billing("quality").stdout
    assert told.startswith(f"unclassified: 3 rows, e.g. tenant {tenant}, ")
    listed = billing("quality", "unclassified", "--per-page", 2, "--page", 2)
    assert listed.stdout.split() == [
        *("2025-03-01", "12:00:00", str(tenant), "sms_outbound", "'warp'", "W2"),
    ]
    rows(db, "delete from messages")
    run(db, at(2))
    assert "unclassified" not in billing("check").stdout


def test_an_unknown_kind(billing: Billing) -> None:
    refused = billing("quality", "strange")
    assert refused.exit_code == 2
    assert "'strange' is not one of 'unclassified', 'orphaned'" in refused.stderr
