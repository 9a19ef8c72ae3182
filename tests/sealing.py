"""Days that may be sealed, and sealing them."""

from typing import Any

import pytest

from tests import facts
from tests.oracle import AiRequest, Call, Email, Message
from tests.past import add_tenants, at, bill_from, day, nightly, rows, value
from tests.server import Db

OPERATOR = "billing_operator"
LEFT = "select count(*) from usage_source"
MARKERS = "select count(*) from late_day_markers"


def seal(db: Db, number: int) -> int:
    return value(db, "select seal_day(%s)", day(number), login=OPERATOR)


def obstacle(db: Db, number: int) -> str | None:
    return value(db, "select seal_obstacle(%s)", day(number), login=OPERATOR)


@pytest.fixture
def tenant(db: Db) -> Any:
    """Five rows on day 1, one on each of days 2 to 5; all published; retention is on."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    with db.connect() as connection:
        facts.insert(
            connection,
            Message(tenant, at(1)),
            Call(tenant, at(1)),
            Email(tenant, at(1)),
            AiRequest(tenant, at(1)),
            Message(tenant, at(1, "23:59:59"), "failed"),
            *(Message(tenant, at(number, "00:00")) for number in range(2, 6)),
        )
    nightly(db, at(6, "04:00"))
    rows(db, "select change_setting('raw_retention_days', '70')", login=OPERATOR)
    return tenant
