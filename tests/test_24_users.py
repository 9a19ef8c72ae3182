"""Names, addresses and passwords at the door: refused or brought into one form, in the database."""

import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import errors

from app import migrations, passwords
from app.errors import Problem
from tests.browsing import CHEAP, Browser, browsing, let_in, sign_in
from tests.command_line import DONE, REFUSED, billing_on
from tests.past import rows, value
from tests.people import People
from tests.server import Db

OPERATOR = "billing_operator"
UNREADABLE = [
    "\u200b",
    " \u00a0\u2003\u3000",
    "\u2060\ufeff",
    "\u3164\u115f",
    "\U000e0041\U000e0042",
    "two\nlines",
    "\x1b[2Jgone",
    "\x9b31m",
    "\u202emoc.elpmaxe",
    "a\u2028b",
    "\u2066a\u2069",
    "L" * 201,
]
READABLE = [
    "L" * 200,
    "שלום \u200fעולם",  # noqa: RUF001
    "می\u200cخواهم",  # noqa: RUF001
    "🏳\ufe0f\u200d🌈",
    "Zoë & Søn, Ltd.",
    "Zoe\u0308",
    "中文",
    "a\u00a0b",
    "—",
]


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_tenant_has_a_name_that_people_can_read(module_db: Db, name: str) -> None:
    with pytest.raises(errors.CheckViolation):
        rows(module_db, "insert into data.tenants (name) values (%s)", name, login="billing_ingest")
    tenant = value(
        module_db,
        "insert into data.tenants (name) values ('Fine') returning id",
        login="billing_ingest",
    )
    with pytest.raises(errors.CheckViolation):
        rows(module_db, "update data.tenants set name = %s where id = %s", name, tenant)


@pytest.mark.parametrize("name", READABLE)
def test_readable_names_of_every_script_are_taken(module_db: Db, name: str) -> None:
    rows(module_db, "insert into data.tenants (name) values (%s)", name, login="billing_ingest")


def _spelled(email: str) -> list[str]:
    fullwidth = email.replace("a", "\uff41")
    return [
        email.upper(),
        f"  {email} ",
        unicodedata.normalize("NFD", email),
        unicodedata.normalize("NFD", email.upper()),
        fullwidth,
        f"\u00a0{email}\u3000",
    ]


def test_one_address_however_it_is_spelled(people: People, cheap: None) -> None:  # noqa: ARG001
    """Adding, finding, signing in and the unique index agree."""
    email = "ändre.örn@éxample.example"
    add = "select billing.add_user(%s, 'owner', %s, '-')"
    rows(people.db, add, unicodedata.normalize("NFD", f" {email} "), people.own, login=OPERATOR)
    assert value(people.db, "select email from data.users where email = %s", email) == email
    let_in(people.db, email.upper())
    for spelling in _spelled(email):
        with pytest.raises(errors.DuplicateObject):
            rows(people.db, add, spelling, people.own, login=OPERATOR)
        with pytest.raises(errors.UniqueViolation):
            rows(
                people.db,
                "insert into data.users (tenant_id, role, email, password_hash)"
                " values (%s, 'owner', translate(%s, '\u00a0\u3000 ', ''), '-')",
                *(people.own, spelling),
            )
        assert value(people.db, "select billing.require_user(%s)", spelling, login=OPERATOR)
        with browsing(people.db) as browser:
            assert sign_in(browser, spelling).status_code == 303


def test_an_address_is_found_by_its_index(module_db: Db) -> None:
    with module_db.connect() as connection:
        connection.execute("set role billing_identity")
        connection.execute("set enable_seqscan = off")
        plan = connection.execute(
            "explain select u.id from data.users as u"
            " where billing.email_key(u.email) = billing.email_key('A@b') collate \"C\""
        ).fetchall()
    assert "users_email_key" in str(plan)


