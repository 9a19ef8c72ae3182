"""docs/add-a-metric.md, followed: SQL alone, and the metric is wherever metrics are."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app import release
from app.errors import Problem
from app.settings import ROOT
from tests.browsing import HTML, SUMMARY, bearer, browsing
from tests.pages import blocks, section
from tests.past import rows, value
from tests.people import People, settle
from tests.scratch import Scratch
from tests.server import Db

PAGE = "docs/add-a-metric.md"
PATCHES = ROOT / "docs/add-a-metric"
OVERVIEW, TENANTS = "/admin/billing-overview", "/api/admin/billing/usage/tenants"
SILENT = {"plans.sql", "migrations/0017_whatsapp.rollback.sql"}
"""What may be left out: every plan is unlimited then; there is no way back."""


def patches() -> dict[str, str]:
    """The changes of its patches, by the file that they change."""
    text = "".join(patch.read_text() for patch in sorted(PATCHES.glob("*.diff")))
    return {
        re.findall(r"^\+\+\+ b/(.+)$", part, re.MULTILINE)[0]: part
        for part in re.split(r"(?=^--- )", text, flags=re.MULTILINE)
        if part
    }


def apply(checkout: Path, *texts: str) -> None:
    subprocess.run(["git", "apply"], cwd=checkout, input="".join(texts), text=True, check=True)


def errors(db: Db) -> list[Any]:
    return rows(db, "select rule, object from findings where severity = 'error'")


@pytest.fixture
def followed(db: Db, tmp_path: Path) -> Iterator[tuple[Scratch, People, dict[str, str]]]:
    """Every block up to the end of "Seeing it", with what the last commands said."""
    people = settle(db)
    place, said = Scratch(tmp_path, db), dict[str, str]()
    for block in blocks(PAGE):
        if block.heading == "Taking it back":
            break
        if block.not_run is None and block.language in ("sh", "sql"):
            done = (place.sh if block.language == "sh" else place.psql)(block.text)
            assert done.returncode == 0, f"{block}: {done.stdout}{done.stderr}"
            said[block.text.split()[0]] = done.stdout
    yield place, people, said


def test_the_page_as_it_is_written(followed: tuple[Scratch, People, dict[str, str]]) -> None:
    place, people, said = followed
    assert place.db
    db, today = place.db, datetime.now(UTC).date()
    assert errors(db) == []
    first = value(db, "select min(id::text) from data.tenants")
    assert re.search(rf"{first} +\| {today} +\| +2\b", said["select"])
    changed = subprocess.run(
        ["diff", "-rq", "--exclude=*.sql", "--exclude=__pycache__", ".", str(ROOT)],
        cwd=place.path,
        capture_output=True,
        text=True,
    ).stdout
    assert not [line for line in changed.splitlines() if line.startswith("Files ")]

    rows(
        db,
        "insert into data.whatsapp_messages (tenant_id, occurred_at, status, provider_id)"
        " select %s, now() - interval '1 day' * (n %% 2), 'delivered', 'late ' || n"
        " from generate_series(1, 898) as n",
        first,
        login="billing_ingest",
    )
    assert value(db, "select billing.run_usage('test')", login="billing_operator") == 0
    owner = bearer(people.token("owner", first))
    root = bearer(people.token("root"))
    with browsing(db) as browser:
        document = browser.get(SUMMARY, headers=owner).json()
        page = browser.get("/settings/billing", headers=owner | HTML).text
        file = browser.get("/api/billing/usage/daily.csv", headers=owner).text
        overview = browser.get(OVERVIEW, params={"sort": "whatsappSent"}, headers=root | HTML)
        listed = browser.get(TENANTS, headers=root).json()
        table = browser.get(f"{TENANTS}.csv", headers=root).text
        described = browser.get("/schema/openapi.json", headers=root).json()

    # JSON, its description, CSV
    assert "whatsappSent" in described["components"]["schemas"]["UsageDay"]["properties"]
    yesterday = today - timedelta(days=1)
    used = 2 + 449 + (449 if yesterday.month == today.month else 0)
    assert document["totalsForPeriod"]["whatsappSent"] == used
    assert document["planLimits"]["maxWhatsappPerMonth"] == 1000
    days = {day["date"]: day["whatsappSent"] for day in document["dailyUsage"]}
    assert (days[f"{yesterday}"], days[f"{today}"]) == (449, 451)
    assert list(csv.DictReader(io.StringIO(file)))[-1]["whatsappSent"] == "451"

    # page: the card with the state of its limit, a panel, a column, the sentence, the statuses
    *_, card = cards(page)
    assert len(cards(page)) == 5
    text = re.sub(r"<[^>]+>|\s+", " ", card.partition("</article>")[0])
    assert "WhatsApp sent" in text
    assert "of 1,000" in text
    assert ("Approaching" in text) == (used >= 800)
    assert re.search(r'<fieldset class="panel series-3".*?WhatsApp sent', page, re.DOTALL)
    assert re.search(r"<th[^>]*>\s*WhatsApp\b", page)
    assert "Messages by the day they were sent." in page
    assert "delivered, read, sent" in page

    # overview: column, sum, order
    assert overview.status_code == 200, overview.text
    assert "WhatsApp" in overview.text
    assert re.search(rf"WhatsApp sent\s*</h2>.*?\b{used}\b", overview.text, re.DOTALL)
    totals = {entry["tenantId"]: entry["totalsForPeriod"] for entry in listed}
    assert {who: total["whatsappSent"] for who, total in totals.items()} == {
        str(people.own): used * (str(people.own) == first),
        str(people.foreign): used * (str(people.foreign) == first),
    }
    (line,) = (row for row in csv.DictReader(io.StringIO(table)) if row["tenantId"] == first)
    assert line["whatsappSent"] == str(used)

    # explain and verify
    explained = json.loads(place.sh(f"billing explain {first} {today} whatsapp_sent --json").stdout)
    assert Counter(row["reason"] for row in explained["rows"]) == {
        "counted": 451,
        "not_counted": 1,
        "pending": 1,
    }
    verify = f"billing verify {yesterday} {yesterday}"
    assert "0 differences" in place.sh(verify).stdout
    rows(db, "update data.billing_usage_daily set whatsapp_sent = 7 where whatsapp_sent = 449")
    done = place.sh(verify)
    assert (done.returncode, "whatsapp_sent: 7 → 449" in done.stdout) == (1, True), done.stdout

    # and back
    for language in ("sql", "sh"):
        (block,) = section(PAGE, "Taking it back", language)
        done = (place.sh if language == "sh" else place.psql)(block)
        assert done.returncode == 0, done.stdout + done.stderr
    gone = "select to_regclass('data.whatsapp_messages') is null"
    assert (value(db, gone), errors(db)) == (True, [])


def cards(page: str) -> list[str]:
    """The page cut before each card of a metric; they stand in the order of the metrics."""
    return page.split('<article class="card usage-card')[1:]


def test_another_name(db: Db, checkout: Path) -> None:
    """The page's other way: names put in by sed."""
    (command,) = (b.text for b in blocks(PAGE) if b.not_run and b.language == "sh")
    shutil.copytree(PATCHES, checkout / PATCHES.relative_to(ROOT))
    subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=checkout, check=True)
    release.migrate(db.settings(), lambda _: None)
    assert errors(db) == []
    assert value(db, "select telegram_sent from billing.tenant_usage union all select 0") == 0


