"""The people of the demo: one of each kind, whose password is in a file of one's own."""

import stat
from pathlib import Path

import pytest

from app import demo_users, users
from app.errors import REFUSED, Problem
from app.settings import Settings
from tests.browsing import browsing, sign_in
from tests.past import rows
from tests.people import settle
from tests.server import Db

pytestmark = pytest.mark.usefixtures("cheap")

EVERYBODY = "select email, password_hash from data.users order by email"
EMAILS = [f"{kind}@demo.example" for kind in ("admin", "member", "owner", "root")]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / ".local/demo-password"
    monkeypatch.setattr(demo_users, "PASSWORD", path)
    return path


@pytest.fixture
def settings(db: Db) -> Settings:
    settle(db)
    return db.settings()


def password_of(db: Db, file: Path) -> str:
    """What is in the file, with which everybody can sign in."""
    password = file.read_text().removesuffix("\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(password) >= 20
    with browsing(db) as browser:
        for email in EMAILS:
            assert sign_in(browser, email, password).status_code == 303
    return password


def test_four_people_once(db: Db, settings: Settings, file: Path) -> None:
    assert demo_users.ensure(settings) == file
    assert [email for email, _ in rows(db, EVERYBODY)] == EMAILS
    assert {(user.role, user.tenant_name) for user in users.listing(settings)} == {
        ("root", None),
        ("owner", "Own Inc"),
        ("admin", "Own Inc"),
        ("member", "Own Inc"),
    }
    password, before = password_of(db, file), rows(db, EVERYBODY)
    demo_users.ensure(settings)
    assert rows(db, EVERYBODY) == before
    assert file.read_text() == f"{password}\n"


@pytest.mark.parametrize("loss", ["the file", "a user"])
def test_what_is_lost_is_made_anew(db: Db, settings: Settings, file: Path, loss: str) -> None:
    demo_users.ensure(settings)
    before = password_of(db, file)
    if loss == "the file":
        file.unlink()
    else:
        file.chmod(0o644)
        rows(db, "delete from data.sessions")
        rows(db, "delete from data.known_devices")
        rows(db, "delete from data.users where email = 'admin@demo.example'")
    demo_users.ensure(settings)
    assert password_of(db, file) != before


def test_an_interruption_is_made_good(
    db: Db, settings: Settings, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it comes: the file never holds a password that is not everybody's."""
    demo_users.ensure(settings)
    for done in range(4):
        file.unlink()
        calls = iter(range(done))
        real = users.set_password

        def interrupted(settings: Settings, email: str, password: str) -> None:
            if next(calls, None) is None:  # noqa: B023
                raise KeyboardInterrupt
            real(settings, email, password)  # noqa: B023

        with monkeypatch.context() as patch:
            patch.setattr(users, "set_password", interrupted)
            with pytest.raises(KeyboardInterrupt):
                demo_users.ensure(settings)
        demo_users.ensure(settings)
        password_of(db, file)


def test_nobody_without_a_tenant(db: Db, file: Path) -> None:
    with pytest.raises(Problem, match="no demo tenant to add users to") as refusal:
        demo_users.ensure(db.settings())
    assert refusal.value.exit_code == REFUSED
    assert not file.exists()
