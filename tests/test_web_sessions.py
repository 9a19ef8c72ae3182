"""How long a session lasts, what ends it, and the same token as a header."""

import pytest

from tests.browsing import SUMMARY, Browser, bearer, cookies, sign_in, token_of, works
from tests.past import rows, value
from tests.people import People, digest

pytestmark = pytest.mark.usefixtures("cheap")


@pytest.mark.parametrize("everywhere", ["", "yes"])
def test_signing_out(browser: Browser, people: People, owner: str, everywhere: str) -> None:
    other, stranger = token_of(sign_in(browser, owner)), people.token()
    token = token_of(sign_in(browser, owner))
    form = {"form_secret": browser.cookies["form"], "everywhere": everywhere}
    response = browser.post("/logout", data=form)
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert cookies(response)["session"]["max-age"] == "0"
    assert "session" not in browser.cookies
    assert not works(browser, token)
    assert works(browser, other) is not bool(everywhere)
    assert works(browser, stranger)


def test_a_disabled_user_is_out(browser: Browser, people: People, owner: str) -> None:
    token = token_of(sign_in(browser, owner))
    rows(people.db, "select billing.disable_user(%s)", owner, login="billing_operator")
    assert not works(browser, token)
    assert sign_in(browser, owner).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        "last_seen_at = last_seen_at - make_interval(mins => session_idle_minutes, secs => 1)",
        "expires_at = clock_timestamp()",
    ],
)
def test_a_session_ends_by_itself(browser: Browser, people: People, change: str) -> None:
    token = people.token()
    assert works(browser, token)
    rows(
        people.db,
        f"update data.sessions set {change} from data.settings where token_sha256 = %s",  # noqa: S608
        digest(token),
    )
    assert not works(browser, token)


@pytest.mark.parametrize(("ago", "noted"), [(50, False), (70, True)])
def test_use_is_noted_once_a_minute(
    browser: Browser, people: People, ago: int, noted: bool
) -> None:
    token = people.token()
    aged = "clock_timestamp() - make_interval(secs => %s)"
    rows(
        people.db,
        f"update data.sessions set last_seen_at = {aged} where token_sha256 = %s",  # noqa: S608
        *(ago, digest(token)),
    )
    seen = "select last_seen_at from data.sessions where token_sha256 = %s"
    before = value(people.db, seen, digest(token))
    assert works(browser, token)
    assert (value(people.db, seen, digest(token)) > before) is noted


def test_a_bearer_counts_and_the_cookie_does_not(browser: Browser, people: People) -> None:
    """A header that names a session is the only one asked, even where it is wrong or empty."""
    browser.cookies.set("session", people.token(), domain="127.0.0.1")
    foreign = browser.get(SUMMARY, headers=bearer(people.token(tenant=people.foreign))).json()
    assert foreign["totalsForPeriod"] != browser.get(SUMMARY).json()["totalsForPeriod"]
    for wrong in ("Bearer wrong", "Bearer ", "Bearer", f"bearer {'x' * 10_000}"):
        assert browser.get(SUMMARY, headers={"Authorization": wrong}).status_code == 401
