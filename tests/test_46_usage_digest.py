"""A digest of a period's figures: the same wherever and however often they are counted."""

from tests.past import add_tenants, at, bill_from, day, numbers, rows, run, send, value
from tests.server import Db

OPERATOR = "billing_operator"


def digest(db: Db, first: int = 1, until: int = 6) -> str:
    return value(db, "select usage_digest(%s, %s)", day(first), day(until), login=OPERATOR)


def test_the_digest_is_of_the_figures_alone(db: Db) -> None:
    """Not of row numbers, times or rows of zeros; of every day, tenant and metric."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, *(at(number) for number in range(1, 6)))
    run(db, at(6))
    before = digest(db)
    assert digest(db, 1, 5) != before
    rows(db, "update data.billing_usage_daily set id = id + 100, updated_at = now()")
    (idle,) = add_tenants(db, 1)
    rows(db, "insert into data.billing_usage_daily (tenant_id, usage_date) values (%s, %s)",
         idle, day(1))  # fmt: skip
    assert digest(db) == before
    rows(db, "delete from data.billing_usage_daily")
    rows(db, "delete from data.usage_days")
    assert digest(db) != before
    run(db, at(6))
    assert digest(db) == before
    for change in ("ai_requests = 1", "usage_date = '2025-03-08'", f"tenant_id = '{idle}'"):
        rows(db, f"update data.billing_usage_daily set {change} where usage_date = %s", day(5))  # noqa: S608
        assert digest(db, 1, 9) != before
        rows(db, "delete from data.billing_usage_daily where usage_date >= %s", day(5))
        rows(db, "select aggregate_usage(%s)", day(5), login=OPERATOR)
        assert digest(db, 1, 9) == before
    assert numbers(db)[tenant, day(5)] == 1
