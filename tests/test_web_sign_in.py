"""Signing in by the form: one answer for every failure, and what the browser gets to keep."""

import html

import pytest
from argon2 import extract_parameters

from app import passwords, public_url
from tests.browsing import (
    PASSWORD,
    SUMMARY,
    Browser,
    browsing,
    cookies,
    let_in,
    sign_in,
    token_of,
    works,
)
from tests.past import rows, value
from tests.people import People, digest
from tests.server import Db

pytestmark = pytest.mark.usefixtures("cheap")


def test_nobody_learns_who_exists(
    browser: Browser, owner: str, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong password, unknown and disabled: one status, one text, one check of the same cost."""
    disabled = people.add("owner")
    let_in(people.db, disabled)
    rows(people.db, "select billing.disable_user(%s)", disabled, login="billing_operator")
    checks, verify = [], passwords.verify

    def counted(password_hash: str, password: str) -> bool:
        checks.append(extract_parameters(password_hash))
        return verify(password_hash, password)

    monkeypatch.setattr(passwords, "verify", counted)
    answers = set()
    for email, password in ((owner, "wrong"), ("no@body.example", PASSWORD), (disabled, PASSWORD)):
        response = sign_in(browser, email, password)
        assert response.status_code == 401
        assert cookies(response).keys() == {"form"}
        answers.add(response.text.replace(html.escape(email), "the e-mail"))
    assert len(answers) == 1
    assert "E-mail or password is wrong." in answers.pop()
    assert checks == [extract_parameters(passwords.nobodys_hash())] * 3


def test_the_right_password_opens_a_session(browser: Browser, module_db: Db, owner: str) -> None:
    response = sign_in(browser, f" {owner.upper()} ", fields={"next": "/settings/billing?a=1"})
    assert response.headers["location"] == "/settings/billing?a=1"
    morsel = cookies(response)["session"]
    assert {name: text for name, text in morsel.items() if text} == {
        "path": "/",
        "httponly": True,
        "samesite": "lax",
    }
    assert browser.get(response.headers["location"]).status_code == 200
    kept = rows(
        module_db, "select s::text, token_sha256 from data.sessions as s order by created_at"
    )
    assert kept[-1][1] == digest(morsel.value)
    assert not [row for row, _ in kept if morsel.value in row]


def test_behind_tls_the_cookies_are_bound_to_the_host(module_db: Db, owner: str) -> None:
    url = "https://billing.example.org"
    with browsing(module_db, url, public_url=public_url.parse(url)) as browser:
        response = sign_in(browser, owner)
        assert browser.get(SUMMARY).status_code == 200
        form = browser.get("/login")
    for name, said in (("__Host-session", response), ("__Host-form", form)):
        morsel = cookies(said)[name]
        assert {key for key, text in morsel.items() if text} == {
            *("path", "httponly", "samesite", "secure")
        }


def test_a_session_brought_along_does_not_survive(browser: Browser, people: People) -> None:
    """Whatever token an attacker planted, the one after signing in is new, each time."""
    victim, planted = people.add("owner"), people.token("admin")
    let_in(people.db, victim)
    tokens = set()
    for brought in (planted, "chosen-by-the-attacker"):
        browser.cookies.set("session", brought, domain="127.0.0.1")
        tokens.add(token_of(sign_in(browser, victim)))
        browser.cookies.delete("session")
    assert len(tokens) == 2
    assert tokens.isdisjoint({planted, "chosen-by-the-attacker"})
    assert min(map(len, tokens)) >= 43  # 256 bits
    assert not works(browser, "chosen-by-the-attacker")


def test_an_outdated_hash_is_renewed_once(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the real cost
    email = people.add("owner")
    let_in(people.db, email)
    stored = "select password_hash from data.users where email = %s"
    hashes = [value(people.db, stored, email)]
    with browsing(people.db) as browser:
        for _ in range(2):
            token_of(sign_in(browser, email))
            hashes.append(value(people.db, stored, email))
    outdated, renewed, kept = hashes
    assert passwords.HASHER.check_needs_rehash(outdated)
    assert not passwords.HASHER.check_needs_rehash(renewed)
    assert renewed == kept
