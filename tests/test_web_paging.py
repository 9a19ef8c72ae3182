"""A page behind the last one: 404 that names the last one, for JSON, files and pages alike."""

from datetime import date
from html import unescape

import pytest

from tests.browsing import HTML, JSON, Browser, bearer
from tests.people import People

NUMBER = "metric=smsOutboundCount"
YESTERDAY = "{yesterday}"
PLACES = {
    "/api/admin/billing/usage/tenants": "root",
    "/api/admin/billing/usage/tenants?q=Own&sort=tenantName": "root",
    "/api/admin/billing/usage/tenants?q=nobody": "root",
    "/admin/billing-overview": "root",
    "/admin/billing-overview?q=nobody&period={month}": "root",
    f"/api/billing/usage/explain?date={YESTERDAY}&{NUMBER}": "owner",
    f"/api/billing/usage/explain.csv?date={YESTERDAY}&{NUMBER}&reason=counted": "owner",
    f"/settings/billing/days/{YESTERDAY}?{NUMBER}": "owner",
    f"/settings/billing/days/{YESTERDAY}?{NUMBER}&reason=test": "owner",
    f"/api/admin/billing/usage/explain?tenantId={{own}}&date={YESTERDAY}&{NUMBER}": "root",
    f"/api/admin/billing/usage/explain.csv?tenantId={{own}}&date={YESTERDAY}&{NUMBER}": "root",
    f"/admin/billing/tenants/{{own}}/days/{YESTERDAY}": "root",
}


@pytest.mark.parametrize("place", PLACES)
def test_behind_the_last_page(
    browser: Browser, people: People, yesterday: date, place: str
) -> None:
    named = place.format(yesterday=yesterday, own=people.own, month=f"{yesterday:%Y-%m}")
    mark = "&" if "?" in named else "?"
    is_page = not place.startswith("/api/")
    headers = bearer(people.token(PLACES[place])) | (HTML if is_page else JSON)
    for page in (2, 999, 1_000_000):
        response = browser.get(f"{named}{mark}page={page}", headers=headers)
        assert response.status_code == 404
        sentence = f"There is no page {page:,}: the last one is page 1."
        assert sentence in (response.text if is_page else response.json()["detail"])
        assert "Previous" not in response.text
        assert " of 0" not in response.text
        last, _, relation = response.headers["link"].partition(">; ")
        assert relation == 'rel="last"'
        assert last.removeprefix("<") in unescape(response.text) or not is_page
        assert browser.get(last.removeprefix("<"), headers=headers).status_code == 200
    assert browser.get(f"{named}{mark}page=1", headers=headers).status_code == 200


@pytest.fixture
def yesterday(people: People) -> date:
    with people.db.connect() as connection:
        found = connection.execute("select billing.utc_day(now()) - 1").fetchone()
    assert found is not None
    return found[0]
