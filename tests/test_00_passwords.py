"""Generated passwords: only in the password file, only a verifier in the server, and they work;
one that somebody has changed is noticed and set back."""

import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app import bootstrap, check, logins, release
from app.settings import LOGINS, Login, Settings
from tests.browsing import browsing
from tests.past import rows, value
from tests.server import Db, Server

WITHOUT = "select rolname from pg_authid where rolpassword is null and rolname = any(%s)"
NAMES = [f"billing_{login}" for login in LOGINS]


@pytest.fixture
def passfile(db: Db, tmp_path: Path) -> Iterator[Path]:
    """Roles belong to the whole server: take the passwords away again."""
    yield tmp_path / "passwords"
    for name in NAMES:
        rows(db, f"alter role {name} password null")


@contextmanager
def asking(db: Db) -> Iterator[None]:
    """The server wants a password from our logins, for every database."""
    hba = Path(value(db, "show hba_file"))
    before = hba.read_text()
    hba.write_text(f"host all {','.join(NAMES)} 127.0.0.1/32 scram-sha-256\n{before}")
    rows(db, "select pg_reload_conf()")
    try:
        yield
    finally:
        hba.write_text(before)
        rows(db, "select pg_reload_conf()")


@pytest.fixture
def asks_for_passwords(db: Db) -> Iterator[None]:
    with asking(db):
        yield


def by(db: Db, passfile: Path) -> Settings:
    return db.settings(
        passfile=passfile, admin=make_conninfo(db.conninfo(), passfile=str(passfile))
    )


def give(db: Db, passfile: Path) -> list[str]:
    """Migrate with a password file; returns what was said."""
    said: list[str] = []
    release.migrate(by(db, passfile), said.append)
    return said


def refused(db: Db, passfile: Path) -> set[str]:
    return set(logins.refused(by(db, passfile), LOGINS))


def test_every_login_without_one_gets_one(db: Db, passfile: Path) -> None:
    assert sorted(rows(db, WITHOUT, NAMES)) == sorted(NAMES)
    said = give(db, passfile)
    assert rows(db, WITHOUT, NAMES) == []
    assert stat.S_IMODE(passfile.stat().st_mode) == 0o600

    lines = [line.split(":") for line in passfile.read_text().splitlines()]
    assert [line[:3] for line in lines] == [["127.0.0.1", str(db.port), "*"]] * len(NAMES)
    assert {line[3] for line in lines} == set(NAMES)
    passwords = {line[4] for line in lines}
    assert len(passwords) == len(NAMES)
    assert min(map(len, passwords)) >= 43
    assert len(said) == len(NAMES)
    assert not any(password in sentence for password in passwords for sentence in said)


def test_whoever_counts_or_deploys_gets_none(db: Db, passfile: Path) -> None:
    """pg_cron's workers need none, and nobody else is to log in as billing_aggregator."""
    give(db, passfile)
    others = ["billing_aggregator", "billing_deploy"]
    assert sorted(rows(db, WITHOUT, others)) == others


def test_a_second_migrate_changes_nothing(db: Db, passfile: Path) -> None:
    give(db, passfile)
    verifiers = "select rolname, rolpassword from pg_authid where rolname like 'billing%'"
    before = passfile.read_text(), set(rows(db, verifiers))
    assert give(db, passfile) == []
    assert (passfile.read_text(), set(rows(db, verifiers))) == before


def test_a_password_that_is_there_is_kept(db: Db, passfile: Path) -> None:
    rows(db, "alter role billing_root password 'chosen by an administrator'")
    before = value(db, "select rolpassword from pg_authid where rolname = 'billing_root'")
    give(db, passfile)
    assert value(db, "select rolpassword from pg_authid where rolname = 'billing_root'") == before
    assert "billing_root" not in passfile.read_text()


def test_without_a_file_there_are_no_passwords(db: Db) -> None:
    release.migrate(db.settings(), pytest.fail)
    assert sorted(rows(db, WITHOUT, NAMES)) == sorted(NAMES)


