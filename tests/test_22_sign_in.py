"""Signing in, as the database sees it: attempts, throttling, sessions, pruning."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from psycopg import errors as pg

from tests.past import rows, value
from tests.people import People, digest, settle
from tests.server import Db
from tests.together import at_once

AUTH = "billing_auth"
ADDRESS = "192.0.2.1"
BEGIN = "select attempt_id, password_hash, retry_after_seconds from begin_sign_in(%s, %s, %s)"
FINISH = "select (finish_sign_in(%s, %s, %s, sha256(random()::text::bytea), %s)).email"


@pytest.fixture(scope="module")
def settled(module_db: Db) -> People:
    return settle(module_db)


@pytest.fixture
def people(settled: People) -> People:
    """Nobody has tried to sign in yet."""
    rows(settled.db, "delete from data.sign_in_attempts")
    return settled


def begin(
    people: People, email: str | None, address: str | None = ADDRESS, device: bytes | None = None
) -> Any:
    return value(people.db, BEGIN, email, address, device, login=AUTH)


def age_attempts(people: People, by: timedelta) -> None:
    rows(people.db, "update data.sign_in_attempts set attempted_at = attempted_at - %s", by)


def test_five_failures_and_the_account_waits(people: People) -> None:
    """Known or not, disabled or not: the same answer; after 15 minutes there is a try again."""
    disabled = people.add("owner")
    rows(people.db, "select disable_user(%s)", disabled, login="billing_operator")
    for email in (people.add("owner"), "nobody@people.example", disabled):
        for number in range(5):
            attempt, _, wait = begin(people, f" {email.upper()} ", f"192.0.2.{number}")
            assert (attempt is not None, wait) == (True, None)
        attempt, password_hash, wait = begin(people, email, "198.51.100.1")
        assert (attempt, password_hash) == (None, None)
        assert 890 <= wait <= 900
    age_attempts(people, timedelta(minutes=14, seconds=30))
    assert 1 <= begin(people, email)[2] <= 30
    age_attempts(people, timedelta(seconds=31))
    assert begin(people, email)[2] is None


def test_thirty_failures_and_the_address_waits(people: People) -> None:
    for number in range(30):
        assert begin(people, f"{number}@people.example")[2] is None
    assert begin(people, people.add("owner"))[2] > 0
    assert begin(people, people.add("owner"), "192.0.2.2")[2] is None
    assert begin(people, people.add("owner"), None)[2] is None


def test_one_ipv6_network_is_one_address(people: People) -> None:
    """A /64 is what one customer has; IPv4 behind a socket for both families stays an address."""
    for number in range(30):
        assert begin(people, f"{number}@people.example", f"2001:db8:1:2::{number:x}")[2] is None
    assert begin(people, people.add("owner"), "2001:db8:1:2:ffff::1")[2] > 0
    assert begin(people, people.add("owner"), "2001:db8:1:3::1")[2] is None


@pytest.mark.parametrize(
    ("address", "beyond"), [("2001:db8:1:{:x}::1", "2001:db8:2::1"), ("192.0.2.{}", "192.0.3.1")]
)
def test_a_network_has_its_own_bound(people: People, address: str, beyond: str) -> None:
    """Who has a /48 has 65,536 of /64, and a /24 is often one customer's, too."""
    for number in range(150):
        assert begin(people, f"{number}@people.example", address.format(number))[2] is None
    assert 890 <= begin(people, people.add("owner"), address.format(200))[2] <= 900
    assert begin(people, people.add("owner"), beyond)[2] is None
    age_attempts(people, timedelta(minutes=15, seconds=1))
    assert begin(people, people.add("owner"), address.format(200))[2] is None


def test_guesses_side_by_side_from_one_network_all_count(people: People) -> None:
    rows(
        people.db,
        "insert into data.sign_in_attempts (network, succeeded, email_sha256)"
        " select '2001:db8:7::/48', false, sha256(n::text::bytea)"
        " from generate_series(1, 140) as n",
    )
    tries = [
        partial(begin, people, f"{number}@many.example", f"2001:db8:7:{number}::1")
        for number in range(30)
    ]
    assert sum(wait is None for _, _, wait in at_once(*tries)) == 10


def test_guesses_side_by_side_from_one_address_all_count(people: People) -> None:
    """Of forty at once, each at another account, exactly thirty are looked at."""
    tries = [
        partial(begin, people, f"{number}@many.example", "198.51.100.9") for number in range(40)
    ]
    assert sum(wait is None for _, _, wait in at_once(*tries)) == 30


