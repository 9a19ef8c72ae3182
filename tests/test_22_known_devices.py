"""Devices where somebody has signed in: not kept out by others, no way to guess more."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from tests.past import rows, value
from tests.people import People, digest, settle
from tests.server import Db

AUTH = "billing_auth"
BEGIN = "select attempt_id, retry_after_seconds from begin_sign_in(%s, %s, %s)"
FINISH = "select (finish_sign_in(%s, %s, %s, %s, null)).email"
OPERATOR = "billing_operator"
_addresses = count(1)
_tokens = count(1)


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    return settle(module_db)


def elsewhere() -> str:
    """An address in a network of its own."""
    number = next(_addresses)
    return f"10.{number // 250}.{number % 250}.1"


def attempt(people: People, email: str, device: bytes | None, address: str | None = None) -> Any:
    """The number of an attempt; None while throttled."""
    number, wait = value(people.db, BEGIN, email, address or elsewhere(), device, login=AUTH)
    assert (number is None) is (wait is not None)
    return number


def sign_in(people: People, email: str, device: bytes | None = None) -> bytes:
    """The right password; the device's new token."""
    token = next(_tokens)
    session, known = digest(f"session {token}"), digest(f"device {token}")
    number = attempt(people, email, device)
    assert value(people.db, FINISH, number, email, session, known, login=AUTH) == email
    return known


def shut(people: People, email: str) -> None:
    """Somebody else guesses until this account is closed to strangers."""
    for _ in range(5):
        assert attempt(people, email, None)
    assert attempt(people, email, None) is None


def devices(people: People, email: str) -> list[bytes]:
    return rows(
        people.db,
        "select token_sha256 from data.known_devices as d join data.users as u on u.id = user_id"
        " where u.email = %s order by signed_in_at",
        email,
    )


def test_others_wrong_passwords_do_not_keep_a_known_device_out(people: People) -> None:
    email = people.add("owner")
    device = sign_in(people, email)
    shut(people, email)
    assert attempt(people, email, digest("made up")) is None
    again = sign_in(people, email.upper().lower(), device)
    assert devices(people, email) == [again]  # a new token for the old one
    assert attempt(people, email, device) is None
    assert attempt(people, email, again)


def test_a_known_device_has_five_guesses_of_its_own_and_no_more(people: People) -> None:
    email = people.add("owner")
    device, other = sign_in(people, email), sign_in(people, email)
    for _ in range(5):
        assert attempt(people, email, device)
    assert attempt(people, email, device) is None
    assert attempt(people, email, other)  # is another
    for _ in range(5):  # strangers have theirs, too
        assert attempt(people, email, None)
    assert attempt(people, email, None) is None
    rows(people.db, "update data.sign_in_attempts set attempted_at = attempted_at - interval '15m'")
    assert attempt(people, email, device)


def test_a_device_is_known_for_its_own_user_only(people: People) -> None:
    mine, other = people.add("owner"), people.add("owner")
    device = sign_in(people, mine)
    for email in (other, "nobody@people.example"):
        shut(people, email)
        assert attempt(people, email, device) is None
    # nor is it worth anything where everybody is kept out who is not known
    assert attempt(people, mine, device)


def test_a_known_device_passes_a_throttled_address_and_counts_there(people: People) -> None:
    email, address = people.add("owner"), elsewhere()
    device = sign_in(people, email)
    for number in range(28):
        assert attempt(people, f"{number}@many.example", None, address)
    for _ in range(2):
        assert attempt(people, email, device, address)
    assert attempt(people, people.add("owner"), None, address) is None
    assert attempt(people, email, device, address)


def test_whoever_ends_everything_is_known_nowhere(people: People) -> None:
    """Another password, disabled, signed out everywhere; signing out here leaves it as it is."""
    ends = {
        "set_password": ("select set_password(%s, 'other')", OPERATOR),
        "disable_user": ("select disable_user(%s)", OPERATOR),
    }
    for statement, login in ends.values():
        email = people.add("owner")
        device = sign_in(people, email)
        rows(people.db, statement, email, login=login)
        assert devices(people, email) == []
        shut(people, email)
        assert attempt(people, email, device) is None
    email = people.add("owner")
    stay = people.add("owner")
    sign_in(people, email)
    sign_in(people, stay)
    token = "a token"  # noqa: S105
    rows(people.db, "select issue_session(%s, %s, 15)", email, digest(token), login=OPERATOR)
    rows(people.db, "select sign_out(%s, true)", "not a token", login=AUTH)
    rows(people.db, "select sign_out(%s, false)", token, login=AUTH)
    assert len(devices(people, email)) == 1
    rows(people.db, "select issue_session(%s, %s, 15)", email, digest(token * 2), login=OPERATOR)
    rows(people.db, "select sign_out(%s, true)", token * 2, login=AUTH)
    assert devices(people, email) == []
    assert len(devices(people, stay)) == 1


def test_ten_devices_are_known_and_the_oldest_is_forgotten(people: People) -> None:
    email = people.add("owner")
    known = [sign_in(people, email) for _ in range(12)]
    assert devices(people, email) == known[2:]
    again = sign_in(people, email, known[2])
    assert devices(people, email) == [*known[3:], again]


def test_a_device_is_forgotten_after_half_a_year(people: People) -> None:
    email = people.add("owner")
    device = sign_in(people, email)
    ago = "update data.known_devices set signed_in_at = now() - %s where token_sha256 = %s"
    for days, is_known in ((179, True), (181, False)):
        rows(people.db, "delete from data.sign_in_attempts")
        rows(people.db, ago, timedelta(days=days), device)
        shut(people, email)
        assert (attempt(people, email, device) is not None) is is_known
        rows(people.db, "select billing.prune_identity()")
        assert bool(devices(people, email)) is is_known