def test_a_detail_of_another_card(db: Db, checkout: Path) -> None:
    """Without a card of its own it has no column in the overview, and nothing is missing."""
    chosen = {name: text for name, text in patches().items() if not re.match(r"sql/5[89]_", name)}
    words = chosen.pop("sql/50_metrics.sql")
    detail = words.replace("null, 'message', 3,", "'sms_outbound_count', null, null,")
    assert detail != words
    apply(checkout, *chosen.values(), detail)
    people = settle(db)
    release.migrate(db.settings(), lambda _: None)
    assert errors(db) == []
    owner = bearer(people.token("owner")) | HTML
    with browsing(db) as browser:
        page = browser.get("/settings/billing", headers=owner).text
    assert ["<dt>WhatsApp</dt>" in card for card in cards(page)] == [True, False, False, False]
    assert "panel series-3" not in page


@pytest.mark.parametrize("left_out", sorted(patches()))
def test_a_forgotten_step_is_named(db: Db, checkout: Path, left_out: str) -> None:
    """By an error of the release, or by a finding: the application does not start on either."""
    apply(checkout, *(text for name, text in patches().items() if name != left_out))
    try:
        release.migrate(db.settings(), lambda _: None)
        found = [name for _, name in errors(db)]
    except Problem as problem:
        found = [str(problem)]
    assert bool(found) == (left_out not in SILENT)
    assert all("whatsapp" in name or ": sql/" in name for name in found), found
