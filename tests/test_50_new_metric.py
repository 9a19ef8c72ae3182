"""docs/add-a-metric.md, followed: a metric is added in sql/ alone, and every page has it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import release
from tests.browsing import HTML, SUMMARY, bearer, browsing
from tests.ledgers import keep_books, tenant, use
from tests.past import rows
from tests.people import People
from tests.server import Db

SUM = "d.mms_outbound_count + d.mms_inbound_count"
"""A metric that sums two columns there are: the steps of one that needs no new column."""
CHANGES = [
    (
        "47_explain_usage.sql",
        "('ai_requests', 'ai_request', 'units', 'ai_requests')",
        "('ai_requests', 'ai_request', 'units', 'ai_requests'),"
        " ('mms_count', 'mms_outbound', 'units', 'messages'),"
        " ('mms_count', 'mms_inbound', 'units', 'messages')",
    ),
    (
        "50_metrics.sql",
        "can take several requests.')",
        "can take several requests.'),\n  (14, 'mms_count', 'mmsCount', 'MMS both ways', 'MMS',"
        " 'message', 'messages', null, null, 'message', 3, 'messages', 'Out and in.')",
    ),
    ("50_metrics.sql", "p_ai_requests bigint\n", "p_ai_requests bigint, p_mms_count bigint\n"),
    (
        "50_metrics.sql",
        "'aiRequests', p_ai_requests\n",
        "'aiRequests', p_ai_requests, 'mmsCount', p_mms_count\n",
    ),
    ("53_usage_daily.sql", "ai_requests bigint", "ai_requests bigint, mms_count bigint"),
    (
        "53_usage_daily.sql",
        "end as ai_requests\n",
        f"end as ai_requests, case when c.is_counted then coalesce({SUM}, 0) end as mms_count\n",
    ),
    ("53_usage_daily.sql", "x.ai_requests)", "x.ai_requests, x.mms_count)"),
    (
        "53_usage_daily.sql",
        "sum(d.ai_requests)::bigint",
        f"sum(d.ai_requests)::bigint, sum({SUM})::bigint",
    ),
    ("54_tenant_usage.sql", "ai_requests bigint", "ai_requests bigint, mms_count bigint"),
    ("54_tenant_usage.sql", "    u.ai_requests,\n", "    u.ai_requests,\n    u.mms_count,\n"),
    ("54_tenant_usage.sql", "u.ai_requests),", "u.ai_requests, u.mms_count),"),
    (
        "54_tenant_usage.sql",
        "coalesce(s.ai_requests, 0) as ai_requests\n",
        "coalesce(s.ai_requests, 0) as ai_requests, coalesce(s.mms_count, 0) as mms_count\n",
    ),
]


def change(checkout: Path, until: int | None = None) -> None:
    for name, old, new in CHANGES[:until]:
        file = checkout / "sql" / name
        text = file.read_text()
        assert old in text, (name, old)
        file.write_text(text.replace(old, new))


def test_a_metric_is_added_in_sql_alone(db: Db, checkout: Path) -> None:
    change(checkout)
    release.migrate(db.settings(), lambda _: None)
    assert rows(db, "select * from findings where severity = 'error'") == []
    today = datetime.now(UTC).date()
    keep_books(db, today, today)
    who = tenant(db)
    use(db, who, [today], mms_outbound_count=30, mms_inbound_count=4)
    people = People(db, who, who)
    owner = bearer(people.token())
    with browsing(db) as browser:
        document = browser.get(SUMMARY, headers=owner).json()
        page = browser.get("/settings/billing", headers=owner | HTML).text
        file = browser.get("/api/billing/usage/daily.csv", headers=owner).text.splitlines()
        api = browser.get("/schema/openapi.json", headers=bearer(people.token("root"))).json()
    assert list(document["totalsForPeriod"].items())[-1] == ("mmsCount", 34)
    assert document["dailyUsage"][-1]["mmsCount"] == 34
    assert [line.rsplit(",", 1)[-1] for line in (file[0], file[-1])] == ["mmsCount", "34"]
    assert list(api["components"]["schemas"]["UsageDay"]["properties"])[-1] == "mmsCount"
    assert page.count('<article class="card usage-card"') == 5
    assert page.count('<fieldset class="panel series-') == 3
    for word in ("MMS both ways", "Out and in."):
        assert word in page


@pytest.mark.parametrize("rule", ["metric_not_in_json", "metric_not_in_view"])
def test_a_forgotten_step_is_named(db: Db, checkout: Path, rule: str) -> None:
    change(checkout, until=2)
    release.migrate(db.settings(), lambda _: None)
    found = rows(db, "select object from findings where rule = %s", rule)
    assert found
    assert all(name.startswith("mms_count") for name in found)
