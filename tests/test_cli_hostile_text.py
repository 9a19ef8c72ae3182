"""Text that others stored never acts on the terminal: every column, every verb, one line each."""

import os
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psycopg
import pytest
from psycopg import sql

from app import csv_text
from app.cli import main
from app.embedded import server as embedded
from app.visible import tame, visible
from tests import facts
from tests.command_line import PROGRAM, Billing
from tests.oracle import Message
from tests.past import add_tenants, at, bill_from, day, rows, run
from tests.server import Db

HOSTILE = (
    "\nforged\x1b[2J\x1b]0;t\x07\x9b31m\r\b\t\x7f\u202eevil\u2066\u2028\u2029"
    "\u200b\ufeff\u3164\ufe0f"
)
TEXTS = """
select c.relname, a.attname
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid and c.relkind = 'r'
where c.relnamespace = 'data'::regnamespace and a.attnum > 0 and not a.attisdropped
  and a.atttypid = 'text'::regtype and a.attgenerated = ''
order by 1, 2
"""
BOOKS = {"applied_migrations", "releases", "settings"}
"""Tables that say what is installed; with these spoilt, too, most verbs only say so."""


@pytest.fixture
def tenant(db: Db) -> Any:
    """Facts of every kind of trouble, counted, an unknown tenant, people."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    with db.connect() as connection:
        facts.insert(
            connection,
            *(Message(tenant, at(n), provider_id=f"M{n}") for n in (1, 2)),
            Message(tenant, at(1), "warp", provider_id="W"),
            Message(tenant, at(1), num_segments=None, provider_id="E"),
        )
        connection.execute(
            "insert into data.messages (tenant_id, occurred_at, provider_id, channel, direction,"
            " status) values (gen_random_uuid(), now(), 'O', 'sms', 'outbound', 'sent'),"
            " (%(tenant)s, '1999-01-01', 'A', 'sms', 'outbound', 'sent'),"
            " (%(tenant)s, '2999-01-01', 'F', 'sms', 'outbound', 'sent')",
            {"tenant": tenant},
        )
    run(db, at(3), f"by hand{HOSTILE}")
    for role, of in (("root", None), ("owner", tenant)):
        rows(db, "select billing.add_user(%s, %s, %s, '-')", f"{role}@x.example", role, of)
    return tenant


def spoil(db: Db, *, books: bool) -> list[tuple[str, str]]:
    """Put the hostile text behind whatever is stored; returns the columns that took it."""
    taken: list[tuple[str, str]] = []
    with db.connect() as connection:
        connection.execute("set session_replication_role = replica")
        for (check,) in connection.execute(
            "select format('alter table %s drop constraint %I', conrelid::regclass, conname)"
            " from pg_constraint where connamespace = 'data'::regnamespace and contype = 'c'"
        ).fetchall():
            connection.execute(check)
        for table, column in connection.execute(TEXTS).fetchall():
            if (table in BOOKS) is books:
                statement = sql.SQL("update data.{} set {c} = {c} || %s").format(
                    sql.Identifier(table), c=sql.Identifier(column)
                )
                try:
                    connection.execute(statement, [HOSTILE])
                    taken.append((table, column))
                except psycopg.errors.ForeignKeyViolation:
                    pass
    return taken


def verbs(command: click.Command = main, *words: str) -> Iterator[tuple[str, ...]]:
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from verbs(below, *words, name)
    else:
        yield words


def typed(tenant: Any) -> list[tuple[object, ...]]:
    """Every verb but the one that goes on serving, as often as it has ways to answer."""
    owner, root = f"owner@x.example{HOSTILE}", f"root@x.example{HOSTILE}"
    explain = ("explain", tenant, day(1), "sms_outbound_count")
    return [
        ("check",),
        ("check", "--json"),
        ("quality",),
        *(("quality", kind) for kind in ("unclassified", "orphaned", "future", "ancient")),
        ("quality", "estimated"),
        explain,
        (*explain, "--json"),
        ("explain", tenant, day(1), f"faxes{HOSTILE}"),
        ("verify", day(1), day(3)),
        ("verify", day(1), day(3), "--json"),
        ("aggregate", day(1), "--dry-run"),
        ("aggregate", day(1)),
        ("run", "--trigger", HOSTILE),
        ("settings",),
        ("settings", f"colour{HOSTILE}", "red"),
        ("settings", "nightly_hour_utc", HOSTILE),
        ("retention", "--dry-run"),
        ("user", "list"),
        ("user", "add", f"a{HOSTILE}", "--role", "root"),
        ("user", "add", owner, "--role", "root"),
        ("user", "passwd", owner),
        ("user", "disable", owner),
        ("user", "enable", owner),
        ("user", "disable", root),
        ("user", "passwd", f"nobody{HOSTILE}"),
        ("session", owner),
        ("demo",),
        ("migrate",),
        (f"verb{HOSTILE}",),
        ("run", f"--option{HOSTILE}"),
        ("run", f"extra{HOSTILE}"),
        ("user", f"verb{HOSTILE}"),
        ("quality", f"kind{HOSTILE}"),
    ]


def acting(text: str) -> list[str]:
    """What a terminal would obey, or not show, beside the ends of lines."""
    return [
        character
        for character in text
        if character != "\n"
        and (
            unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
            or character in "\u3164\ufe0f"
        )
    ]


@pytest.mark.parametrize("books", [False, True])
def test_nothing_stored_acts(db: Db, billing: Billing, tenant: Any, books: bool) -> None:
    taken = spoil(db, books=books)
    assert len(taken) >= (4 if books else 20), taken
    for column in [("tenants", "name"), ("users", "email"), ("messages", "status")]:
        assert books or column in taken
    rows(db, 'create role "power\n\x1b[31mforged" superuser login')
    seen = ""
    try:
        for words in typed(tenant):
            done = billing(*words, pipe=f"{HOSTILE}\n")
            assert acting(done.output) == [], words
            assert not [line for line in done.output.splitlines() if line.startswith("forged")]
            assert not isinstance(done.exception, Exception), words
            seen += done.output
    finally:
        rows(db, 'drop role "power\n\x1b[31mforged"')
    assert visible(HOSTILE) in seen
    assert {words[: len(verb)] for words in typed(tenant) for verb in verbs()} >= {
        verb for verb in verbs() if verb != ("serve",)
    }


def test_a_file_does_not_act_either(db: Db, billing: Billing, tenant: Any) -> None:
    """What names of people need is left in it: joiners, unusual spaces."""
    spoil(db, books=False)
    done = billing("explain", tenant, day(1), "sms_outbound_count", "--csv")
    assert done.exit_code == 0
    assert set(acting(done.stdout.replace("\r\n", "\n"))) <= set("\u200b\ufeff\u3164\ufe0f")
    assert not [line for line in done.stdout.splitlines() if line.startswith("forged")]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("\ufeff=1+1", "'\ufeff=1+1"),
        ("\uff1d1", "'\uff1d1"),
        (" @x", "' @x"),
        ("\n=1", "\\n=1"),
        ("a\x1b[31m\r\nb", "a\\x1b[31m\\r\\nb"),
        ("می\u200cخواهم\u00a0", "می\u200cخواهم\u00a0"),  # noqa: RUF001
        (None, ""),
        (-5, -5),
    ],
)
def test_cells(cell: object, written: object) -> None:
    assert csv_text.inert(cell) == written


def test_what_is_ordinary_stays_as_it_is() -> None:
    for text in ("Zoë & Søn – 100 %", "中文 → שלום", "e\u0301", "🙂", ""):
        assert visible(text) == tame(text) == text
    assert visible("a\u00a0b") == "a\\xa0b"


def test_the_embedded_server_speaks_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    embedded.say(f"The server did not start: {HOSTILE}")
    said = capsys.readouterr().err
    assert acting(said) == []
    assert said.count("\n") == 1


def test_no_command_writes_past_the_one_way() -> None:
    for file in Path(main.callback.__code__.co_filename).parent.glob("*.py"):  # type: ignore[union-attr]
        if file.name != "terminal.py":
            assert "click.echo(" not in file.read_text(), file
            assert "print(" not in file.read_text().replace("fingerprint(", ""), file


def test_a_terminal_of_another_encoding(db: Db, tenant: Any) -> None:
    rows(db, "update data.tenants set name = 'Zoë → 中' where id = %s", tenant)
    done = subprocess.run(
        [PROGRAM, "user", "list"],
        env=os.environ | {"BILLING_DATABASE_URL": db.url(), "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=True,
    )
    assert "Zoë \\u2192 \\u4e2d" in done.stdout.decode("latin-1")