@pytest.mark.parametrize(
    ("role", "email", "words"),
    [
        ("owner", "not-an-email", "not-an-email is not an e-mail address"),
        ("owner", None, "an e-mail address and a role are needed"),
        (None, "a@b", "an e-mail address and a role are needed"),
        ("god", "a@b", "there is no role god"),
        ("owner", f"{'a' * 321}@b", "an e-mail address has at most 320 characters"),
        (
            "owner",
            "a\u2063@b",
            "the e-mail address a\u2063@b contains white space or invisible char",
        ),
    ],
)
def test_each_cause_has_its_own_sentence(
    people: People, role: str | None, email: str | None, words: str
) -> None:
    known = value(people.db, "select count(*) from data.users")
    for call in ("add_user(%s, %s, %s, '-')", "require_new_user(%s, %s, %s)"):
        statement = f"select billing.{call}"
        with pytest.raises(errors.InvalidParameterValue) as raised:
            rows(people.db, statement, email, role, people.own, login=OPERATOR)
        assert str(raised.value.diag.message_primary).startswith(words)
    assert value(people.db, "select count(*) from data.users") == known


def test_asking_first_adds_nobody(people: People) -> None:
    known = value(people.db, "select count(*) from data.users")
    ask = "select billing.require_new_user('new@x.example', 'owner', %s)"
    assert rows(people.db, ask, people.own, login=OPERATOR)
    assert value(people.db, "select count(*) from data.users") == known


class TestTheLastRoot:
    """Somebody can always sign in as root."""

    @pytest.fixture
    def roots(self, people: People) -> Iterator[tuple[str, str]]:
        rows(people.db, "update data.users set disabled_at = now() where role = 'root'")
        yield people.add("root"), people.add("root")

    def test_is_not_disabled(self, people: People, roots: tuple[str, str]) -> None:
        one, other = roots
        assert billing_on(people.db, "user", "disable", one).exit_code == DONE
        refused = billing_on(people.db, "user", "disable", other.upper())
        assert (refused.exit_code, refused.stdout) == (REFUSED, "")
        assert "is the last active root user. Add or enable another" in refused.stderr
        assert billing_on(people.db, "user", "disable", one).exit_code == DONE  # again
        enabled = billing_on(people.db, "user", "enable", one.upper())
        assert (enabled.exit_code, enabled.stdout) == (DONE, f"{one.upper()} may sign in again.\n")
        assert billing_on(people.db, "user", "disable", other).exit_code == DONE
        assert billing_on(people.db, "user", "enable", "no@body.example").exit_code == 2

    def test_not_even_by_two_at_the_same_time(self, people: People, roots: tuple[str, str]) -> None:
        with people.db.connect(OPERATOR, autocommit=False) as first:
            first.execute("select billing.disable_user(%s)", [roots[0]])
            with ThreadPoolExecutor(1) as pool:
                second = pool.submit(billing_on, people.db, "user", "disable", roots[1])
                while not value(people.db, "select count(*) from pg_locks where not granted"):
                    assert not second.done()
                first.commit()
                assert second.result().exit_code == REFUSED

    def test_an_enabled_user_signs_in_with_the_password_of_before(
        self,
        people: People,
        owner: str,
        cheap: None,  # noqa: ARG002
    ) -> None:
        for verb, status in (("disable", 401), ("enable", 303)):
            assert billing_on(people.db, "user", verb, owner).exit_code == DONE
            with browsing(people.db) as browser:
                assert sign_in(browser, owner).status_code == status


NFC, NFD = "Schlüßel für Zoë 9", unicodedata.normalize("NFD", "Schlüßel für Zoë 9")
TYPED = [NFC, NFD, NFC.replace(" ", "\u00a0"), NFD.replace(" ", "\u3000")]


@pytest.mark.parametrize("given", [*TYPED, f"{NFC}\r", f"{NFD}\r"])
def test_a_password_is_one_however_it_is_typed(
    people: People,
    given: str,
    cheap: None,  # noqa: ARG001
) -> None:
    """Set in a pipe, with whatever line end; typed on another keyboard."""
    email = people.add("owner")
    done = billing_on(people.db, "user", "passwd", email, pipe=f"{given}\n")
    assert done.exit_code == DONE, done.output
    for typed in TYPED:
        with browsing(people.db) as browser:
            assert sign_in(browser, email, typed).status_code == 303
    with browsing(people.db) as browser:
        assert sign_in(browser, email, f"{NFC}x").status_code == 401


