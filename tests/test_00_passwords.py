"""Generated passwords: only in the password file, only a verifier in the server, and they work."""

import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app import release
from app.settings import LOGINS
from tests.past import rows, value
from tests.server import Db

WITHOUT = "select rolname from pg_authid where rolpassword is null and rolname = any(%s)"
NAMES = [f"billing_{login}" for login in LOGINS]


@pytest.fixture
def passfile(db: Db, tmp_path: Path) -> Iterator[Path]:
    """Roles belong to the whole server: take the passwords away again."""
    yield tmp_path / "passwords"
    for name in NAMES:
        rows(db, f"alter role {name} password null")


@pytest.fixture
def asks_for_passwords(db: Db) -> Iterator[None]:
    """The server wants a password from our logins, for this database."""
    hba = Path(value(db, "show hba_file"))
    before = hba.read_text()
    hba.write_text(f"host {db.name} {','.join(NAMES)} 127.0.0.1/32 scram-sha-256\n{before}")
    rows(db, "select pg_reload_conf()")
    yield
    hba.write_text(before)
    rows(db, "select pg_reload_conf()")


def give(db: Db, passfile: Path) -> list[str]:
    """Migrate with a password file; returns what was said."""
    said: list[str] = []
    release.migrate(db.settings(passfile=passfile), said.append)
    return said


def test_every_login_without_one_gets_one(db: Db, passfile: Path) -> None:
    assert sorted(rows(db, WITHOUT, NAMES)) == sorted(NAMES)
    said = give(db, passfile)
    assert rows(db, WITHOUT, NAMES) == []
    assert stat.S_IMODE(passfile.stat().st_mode) == 0o600

    lines = [line.split(":") for line in passfile.read_text().splitlines()]
    assert [line[:3] for line in lines] == [["127.0.0.1", str(db.port), db.name]] * len(NAMES)
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
