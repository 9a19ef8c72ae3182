"""What root may ask Billing Overview for: order, search, filters; an unknown wish is told."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from tests.browsing import HTML, Browser
from tests.ledgers import tenant
from tests.overview import JSON, PAGE, TENANTS, TODAY, filed, listed, names
from tests.overview import root as root
from tests.past import rows, value
from tests.people import People
from tests.releases import migrate
from tests.server import Db


def test_the_heaviest_come_first_and_everybody_is_there(root: tuple[Browser, People]) -> None:
    browser, _ = root
    assert set(names(browser)) == {name for name, *_ in TENANTS}
    sent = [entry["totalsForPeriod"]["smsOutboundCount"] for entry in listed(browser)]
    assert sent == sorted(sent, reverse=True)
    assert names(browser, "sort=tenantName&dir=desc") == names(browser, "sort=tenantName")[::-1]
    page = browser.get(PAGE, headers=HTML).text
    assert page.count('aria-sort="descending"') == 1
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=zero_u", {"Zero_Use"}),
        ("q=100%25", {"Growing 100%"}),
        ("q=OVER", {"Over & Out"}),
        ("q=%25", {"Growing 100%"}),
        ("q=nobody", set[str]()),
        ("plan=none", {"=cmd|' /C calc'!A0"}),
        ("status=suspended", {"Zero Use"}),
        ("plan=pro&status=active", {"Zero_Use"}),
        ("q=&plan=&status=&sort=&dir=&show=", {name for name, *_ in TENANTS}),
        ("show=quiet", {"Zero_Use", "Zero Use"}),
    ],
)
def test_search_and_filters(root: tuple[Browser, People], query: str, found: set[str]) -> None:
    browser, _ = root
    assert set(names(browser, query)) == found
    if not found:
        assert "Clear filters" in browser.get(f"{PAGE}?{query}", headers=HTML).text


@pytest.mark.parametrize(
    ("name", "searches"),
    [
        ("ΟΔΟΣ", ["οδος", "οδοσ", "Οδος", "ΟΔΟΣ", "δος", "ΔΟσ"]),
        ("Παράδεισος ΑΕ", ["παράδεισος", "ΠΑΡΆΔΕΙΣΟΣ", "παράδεισοσ"]),  # noqa: RUF001
        ("Straßenbau", ["STRASSENBAU", "straße", "STRAẞE", "strasse"]),
        ("STRAẞE", ["straße", "strasse", "STRASSE"]),
        ("Zoë", ["ZOË", "Zoe\u0308", "ZOE\u0308", "zoë"]),
        ("Zoe\u0308 2", ["zoë 2", "ZOE\u0308 2"]),
        ("İstanbul Gıda", ["istanbul", "ISTANBUL", "İSTANBUL", "ıstanbul gıda", "GIDA"]),  # noqa: RUF001
        ("ＡＢＣ Ltd", ["abc", "ＡＢＣ", "ａｂｃ ltd"]),  # noqa: RUF001
        ("Ёлка", ["ЁЛКА", "ёлка", "Е\u0308лка"]),  # noqa: RUF001
        ("ﬁrst Ofﬁce", ["FIRST", "office"]),
        ("50% _off_", ["50%", "% _", "_OFF_"]),
    ],
)
def test_search_whatever_the_case(
    root: tuple[Browser, People], name: str, searches: list[str]
) -> None:
    browser, people = root
    who = tenant(people.db, "pro", name=name)
    try:
        for search in searches:
            assert names(browser, urlencode({"q": search})) == [name], search
        for other in ("Zoe2", "50x", "_off%", "odos"):
            assert name not in names(browser, urlencode({"q": other}))
    finally:
        rows(people.db, "delete from data.tenants where id = %s", who)


@pytest.mark.parametrize(
    "made",
    [
        "locale 'C'",
        "locale 'C.UTF-8'",
        "locale_provider icu icu_locale 'und' locale 'C'",
        "locale_provider icu icu_locale 'tr' locale 'C'",
        "locale_provider icu icu_locale 'und-u-ks-level1' locale 'C'",
    ],
)
def test_no_collation_of_the_database_decides(module_db: Db, made: str) -> None:
    """Neither what is found nor who a user is, nor whether a release can be installed."""
    statement = "create database elsewhere template template0 encoding 'UTF8' "
    rows(module_db, statement + made)
    elsewhere = replace(module_db, name="elsewhere")
    try:
        migrate(elsewhere)
        for text, key in {
            "ΟΔΟΣ οδος": "ΟΔΟΣ ΟΔΟΣ",
            "Straße STRAẞE": "STRASSE STRASSE",
            "iıİI": "IIII",  # noqa: RUF001
            "Zoe\u0308": "ZOË",
        }.items():
            assert value(elsewhere, "select billing.search_key(%s)", text) == key
            assert value(elsewhere, "select strpos(billing.search_key('x' || %s), %s)", text, key)
        for one, other in (("ÄNN@X", "a\u0308nn@x"), ("IAN@x", "ian@x")):
            same = "select billing.email_key(%s) = billing.email_key(%s)"
            assert value(elsewhere, same, one, other)
    finally:
        rows(module_db, "drop database elsewhere with (force)")


def test_over_near_and_their_counts(root: tuple[Browser, People]) -> None:
    """As the tenant's own limits say, counted on the buttons."""
    browser, _ = root
    states = {entry["tenantName"]: entry["limitState"] for entry in listed(browser)}
    over = {name for name, state in states.items() if state == "over"}
    near = over | {name for name, state in states.items() if state == "approaching"}
    assert over
    assert set(names(browser, "show=over")) == over
    assert set(names(browser, "show=near")) == near
    page = browser.get(PAGE, headers=HTML).text
    assert f"Over a limit ({len(over)})" in page
    assert f"≥ 80 % ({len(near)})" in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("plan=gold", "plan: there is no &#34;gold&#34;; choose one of starter, pro"),
        ("status=gone", "status: there is no"),
        ("sort=id;drop", "sort: there is no"),
        ("dir=up", "dir: there is no"),
        ("show=all", "show: there is no"),
        ("page=0", "page"),
        ("page=x", "page"),
        ("page=99999999999999999999", "page"),
        ("period=2026-13", "period: write it as YYYY-MM"),
        ("q=%00", "q: "),
    ],
)
def test_an_unknown_value_is_told(root: tuple[Browser, People], query: str, words: str) -> None:
    browser, _ = root
    page = browser.get(f"{PAGE}?{query}", headers=HTML)
    assert page.status_code == 400
    assert words in page.text
    for path in (JSON, f"{JSON}.csv"):
        assert browser.get(f"{path}?{query}").status_code == 422