def test_a_hash_from_before_is_renewed(
    people: People,
    browser: Browser,
    cheap: None,  # noqa: ARG001
) -> None:
    """Of the decomposed form, as it was typed then: it fits once more, and then any form does."""
    email = people.add("owner")
    let_in(people.db, email, NFD)
    assert sign_in(browser, email, NFC).status_code == 401
    assert sign_in(browser, email, NFD).status_code == 303
    stored = value(people.db, "select password_hash from data.users where email = %s", email)
    assert CHEAP.verify(stored, NFC)
    assert sign_in(browser, email, NFC).status_code == 303
    assert stored == value(
        people.db, "select password_hash from data.users where email = %s", email
    )


@pytest.mark.parametrize("password", ["correct-horse\r-battery", "correct\0horse battery"])
def test_a_password_that_nobody_can_type(password: str) -> None:
    with pytest.raises(Problem):
        passwords.require_good("a@b", password)


def test_the_longest_password_in_its_longest_form(
    people: People,
    browser: Browser,
    cheap: None,  # noqa: ARG001
) -> None:
    longest = "\u1f82\u1f83\u1f84\u1f85\u1f86" * 40
    email = people.add("owner")
    done = billing_on(people.db, "user", "passwd", email, pipe=f"{longest}\n")
    assert done.exit_code == DONE, done.output
    assert sign_in(browser, email, unicodedata.normalize("NFD", longest)).status_code == 303


def test_what_is_no_utf_8_is_a_sentence(people: People) -> None:
    refused = billing_on(people.db, "user", "disable", "a\udcff@b.example")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == "billing: The input is not valid UTF-8\n"


EMAIL = "Zoë@x.example"


class TestAnUpgrade:
    """Of a database that has such rows already: they stay, and are told."""

    @pytest.fixture
    def before(self, db: Db) -> Db:
        self.as_owner(db, "0014_readable_names.rollback")
        for name in UNREADABLE:
            rows(db, "insert into data.tenants (name) values (%s)", name)
        for email in (EMAIL, unicodedata.normalize("NFD", EMAIL.lower()), f"{'a' * 400}@b"):
            rows(
                db,
                "insert into data.users (role, email, password_hash, created_at)"
                " values ('root', %s, '-', clock_timestamp())",
                email,
            )
        return db

    def as_owner(self, db: Db, migration: str) -> None:
        text: Any = (migrations.DIRECTORY / f"{migration}.sql").read_text()
        with db.connect() as connection:
            connection.execute("set role billing_owner")
            connection.execute(text)

    def test_goes_through_and_says_what_to_mend(self, before: Db) -> None:
        self.as_owner(before, "0014_readable_names")
        told = billing_on(before, "check").stdout
        for rule in ("name fits", "name is one line", "name is visible"):
            assert f"rows from before: data.tenants: tenants_{rule.replace(' ', '_')}" in told
        assert "rows from before: data.users: users_email_fits" in told
        assert "shared address: data.users" in told
        found = value(before, "select billing.find_user(%s)", EMAIL.upper())
        assert found == value(before, "select id from data.users where email = %s", EMAIL)

    def test_and_what_is_said_mends_it(self, before: Db) -> None:
        self.as_owner(before, "0014_readable_names")
        advice = "select what_to_do from billing.findings where rule = any (%s)"
        rows(before, "delete from data.tenants")
        rows(before, "delete from data.users where email <> %s", EMAIL)
        for words in rows(before, advice, ["rows_from_before", "shared_address"]):
            statement: LiteralString = words.split("`")[-2]
            with before.connect() as connection:
                connection.execute(statement)
        assert rows(before, advice, ["rows_from_before", "shared_address"]) == []
        with pytest.raises(psycopg.errors.CheckViolation):
            rows(before, "insert into data.tenants (name) values ('\u200b')")

    def test_of_a_clean_database_leaves_nothing_to_do(self, db: Db) -> None:
        self.as_owner(db, "0014_readable_names.rollback")
        self.as_owner(db, "0014_readable_names")
        assert "from before" not in billing_on(db, "check").stdout
