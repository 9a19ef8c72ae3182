"""Guessing passwords: how often, from where, side by side; whose word counts for the address."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from app import passwords
from tests.browsing import PASSWORD, Browser, browsing, cookies, form_secret, let_in, sign_in
from tests.past import rows, value
from tests.people import People, digest

pytestmark = pytest.mark.usefixtures("cheap")

WINDOW = timedelta(minutes=15)


def statuses(browser: Browser, email: str, *passwords: str, **more: Any) -> list[int]:
    return [sign_in(browser, email, password, **more).status_code for password in passwords]


def seen_from(address: str) -> dict[str, Any]:
    return {"headers": {"X-Forwarded-For": address}}


def failed_from(people: People, address: str, number: int) -> None:
    """So many failures of as many accounts, just now."""
    rows(
        people.db,
        "insert into data.sign_in_attempts (attempted_at, address, succeeded, email_sha256)"
        " select clock_timestamp(), %s, false, sha256(convert_to(n || %s, 'UTF8'))"
        " from generate_series(1, %s) as n",
        *(address, address, number),
    )


def later(people: People, passed: timedelta) -> None:
    rows(people.db, "update data.sign_in_attempts set attempted_at = attempted_at - %s", passed)


def test_five_failures_close_an_account_for_a_while(
    browser: Browser, people: People, owner: str
) -> None:
    other = people.add("owner")
    let_in(people.db, other)
    spellings = (owner, owner.upper(), f" {owner} ", f"{owner}\0", owner.title())
    assert [statuses(browser, email, "wrong") for email in spellings] == [[401]] * 5
    response = sign_in(browser, owner)  # the right password
    assert response.status_code == 429
    seconds = int(response.headers["retry-after"])
    assert WINDOW.total_seconds() - 60 < seconds <= WINDOW.total_seconds()
    assert "Too many attempts. Try again in 15 minutes." in response.text
    assert "session" not in browser.cookies
    assert statuses(browser, other, PASSWORD) == [303]
    later(people, WINDOW - timedelta(minutes=1))
    response = sign_in(browser, owner)
    assert response.status_code == 429
    assert "Try again in 1 minute." in response.text
    later(people, timedelta(minutes=1))
    assert statuses(browser, owner, PASSWORD) == [303]


def test_an_account_that_does_not_exist_is_closed_alike(browser: Browser) -> None:
    assert statuses(browser, "no@body.example", *["wrong"] * 6) == [401] * 5 + [429]


def test_a_success_does_not_count_nor_wipe_the_slate(browser: Browser, owner: str) -> None:
    typed = ("wrong", PASSWORD, "wrong", PASSWORD, "wrong", "wrong", "wrong", PASSWORD)
    found = list[int]()
    for password in typed:
        found += statuses(browser, owner, password)
        if "device" in browser.cookies:
            browser.cookies.delete("device")
    assert found == [401, 303, 401, 303, 401, 401, 401, 429]


def test_who_has_signed_in_before_is_not_kept_out_by_others(
    browser: Browser, people: People, owner: str
) -> None:
    """The browser says who it is by a cookie that is another one after each time; guessing with it
    is throttled as it is without."""
    first = cookies(sign_in(browser, owner))["device"]
    assert {name: text for name, text in first.items() if text} == {
        "path": "/",
        "httponly": True,
        "samesite": "lax",
        "max-age": str(180 * 24 * 60 * 60),
    }
    with browsing(people.db) as stranger:
        assert statuses(stranger, owner, *["wrong"] * 5, PASSWORD) == [401] * 5 + [429]
        stranger.cookies.set("device", "made-up", domain="127.0.0.1")
        assert statuses(stranger, owner, PASSWORD) == [429]
    response = sign_in(browser, owner)
    assert response.status_code == 303
    assert cookies(response)["device"].value != first.value
    kept = rows(people.db, "select d::text from data.known_devices as d")
    assert not [row for row in kept if browser.cookies["device"] in row]
    assert statuses(browser, owner, *["wrong"] * 5, PASSWORD) == [401] * 5 + [429]
    with browsing(people.db) as old:
        old.cookies.set("device", first.value, domain="127.0.0.1")
        assert statuses(old, owner, PASSWORD) == [429]


@pytest.mark.parametrize("device", ["x" * 10_000, "", "\N{SNOWMAN}", "a b", "%00"])
def test_a_cookie_of_a_device_that_is_none(browser: Browser, owner: str, device: str) -> None:
    secret = form_secret(browser)
    form = {"form_secret": secret, "email": owner, "password": PASSWORD}
    headers: Any = {"Cookie": f"form={secret}; device={device}".encode()}
    browser.cookies.clear()
    assert browser.post("/login", data=form, headers=headers).status_code == 303


def test_an_attempt_while_closed_costs_nothing_and_prolongs_nothing(
    browser: Browser, people: People, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses(browser, owner, *["wrong"] * 5)
    monkeypatch.setattr(passwords, "verify", None)  # would be an error
    attempts = "select count(*) from data.sign_in_attempts"
    before = value(people.db, attempts)
    assert statuses(browser, owner, PASSWORD, "wrong") == [429, 429]
    assert value(people.db, attempts) == before


def test_guesses_side_by_side_count(browser: Browser, owner: str) -> None:
    form = {"form_secret": form_secret(browser), "email": owner, "password": "wrong"}
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: browser.post("/login", data=form).status_code, range(12)))
    assert sorted(answers) == [401] * 5 + [429] * 7


def test_thirty_failures_close_an_address(people: People, owner: str) -> None:
    """Whichever accounts were tried; other addresses stay open."""
    failed_from(people, "192.0.2.1", 30)
    failed_from(people, "192.0.2.2", 29)
    with browsing(people.db, trusted_proxies=1) as browser:
        assert statuses(browser, owner, PASSWORD, **seen_from("192.0.2.1")) == [429]
        assert statuses(browser, owner, "wrong", **seen_from("192.0.2.2")) == [401]
        assert statuses(browser, owner, PASSWORD, **seen_from("192.0.2.2")) == [429]
        assert statuses(browser, owner, PASSWORD, **seen_from("192.0.2.3")) == [303]


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (0, ["192.0.2.9"], "127.0.0.1"),  # nobody is believed
        (1, [], "127.0.0.1"),
        (1, ["192.0.2.9"], "192.0.2.9"),
        (1, ["6.6.6.6, 192.0.2.9"], "192.0.2.9"),  # what a client says of itself is left of that
        (1, ["6.6.6.6", "192.0.2.9"], "192.0.2.9"),  # a proxy that adds a line of its own
        (2, ["6.6.6.6, 192.0.2.9, 10.0.0.1"], "192.0.2.9"),
        (2, ["6.6.6.6"], "127.0.0.1"),  # came past the outer proxy
        (1, ["2001:DB8::1"], "2001:db8::"),
        (1, ["fe80::1%eth0"], "fe80::"),
        (1, ["garbage"], "127.0.0.1"),
        (1, ["192.0.2.9, "], "127.0.0.1"),
        (1, ["192.0.2.9'; drop table data.users; --"], "127.0.0.1"),
        (1, ["9" * 10_000], "127.0.0.1"),
        (1, [b"\xff\xfe"], "127.0.0.1"),
    ],
)
def test_whose_word_counts_for_the_address(
    people: People, trusted: int, forwarded: list[str], address: str
) -> None:
    email = people.add("owner")
    with browsing(people.db, client="127.0.0.1", trusted_proxies=trusted) as browser:
        headers: Any = [("X-Forwarded-For", line) for line in forwarded]
        assert statuses(browser, email, "wrong", headers=headers) == [401]
    kept = "select host(address) from data.sign_in_attempts where email_sha256 = %s"
    assert value(people.db, kept, digest(email)) == address


def test_an_address_that_is_none_is_no_error(browser: Browser, owner: str) -> None:
    """A server on a socket file knows no address of its clients."""
    assert statuses(browser, owner, PASSWORD) == [303]
