"""`billing serve` starts on a sound database and with the logins made for its pools only."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from app import logs, server
from app.bootstrap import ROLES
from tests.checkout import free_port
from tests.command_line import billing_on
from tests.past import rows
from tests.server import Db


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What would have been listened to."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(server.uvicorn, "run", lambda _, **how: calls.append(how))
    monkeypatch.setattr(logs, "configure", lambda: None)
    return calls


def serve(db: Db, **environment: str) -> Result:
    return billing_on(db, "serve", **{"BILLING_PORT": str(free_port())} | environment)


def refused(result: Result, code: int, *words: str) -> None:
    """One sentence, its own exit code."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("billing: ")
    for word in words:
        assert word in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_sound_database_is_served(db: Db, started: list[dict[str, Any]]) -> None:
    result = serve(db)
    assert result.exit_code == 0, result.output
    (how,) = started
    assert how["host"] == "127.0.0.1"
    # nobody else writes requests down, names the server or believes a header
    silent = ("access_log", "server_header", "proxy_headers")
    assert {name: how[name] for name in silent} == dict.fromkeys(silent, False)


def test_ipv6_is_listened_to(db: Db, started: list[dict[str, Any]]) -> None:
    if not Path("/proc/net/if_inet6").read_text():
        refused(serve(db, BILLING_HOST="::1"), 3, "cannot be used")
        return
    assert serve(db, BILLING_HOST="::1").exit_code == 0
    assert started[0]["host"] == "::1"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("alter table data.messages no force row level security", "data.messages"),
        ("alter view billing.tenant_usage reset (security_invoker)", "tenant_usage"),
        ("grant select on data.users to public", "users"),
    ],
)
def test_a_finding(db: Db, started: list[dict[str, Any]], change: str, words: str) -> None:
    rows(db, change)
    result = serve(db)
    refused(result, 5, "does not start on an unsound database", words)
    assert not started


def test_what_a_login_does_to_its_own_settings_keeps_nobody_from_starting(
    db: Db, started: list[dict[str, Any]]
) -> None:
    """`billing check` finds it; pages are pinned."""
    changes = ("work_mem = '64kB'", "statement_timeout = 1", "local_preload_libraries = 'nowhere'")
    try:
        for change in changes:
            rows(db, f"alter role billing_tenant set {change}")
        assert billing_on(db, "check").exit_code == 5
        result = serve(db)
        assert result.exit_code == 0, result.output
        assert len(started) == 1
    finally:
        rows(db, ROLES.read_text())
    assert billing_on(db, "check").exit_code == 0


def test_several_findings_are_counted(db: Db, started: list[dict[str, Any]]) -> None:
    for table in ("messages", "calls", "emails"):
        rows(db, f"alter table data.{table} no force row level security")
    refused(serve(db), 5, "And 2 more: `billing check`.")
    assert not started


@pytest.mark.parametrize("pool", ["tenant", "root", "auth", "operator"])
@pytest.mark.parametrize("login", ["postgres", "billing_owner", "billing_ingest", "billing_deploy"])
def test_a_pool_with_another_login(
    db: Db, started: list[dict[str, Any]], pool: str, login: str
) -> None:
    """Not even with less power: whoever made the URL thought of something else."""
    result = serve(db, **{f"BILLING_{pool.upper()}_URL": db.url(login)})
    if login == "billing_owner":  # it may not log in at all
        assert result.exit_code == 4
        assert "not permitted to log in" in result.stderr
    else:
        words = f"must log in as billing_{pool}, not as {login}: look at BILLING_{pool.upper()}_URL"
        refused(result, 3, words)
    assert not started


@pytest.mark.parametrize("pool", ["tenant", "root", "auth", "operator"])
def test_a_database_that_does_not_answer(db: Db, started: list[dict[str, Any]], pool: str) -> None:
    address = db.url(f"billing_{pool}", port=free_port())
    result = serve(db, **{f"BILLING_{pool.upper()}_URL": address})
    refused(result, 4, "cannot be reached")
    assert not started


def test_a_database_without_a_release(empty_db: Db, started: list[dict[str, Any]]) -> None:
    refused(serve(empty_db), 3, "Run `billing migrate`")
    assert not started


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"BILLING_HOST": "0.0.0.0"}, "https address"),  # noqa: S104
        ({"BILLING_PUBLIC_URL": "http://billing.example.org"}, "plain http beyond loopback"),
        ({"BILLING_PUBLIC_URL": "billing"}, "must look like"),
        ({"BILLING_TRUSTED_PROXIES": "all"}, "from 0 to 10"),
        ({"BILLING_DATABASE_URL": "mysql://x"}, "not a PostgreSQL connection URL"),
    ],
)
def test_a_setting_that_is_wrong(
    module_db: Db, started: list[dict[str, Any]], environment: dict[str, str], words: str
) -> None:
    refused(serve(module_db, **environment), 2, words)
    assert not started
