"""`billing user` and `billing session`: sentences, exit codes, and passwords that nobody sees."""

import os
import pty
import subprocess
from uuid import uuid4

import pytest
from click.testing import Result

from app import passwords, users
from app.settings import ROOT
from tests.browsing import PASSWORD, SUMMARY, bearer, browsing, sign_in
from tests.command_line import PROGRAM, Billing, billing_on
from tests.past import rows, value
from tests.people import People
from tests.server import BIN

STORED = "select password_hash from data.users where email = %s"


@pytest.fixture
def billing(people: People, cheap: None) -> Billing:  # noqa: ARG001
    """The command, with the lines of a pipe; whatever it says is not the password."""

    def run(*words: str, pipe: str = PASSWORD) -> Result:
        result = billing_on(people.db, *words, pipe=f"{pipe}\n")
        if pipe:
            assert pipe not in result.output
        assert "argon2" not in result.output
        return result

    return run


def refused(result: Result, code: int, words: str) -> None:
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert result.stderr.startswith("billing: ")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_somebody_added_can_sign_in(people: People, billing: Billing) -> None:
    own = ("--role", "owner", "--tenant", str(people.own))
    result = billing("user", "add", "Ann@New.example", *own)
    assert (result.exit_code, result.stdout) == (0, "Ann@New.example may sign in as owner.\n")
    assert billing("user", "add", "boss@new.example", "--role", "root").exit_code == 0
    with browsing(people.db) as browser:
        assert sign_in(browser, "ann@new.example").status_code == 303
        assert sign_in(browser, "boss@new.example").status_code == 303
    listed = billing("user", "list").stdout.splitlines()
    assert f"{'Ann@New.example':<40}owner   active    Own Inc" in listed
    assert f"{'boss@new.example':<40}root    active    " in listed


def test_another_password_ends_the_sessions(people: People, billing: Billing) -> None:
    email = people.add("owner")
    before = users.session(people.db.settings(), email)
    result = billing("user", "passwd", email)
    assert result.stdout == f"{email} has another password; every session has ended.\n"
    with browsing(people.db) as browser:
        assert browser.get(SUMMARY, headers=bearer(before)).status_code == 401
        assert sign_in(browser, email).status_code == 303


def test_disabling(people: People, billing: Billing) -> None:
    email = people.add("owner")
    before = users.session(people.db.settings(), email)
    assert billing("user", "disable", email).stdout == (
        f"{email} may not sign in any more; every session has ended.\n"
    )
    with browsing(people.db) as browser:
        assert browser.get(SUMMARY, headers=bearer(before)).status_code == 401
    assert f"{email:<40}owner   disabled  Own Inc" in billing("user", "list").stdout
    refused(billing("session", email), 2, f"user {email} is disabled")


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "A password needs 12 to 200 characters"),
        ("short-pass1", "A password needs 12 to 200 characters"),
        ("long" * 51, "A password needs 12 to 200 characters"),
        ("aaaaaaaaaaaaaa", "too easy to guess: choose unrelated words"),
        ("abababababababab", "too easy to guess"),
        ("Gwendolyn-2026-x", "too easy to guess"),
    ],
)
@pytest.mark.parametrize("verb", ["add", "passwd"])
def test_a_weak_password(
    people: People, billing: Billing, verb: str, password: str, words: str
) -> None:
    role, email = ("--role", "root") if verb == "add" else (), "gwendolyn@x.example"
    if verb == "passwd":
        rows(people.db, "delete from data.users where email = %s", email)
        rows(people.db, "select billing.add_user(%s, 'root', null, '-')", email)
    known = value(people.db, "select count(*) from data.users")
    refused(billing("user", verb, email, *role, pipe=password), 2, words)
    rows(people.db, "delete from data.users where email = %s", email)
    known -= verb == "passwd"
    assert value(people.db, "select count(*) from data.users") == known