@pytest.mark.usefixtures("asks_for_passwords")
def test_the_passwords_open_the_door(db: Db, passfile: Path) -> None:
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        db.connect("billing_tenant")
    give(db, passfile)
    for name in NAMES:
        with psycopg.connect(
            make_conninfo(db.conninfo(name), passfile=str(passfile))
        ) as connection:
            assert connection.execute("select current_user").fetchone() == (name,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(make_conninfo(db.conninfo("billing_root"), password=str(passfile)))


@pytest.mark.usefixtures("asks_for_passwords")
@pytest.mark.parametrize("login", logins.SERVING)
def test_a_login_that_changes_its_password_is_noticed_and_let_in_again(
    db: Db, passfile: Path, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the pools still have their connections of before, which go on working."""
    monkeypatch.setattr(logins, "PAUSE", 0.0)
    give(db, passfile)
    before = passfile.read_text()
    settings = by(db, passfile)
    role = f"billing_{login}"
    said = f"{role} cannot log in: run `billing check`, which says why."
    with browsing(db, admin=settings.admin) as browser:
        assert said not in browser.get("/readyz").json()["problems"]
        with psycopg.connect(settings.conninfo(login), autocommit=True) as connection:
            connection.execute("set default_transaction_read_only = off")
            connection.execute(f"alter role {role} password 'x'".encode())
        answer = browser.get("/readyz")
        assert (answer.status_code, said in answer.json()["problems"]) == (503, True)
        (trouble,) = [t for t in check.check(settings) if t.object.startswith("login refused")]
        assert trouble.kind == "finding"
        assert trouble.object == (
            f'login refused: {role}: password authentication failed for user "{role}"'
        )
        assert give(db, passfile) == [f"gave {role} a password, kept in {passfile}"]
        assert passfile.read_text() == before  # whoever has it open need not read it again
        assert said not in browser.get("/readyz").json()["problems"]
        assert not refused(db, passfile)


def test_anybody_may_ask_and_the_logins_are_tried_now_and_then(
    db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = list[Settings]()

    def noted(settings: Settings) -> dict[Login, str]:
        tries.append(settings)
        return {"root": "no"}

    monkeypatch.setattr(logins, "refused", noted)
    with browsing(db) as browser:
        for _ in range(20):
            assert "billing_root cannot" in browser.get("/readyz").text
    assert len(tries) == 1


def test_a_server_that_does_not_answer_is_no_login_refused(db: Db) -> None:
    nowhere = db.settings(admin=make_conninfo(db.conninfo(), port=1))
    with pytest.raises(psycopg.OperationalError):
        logins.refused(nowhere)


@pytest.mark.usefixtures("asks_for_passwords")
def test_two_databases_with_one_password_file(db: Db, server: Server, passfile: Path) -> None:
    """Roles belong to the whole server, and so does what the file says of them."""
    give(db, passfile)
    second = server.create("second_of_two")
    try:
        give(second, passfile)
        assert not refused(second, passfile)
        assert not refused(db, passfile)
        assert len(passfile.read_text().splitlines()) == len(NAMES)
    finally:
        server.drop(second)


@pytest.mark.usefixtures("asks_for_passwords")
def test_a_line_for_another_database_is_made_one_for_all(db: Db, passfile: Path) -> None:
    """As files of before are; the lines of others stay."""
    give(db, passfile)
    others = f"# mine\n127.0.0.1:{db.port}:*:somebody:p\\:w\nelsewhere:1:*:billing_root:other\n"
    passfile.write_text(others + passfile.read_text().replace(":*:", ":another:"))
    verifiers = "select rolname, rolpassword from pg_authid where rolname like 'billing%'"
    before = set(rows(db, verifiers))
    assert refused(db, passfile) == set(LOGINS)
    give(db, passfile)
    assert not refused(db, passfile)
    assert passfile.read_text().startswith(others)
    assert set(rows(db, verifiers)) == before


@pytest.mark.usefixtures("asks_for_passwords")
def test_two_installations_on_one_server(db: Db, passfile: Path, tmp_path: Path) -> None:
    """The second one would lock out the first: it is told what to do, and that works."""
    give(db, passfile)
    theirs = tmp_path / "theirs"
    (said,) = give(db, theirs)
    assert "Copy the lines" in said
    assert all(name in said for name in NAMES)
    assert not refused(db, passfile)
    shutil.copy(passfile, theirs)
    assert give(db, theirs) == []
    assert not refused(db, theirs)
    theirs.unlink()
    for name in NAMES:
        rows(db, f"alter role {name} password null")
    assert len(give(db, theirs)) == len(NAMES)
    assert not refused(db, theirs)


@pytest.mark.usefixtures("asks_for_passwords")
def test_a_lost_file_of_the_embedded_server(
    db: Db, passfile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else has one of that server: new passwords."""
    monkeypatch.setattr(bootstrap, "EMBEDDED", passfile.with_name("billing.env"))
    give(db, passfile)
    passfile.unlink()
    assert len(give(db, passfile)) == len(NAMES)
    assert not refused(db, passfile)


@pytest.mark.usefixtures("asks_for_passwords")
def test_the_administrators_password_is_nobody_elses(
    db: Db, passfile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither that of the URL nor that of the environment is tried for a login of ours."""
    give(db, passfile)
    settings = by(db, passfile)
    settings = replace(settings, admin=make_conninfo(settings.admin, password="admins"))
    monkeypatch.setenv("PGPASSWORD", "admins")
    assert not logins.refused(settings, LOGINS)