def test_a_past_period_says_whose_limits_judge_it(root: tuple[Browser, People]) -> None:
    browser, _ = root
    past = (TODAY.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    told = "Past period, compared with each tenant\u2019s current plan"
    assert told in browser.get(f"{PAGE}?period={past}", headers=HTML).text
    assert told in browser.get(f"{PAGE}?period={past}&q=nobody", headers=HTML).text
    assert told not in browser.get(PAGE, headers=HTML).text
    assert told not in browser.get(f"{PAGE}?period={TODAY:%Y-%m}", headers=HTML).text


def test_a_period_that_is_none(root: tuple[Browser, People]) -> None:
    """Before the first billed day there is nothing, and that is said in every form; a month to come
    is told apart on pages. Nobody fitting is something else: a file of names only."""
    browser, people = root
    pages = (PAGE, f"/admin/billing/tenants/{people.own}")
    for path in (*pages, JSON, f"{JSON}.csv"):
        for period in ("1999-12", "2999-01"):
            answer = browser.get(f"{path}?period={period}", headers=HTML)
            if path in pages and period == "2999-01":
                assert answer.status_code == 400
                assert "January 2999 has not begun yet." in answer.text
            else:
                assert answer.status_code == 404, path
                assert f"There is no usage for {period}" in answer.text
    assert filed(browser, "q=nobody") == []
    assert browser.get(f"{JSON}.csv?q=nobody").text.startswith("tenantId,tenantName,")
