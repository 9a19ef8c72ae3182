"""What Python reads: a row per tenant and day, a row per tenant and period."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.past import add_tenants, at, bill_from, break_days, day, rows, run, send, value
from tests.server import Db

FIGURES = "sms_outbound_count, voice_minutes, emails_sent"


def of(db: Db, tenant: UUID, on: date, columns: str = FIGURES) -> Any:
    query = f"select state, {columns} from usage_daily where tenant_id = %s and date = %s"  # noqa: S608
    return value(db, query, tenant, on)


def test_zero_missing_and_failed_are_three_things(db: Db) -> None:
    """R22: NULL is unknown, 0 is known to be nothing; a failed recount keeps the number."""
    bill_from(db)
    busy, idle = add_tenants(db, 2)
    send(db, busy, at(1), at(2))
    break_days(db, "new.usage_date = date '2025-03-02'")
    run(db, at(4))
    assert of(db, busy, day(0)) == ("before_start", None, None, None)
    assert of(db, busy, day(1)) == ("complete", 1, 0, 0)
    assert of(db, idle, day(1)) == ("complete", 0, 0, 0)
    assert of(db, busy, day(2)) == ("failed", None, None, None)
    assert of(db, idle, day(3)) == ("complete", 0, 0, 0)
    assert of(db, busy, day(4)) == ("open", 0, 0, 0)
    assert of(db, busy, day(5)) == ("missing", None, None, None)
    send(db, busy, at(1))
    rows(db, "update usage_days set last_error = 'broken' where usage_date = %s", day(1))
    assert of(db, busy, day(1)) == ("complete", 1, 0, 0)


def test_what_was_counted_before_the_start_is_not_shown(db: Db) -> None:
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, at(1), at(2))
    run(db, at(3))
    bill_from(db, day(2))
    assert of(db, tenant, day(1)) == ("before_start", None, None, None)
    assert of(db, tenant, day(2)) == ("complete", 1, 0, 0)


def test_every_tenant_has_every_day_up_to_today(db: Db) -> None:
    """From a month before the start, so that 30 days can always be shown, and no future day."""
    tenants = add_tenants(db, 3)
    assert rows(
        db,
        "select tenant_id, max(date) = utc_day(now()), min(date) < utc_day(now()) - 30,"
        " count(*) = count(distinct date), count(*) = max(date) - min(date) + 1"
        " from usage_daily group by tenant_id order by tenant_id",
    ) == [(tenant, True, True, True, True) for tenant in sorted(tenants)]


@pytest.fixture
def month(db: Db) -> list[UUID]:
    """March and the first of April 2025: a busy tenant, an idle, a suspended, one without plan."""
    bill_from(db)
    busy, idle, suspended, free = tenants = add_tenants(db, 4)
    rows(db, "update tenants set plan_code = 'starter' where id = %s", busy)
    rows(db, "update tenants set plan_code = 'agency' where id = %s", idle)
    rows(db, "update tenants set plan_code = 'pro', status = 'suspended' where id = %s", suspended)
    send(db, busy, at(1), at(31, "23:59:59"), at(32, "00:00"))
    send(db, suspended, at(2))
    send(db, free, at(3))
    while run(db, at(33)):
        pass
    return tenants


def in_march(db: Db, columns: str) -> list[Any]:
    query = f"select {columns} from tenant_usage_on('2025-03-31', now()) order by tenant_name"  # noqa: S608
    return rows(db, query)


def test_every_tenant_is_there(db: Db, month: list[UUID]) -> None:
    """R30: idle, suspended and plan-less ones included, once each."""
    assert in_march(db, "tenant_id, status::text, plan_code, sms_outbound_count") == [
        (month[0], "active", "starter", 2),
        (month[1], "active", "agency", 0),
        (month[2], "suspended", "pro", 1),
        (month[3], "active", None, 1),
    ]


@pytest.mark.usefixtures("month")
def test_limits_of_a_plan(db: Db) -> None:
    """R25: NULL is unlimited, 0 not included; without a plan there is nothing to compare with."""
    limits = "max_sms_per_month, max_voice_minutes_per_month, max_ai_requests_per_month"
    assert in_march(db, f"plan_label, monthly_base_price, currency, {limits}") == [
        ("Starter", Decimal("29.00"), "USD", 500, 250, 0),
        ("Agency", None, "USD", None, None, None),
        ("Pro", Decimal("99.00"), "USD", 2500, 1000, 500),
        (None, None, None, None, None, None),
    ]


@pytest.mark.usefixtures("month")
def test_totals_are_the_sums_of_the_days(db: Db) -> None:
    """R10, for every tenant, period and metric; days before the start are in neither."""
    names = rows(db, "select name from metrics order by sort_order")
    sums = ", ".join(f"coalesce(sum({name}), 0)::bigint as {name}" for name in names)
    difference = (
        f"with days as (select tenant_id, date_trunc('month', date)::date as period_start, {sums}"  # noqa: S608
        f" from usage_daily group by 1, 2), totals as (select tenant_id, u.period_start,"
        f" {', '.join(names)} from usage_periods as p"
        " cross join lateral tenant_usage_on(p.period_start, now()) as u)"
        " (table totals except table days) union all"
        " (select * from days where period_start in (select period_start from usage_periods)"
        " except table totals)"
    )
    sent = (
        "select sum(u.sms_outbound_count) from usage_periods as p"
        " cross join lateral tenant_usage_on(p.period_start, now()) as u"
    )
    assert rows(db, difference) == []
    assert value(db, sent) == 5
    bill_from(db, day(3))
    assert rows(db, difference) == []
    assert value(db, sent) == 3


def test_every_metric_is_a_column_under_its_own_name(module_db: Db) -> None:
    """snake_case in SQL, the same in camelCase in JSON and in this order."""
    metrics = rows(module_db, "select name, json_name from metrics order by sort_order")
    assert len(metrics) == 13
    for name, json_name in metrics:
        first, *others = name.split("_")
        assert json_name == first + "".join(map(str.capitalize, others))
    names = [name for name, _ in metrics]
    json = value(module_db, f"select metrics_json({', '.join(map(str, range(1, 14)))})")
    assert list(json.items()) == [(name, n) for n, (_, name) in enumerate(metrics, 1)]
    of_view = "select attname from pg_attribute where attrelid = %s::regclass order by attnum"
    for view in ("billing.usage_daily", "billing.tenant_usage"):
        assert [name for name in rows(module_db, of_view, view) if name in names] == names
    limits = "select name, limit_column from metrics where on_card order by sort_order"
    assert rows(module_db, limits) == [
        ("sms_outbound_count", "max_sms_per_month"),
        ("voice_minutes", "max_voice_minutes_per_month"),
        ("emails_sent", "max_emails_per_month"),
        ("ai_requests", "max_ai_requests_per_month"),
    ]