def test_successes_are_not_held_against_anybody(people: People) -> None:
    email = people.add("owner")
    for number in range(8):
        attempt, _, wait = begin(people, email)
        assert wait is None
        token = digest(f"{email} {number}")
        assert value(people.db, FINISH, attempt, email, token, None, login=AUTH) == email


def test_guesses_side_by_side_count(people: People) -> None:
    """The fifth is not written yet: the sixth waits for it, and is not looked at."""
    email = people.add("owner")
    for _ in range(4):
        assert begin(people, email)[2] is None
    with people.db.connect(AUTH) as one, people.db.connect(AUTH) as two:
        two.execute("set lock_timeout = '100ms'")
        with one.transaction():
            one.execute(BEGIN, [email, ADDRESS, None])
            with pytest.raises(pg.LockNotAvailable):
                two.execute(BEGIN, [email.upper(), "198.51.100.2", None])
    assert begin(people, email)[2] > 0


def test_an_attempt_opens_one_session_of_its_own_account(people: People) -> None:
    mine, other = people.add("owner"), people.add("root")
    attempt = begin(people, mine)[0]
    finish = (people.db, FINISH)
    with pytest.raises(pg.InsufficientPrivilege, match="no such attempt"):
        value(*finish, attempt, other, digest("a"), "stolen", login=AUTH)
    for number in (None, 0, -1, attempt + 1, 2**63 - 1):
        with pytest.raises(pg.InsufficientPrivilege):
            value(*finish, number, mine, digest("b"), None, login=AUTH)
    assert value(*finish, attempt, mine.upper(), digest("c"), "renewed", login=AUTH) == mine
    with pytest.raises(pg.InsufficientPrivilege):
        value(*finish, attempt, mine, digest("d"), None, login=AUTH)
    hashes = "select password_hash from data.users where email = any (%s) order by role"
    assert rows(people.db, hashes, [mine, other]) == ["-", "renewed"]
    with pytest.raises(pg.UniqueViolation):
        value(*finish, begin(people, mine)[0], mine, digest("c"), None, login=AUTH)


def test_who_is_disabled_meanwhile_is_not_let_in(people: People) -> None:
    email = people.add("owner")
    attempt = begin(people, email)[0]
    rows(people.db, "select disable_user(%s)", email, login="billing_operator")
    assert value(people.db, FINISH, attempt, email, digest(email), None, login=AUTH) is None
    assert (
        value(
            people.db, "select count(*) from data.sessions where token_sha256 = %s", digest(email)
        )
        == 0
    )


def test_a_session_lasts_as_long_as_settings_say(people: People) -> None:
    email = people.add("owner")
    sessions = "select expires_at - created_at from data.sessions where token_sha256 = %s"
    value(people.db, FINISH, begin(people, email)[0], email, digest("12 h"), None, login=AUTH)
    assert value(people.db, sessions, digest("12 h")) == timedelta(hours=12)
    for minutes in (0, -1, -(2**31)):
        with pytest.raises(pg.Error):
            value(
                people.db,
                "select issue_session(%s, %s, %s)",
                email,
                digest("0"),
                minutes,
                login="billing_operator",
            )


def test_touching_keeps_alive_and_revives_nobody(people: People) -> None:
    token = people.token()
    seen = "select now() - last_seen_at from data.sessions where token_sha256 = %s"
    idle = "update data.sessions set last_seen_at = now() - %s where token_sha256 = %s"
    touch = "select (touch_session(%s)).email is not null"
    for minutes, alive, left in ((59, True, 0), (61, False, 61)):
        rows(people.db, idle, timedelta(minutes=minutes), digest(token))
        assert value(people.db, touch, token, login=AUTH) is alive
        assert value(people.db, seen, digest(token)) // timedelta(minutes=1) == left


def test_old_sessions_and_attempts_are_pruned(people: People) -> None:
    token, kept = people.token(), people.token()
    begin(people, "old@people.example")
    age_attempts(people, timedelta(days=8))
    begin(people, "new@people.example")
    rows(
        people.db,
        "update data.sessions set expires_at = now() - interval '31 days' where token_sha256 = %s",
        digest(token),
    )
    assert value(people.db, "select run_nightly()", login="billing_operator") == 0
    there = "select count(*) from data.sessions where token_sha256 = any (%s)"
    assert value(people.db, there, [digest(token)]) == 0
    assert value(people.db, there, [digest(kept)]) == 1
    assert value(people.db, "select count(*) from data.sign_in_attempts") == 1