def test_what_cannot_be_is_a_sentence(people: People, billing: Billing) -> None:
    email, own = people.add("owner"), ("--tenant", str(people.own))
    add = ("user", "add")
    refused(billing(*add, email.upper(), "--role", "admin", *own), 3, "there is a user")
    nowhere = str(uuid4())
    refused(
        billing(*add, "a@b.example", "--role", "admin", "--tenant", nowhere),
        2,
        f"there is no tenant {nowhere}",
    )
    for wrong, words in (
        (("root", *own), "a root user belongs to no tenant"),
        (("owner",), "a user of role owner needs a tenant"),
        (("member",), "a user of role member needs a tenant"),
    ):
        refused(billing(*add, "a@b.example", "--role", *wrong), 2, words)
    for address, words in (
        ("nobody", "nobody is not an e-mail address"),
        ("a@b@c", "a@b@c is not an e-mail address"),
        ("", " is not an e-mail address"),
        (f"{'a' * 320}@x", "an e-mail address has at most 320 characters"),
        (
            "a\u200bnn@x.example",
            "e-mail address a\\u200bnn@x.example contains white space or invis",
        ),
        (
            "a\x1b[31m@x.example",
            "e-mail address a\\x1b[31m@x.example contains white space or invis",
        ),
        ("a\u00a0b@x.example", "contains white space or invisible characters"),
    ):
        refused(billing(*add, address, "--role", "owner", *own), 2, words)
    for words in (("user", "passwd"), ("user", "disable"), ("session",)):
        refused(billing(*words, "no@body.example"), 2, "there is no user no@body.example")
    assert billing(*add, "a@b.example", "--role", "god").exit_code == 2
    assert billing(*add, "a@b.example", "--role", "admin", "--tenant", "1").exit_code == 2
    assert not rows(people.db, STORED, "a@b.example")


def test_a_terminal_hides_the_password(people: People) -> None:
    """Asked for twice, echoed never, and on the terminal only."""
    master, terminal = pty.openpty()
    words = ("user", "add", "tty@x.example", "--role", "root")
    child = subprocess.Popen(
        [PROGRAM, *words],
        cwd=ROOT,
        env=os.environ | {"BILLING_DATABASE_URL": people.db.url()},
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    seen = b""
    for prompt in (b"Password: ", b"Repeat for confirmation: "):
        while not seen.endswith(prompt):
            seen += os.read(master, 1000)
        os.write(master, PASSWORD.encode() + b"\n")
    assert child.communicate()[0] == b"tty@x.example may sign in as root.\n"
    os.close(master)
    assert PASSWORD.encode() not in seen
    assert passwords.HASHER.verify(value(people.db, STORED, "tty@x.example"), PASSWORD)


def test_a_session_to_try_things_by_hand(people: People, billing: Billing) -> None:
    email = people.add("owner")
    result = billing("session", email)
    token = result.stdout.split("'")[1]
    assert result.stdout == f"begin; select billing.enter('{token}');\n"
    assert f"Authorization: Bearer {token}\n" in result.stderr
    query = "select tenant_name from billing.tenant_usage; rollback;"
    psql = [BIN / "psql", "-qAt", "-v", "ON_ERROR_STOP=1", people.db.conninfo("billing_tenant")]
    done = subprocess.run(psql, input=result.stdout + query, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == ["Own Inc"]
    lifetime = "select expires_at - created_at from data.sessions order by created_at desc limit 1"
    assert value(people.db, lifetime).total_seconds() == pytest.approx(15 * 60, abs=1)
    with browsing(people.db) as browser:
        assert browser.get(SUMMARY, headers=bearer(token)).status_code == 200
        rows(people.db, "update data.sessions set expires_at = clock_timestamp()")
        assert browser.get(SUMMARY, headers=bearer(token)).status_code == 401
    refused_by_psql = subprocess.run(psql, input=result.stdout, capture_output=True, text=True)
    assert "no live session" in refused_by_psql.stderr
