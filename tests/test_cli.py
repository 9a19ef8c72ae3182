"""The `billing` command: exit codes, and one clear sentence for whatever cannot be done."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

from app import settings
from tests.checkout import free_port
from tests.command_line import (
    DIFFERENCE,
    DONE,
    FINDING,
    PROGRAM,
    REFUSED,
    UNREACHABLE,
    USAGE,
    Billing,
    billing_on,
)
from tests.past import rows, value
from tests.server import Db

STATE = "select (select count(*) from usage_runs), (select count(*) from usage_days)"


@pytest.fixture
def billing(module_db: Db, monkeypatch: pytest.MonkeyPatch) -> Billing:
    """Run a command over a database; variables are changed by keyword."""
    monkeypatch.setattr(settings, "EMBEDDED", Path("/nowhere"))
    return partial(billing_on, module_db)


def refusal(result: Result, code: int) -> str:
    """The sentence on standard error, the only thing that was said, and no stack trace."""
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    if lines[0].startswith("Usage: "):  # what click itself refuses: how to use it, then why
        assert lines[-1].startswith("Error: ")
        return lines[-1].removeprefix("Error: ")
    (sentence,) = lines
    assert sentence.startswith("billing: ")
    assert "Traceback" not in sentence
    return sentence.removeprefix("billing: ")


def test_a_real_process(module_db: Db) -> None:
    """The exit code and the sentence reach the shell."""
    command = [PROGRAM, "aggregate", "2999-01-01"]
    environ = os.environ | {"BILLING_DATABASE_URL": module_db.url()}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert re.fullmatch(r"billing: day 2999-01-01 lies in the future: .*\n", done.stderr)


def test_a_sound_database(billing: Billing) -> None:
    """What is missing around it is advice, said in a sentence, and no failure."""
    for command in ("migrate", "check"):
        result = billing(command)
        assert result.exit_code == DONE
        advice, verdict = result.stdout.splitlines()
        assert advice.startswith("advice: scheduler missing: pg_cron. Nothing counts by itself:")
        assert verdict == "The database is as this checkout says, and sound."


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ("delete from data.releases", DIFFERENCE, "stale: "),
        ("drop view billing.usage_summary", DIFFERENCE, "drifted: "),
        ("update data.applied_migrations set sha256 = ''", DIFFERENCE, "edited migration: "),
        ("grant insert on data.calls to billing_tenant", FINDING, "finding: web login writes: "),
    ],
)
def test_check_has_a_code_for_each(
    db: Db, billing: Billing, change: str, code: int, said: str
) -> None:
    rows(db, change)
    result = billing("check", BILLING_DATABASE_URL=db.url())
    assert result.exit_code == code
    assert f"\n{said}" in f"\n{result.stdout}"
    assert "sound" not in result.stdout


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["aggregate", "yesterday"], USAGE, "'yesterday' is not a day; write it as YYYY-MM-DD"),
        (["aggregate", "2026-02-30"], USAGE, "'2026-02-30' is not a day"),
        (["aggregate", "20261121"], USAGE, "'20261121' is not a day; write it as YYYY-MM-DD"),
        (["aggregate", "2026-W47-6"], USAGE, "'2026-W47-6' is not a day"),
        (["aggregate", "2026-11-21\n"], USAGE, "is not a day"),
        (["aggregate", "２０２６-11-21"], USAGE, "is not a day"),  # noqa: RUF001
        (["verify", "2026-11-20", "20261121"], USAGE, "'20261121' is not a day"),
        (["aggregate", "9999-12-31"], USAGE, "the last valid day is 9999-12-30"),
        (["aggregate", "2026-01-02", "2026-01-01"], USAGE, "The range is reversed"),
        (["aggregate", "2026-01-01", "2999-01-01"], USAGE, "day .* lies in the future"),
        (["aggregate", "2010-01-01", "2026-01-01"], USAGE, "5845 days, more than 3660 at once"),
        (["aggregate", "2026-01-01", "--tenant", "acme"], USAGE, "'acme' is not a valid UUID"),
        (
            ["aggregate", "2026-01-01", "--tenant", "12345678-1234-1234-1234-123456789012"],
            USAGE,
            "there is no tenant 12345678-1234-1234-1234-123456789012",
        ),
        (["run", "--trigger", " "], USAGE, "a run needs a trigger"),
        (["demo", "--days", "3661"], USAGE, "3661 is not in the range"),
        (["settings", "colour", "red"], USAGE, "there is no setting colour. One of: billing_from,"),
        (["settings", "nightly_hour_utc", "25"], USAGE, "nightly_hour_utc cannot be '25'"),
        (["settings", "billing_from", "tomorrow"], USAGE, "billing_from cannot be 'tomorrow'"),
        (["settings", "billing_from", "now"], USAGE, "Write it as YYYY-MM-DD"),
        (["settings", "billing_from", "20261121"], USAGE, "Write it as YYYY-MM-DD"),
        (["settings", "billing_from", "2026-11-21 10:00"], USAGE, "Write it as YYYY-MM-DD"),
        (["settings", "billing_from", "2026-11-31"], USAGE, "cannot be '2026-11-31'"),
        (["settings", "billing_from", "21.11.2026"], USAGE, "Write it as YYYY-MM-DD"),
        (["settings", "nightly_hour_utc", "0x4"], USAGE, "Write a whole number"),
        (["settings", "nightly_hour_utc", " 4"], USAGE, "Write a whole number"),
        (["settings", "nightly_hour_utc", "4.0"], USAGE, "Write a whole number"),
        (["settings", "raw_retention_days", "99999999999"], USAGE, "cannot be '99999999999'"),
        (["settings", "nightly_hour_utc"], USAGE, "needs a value"),
        (["recount"], USAGE, "No such command 'recount'"),
    ],
)
def test_bad_input(
    module_db: Db, billing: Billing, words: list[str], code: int, sentence: str
) -> None:
    before = value(module_db, STATE)
    assert re.search(sentence, refusal(billing(*words), code))
    assert value(module_db, STATE) == before


@pytest.mark.parametrize(
    ("variable", "text", "sentence"),
    [
        ("BILLING_DATABASE_URL", "", "BILLING_DATABASE_URL is not set .* type `make run`"),
        ("BILLING_DATABASE_URL", "mysql://here", "is not a PostgreSQL connection URL: missing"),
        ("BILLING_OPERATOR_URL", "here", "BILLING_OPERATOR_URL is not a PostgreSQL connection URL"),
        ("BILLING_PORT", "http", "a number from 1 to 65535, not 'http'"),
        ("BILLING_PORT", "65536", "a number from 1 to 65535, not '65536'"),
        ("BILLING_TRUSTED_PROXIES", "many", "a number from 0 to 10, not 'many'"),
        ("BILLING_PUBLIC_URL", "http://billing.example.org", "plain http beyond loopback"),
    ],
)
def test_malformed_settings(billing: Billing, variable: str, text: str, sentence: str) -> None:
    for command in ("migrate", "check", "run", "serve", "settings"):
        assert re.search(sentence, refusal(billing(command, **{variable: text}), USAGE))


@contextmanager
def away(db: Db, role: str) -> Iterator[None]:
    rows(db, f"alter role {role} rename to away")
    try:
        yield
    finally:
        rows(db, f"alter role away rename to {role}")


@pytest.mark.parametrize("command", ["migrate", "check", "run"])
def test_no_way_to_the_database(module_db: Db, billing: Billing, command: str) -> None:
    for address, why in {
        module_db.url(port=free_port()): "Connection refused",
        module_db.url(name="nowhere"): 'database "nowhere" does not exist',
        module_db.url(port="http"): 'invalid integer value "http" for connection option "port"',
    }.items():
        sentence = refusal(billing(command, BILLING_DATABASE_URL=address), UNREACHABLE)
        assert sentence.startswith("The database cannot be reached: ")
        assert why in sentence


def test_not_migrated(empty_db: Db, billing: Billing) -> None:
    """Nothing there at all, and a server on which our roles are missing as well."""
    address = empty_db.url()
    for words in (["check"], ["run"], ["settings"], ["aggregate", "2026-01-01"]):
        sentence = refusal(billing(*words, BILLING_DATABASE_URL=address), REFUSED)
        assert sentence.endswith(". Run `billing migrate` first")
    with away(empty_db, "billing_operator"):
        sentence = refusal(billing("run", BILLING_DATABASE_URL=address), REFUSED)
    assert sentence.endswith('role "billing_operator" does not exist. Run `billing migrate` first')


def test_an_old_server(billing: Billing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", 140012)
    sentence = refusal(billing("migrate"), REFUSED)
    assert sentence == "PostgreSQL 14 is too old: 15, 16 or 17 is needed"


def test_a_database_in_another_encoding(module_db: Db, billing: Billing) -> None:
    rows(module_db, "create database latin template template0 encoding 'LATIN1' locale 'C'")
    try:
        address = module_db.url(name="latin")
        sentence = refusal(billing("migrate", BILLING_DATABASE_URL=address), REFUSED)
        assert sentence == "The database's encoding is not UTF8, which is needed"
    finally:
        rows(module_db, "drop database latin with (force)")


def test_migrating_without_the_right(module_db: Db, billing: Billing) -> None:
    address = module_db.url("billing_operator")
    sentence = refusal(billing("migrate", BILLING_DATABASE_URL=address), REFUSED)
    assert "billing_operator may not create roles" in sentence
    assert "sql/00_roles.sql" in sentence


def test_a_port_in_use(billing: Billing) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        sentence = refusal(billing("serve", BILLING_PORT=port), REFUSED)
    assert sentence.startswith(f"Port {port} on 127.0.0.1 cannot be used: Address already in use.")
