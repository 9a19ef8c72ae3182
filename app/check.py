"""Is the database what this checkout says, and sound? Reads as the operator, changes nothing."""

from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg.rows import class_row

from app import logins, migrations, quality, release
from app.connecting import connect
from app.settings import Login, Settings

Kind = Literal["stale", "drifted", "edited migration", "failing", "finding", "advice"]


@dataclass(frozen=True)
class Trouble:
    """Something that is not as it should be, and what to do about it."""

    kind: Kind
    object: str
    what_to_do: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.object}. {self.what_to_do}"


@dataclass(frozen=True)
class _Finding:
    rule: str
    severity: Literal["error", "advice"]
    object: str
    what_to_do: str


@dataclass(frozen=True)
class _Release:
    source_fingerprint: str | None
    plans_fingerprint: str
    object_fingerprint: str
    objects_now: str


def check(settings: Settings, *, counting: bool = True) -> list[Trouble]:
    """Everything that is wrong, gravest first; empty when all is well. Without `counting` only what
    is installed, whatever has come of it so far."""
    refused = _refused(settings)
    if "operator" in refused:
        return list(refused.values())  # nobody who could look at the rest
    with connect(settings.conninfo("operator"), autocommit=True) as connection:
        return [
            *refused.values(),
            *_edited_or_pending(connection),
            *_stale_or_drifted(connection),
            *findings(connection),
            *(_failing(connection) if counting else []),
            *_questionable(connection),
        ]


def _refused(settings: Settings) -> dict[Login, Trouble]:
    return {
        login: Trouble(
            "finding",
            f"login refused: billing_{login}: {reason}",
            "Run `billing migrate` as a superuser with BILLING_PASSFILE set, or give the login the "
            'password that is expected: "A login is refused" in docs/operations.md.',
        )
        for login, reason in logins.refused(settings).items()
    }


def findings(connection: psycopg.Connection[tuple[object, ...]]) -> list[Trouble]:
    """The rows of billing.findings, errors first."""
    with connection.cursor(row_factory=class_row(_Finding)) as cursor:
        rows = cursor.execute(
            "select rule, severity, object, what_to_do from billing.findings"
            " order by severity desc, rule, object"
        ).fetchall()
    return [
        Trouble(
            "finding" if row.severity == "error" else "advice",
            f"{row.rule.replace('_', ' ')}: {row.object}",
            row.what_to_do,
        )
        for row in rows
    ]


def _failing(connection: psycopg.Connection[tuple[object, ...]]) -> list[Trouble]:
    return [
        Trouble(
            "failing",
            f"{failure}: {reason}",
            'Remove the cause and call `billing run`: "Counting fails" in docs/operations.md.',
        )
        for failure, reason in connection.execute(
            "select failure, reason from billing.counting_failures() order by 1"
        )
    ]


def _questionable(connection: psycopg.Connection[tuple[object, ...]]) -> list[Trouble]:
    return [
        Trouble(
            "advice",
            f"{entry.kind} rows: {entry.source_rows:,}, e.g. {entry.example}",
            f"{entry.meaning} `{entry.command}` lists them.",
        )
        for entry in quality.kinds(connection)
    ]


def _edited_or_pending(connection: psycopg.Connection[tuple[object, ...]]) -> list[Trouble]:
    applied = {
        str(name): str(checksum)
        for name, checksum in connection.execute(
            "select migration_id, sha256 from billing.applied_migrations()"
        )
    }
    return [
        Trouble(
            "edited migration",
            f"migrations/{name}.sql is not the file that was applied",
            "Restore the file and put the change into a new migration.",
        )
        for name in migrations.edited(applied)
    ] + [
        Trouble("stale", f"migrations/{name}.sql is not applied", "Run `billing migrate`.")
        for name in migrations.pending(applied)
    ]


def _stale_or_drifted(connection: psycopg.Connection[tuple[object, ...]]) -> list[Trouble]:
    with connection.cursor(row_factory=class_row(_Release)) as cursor:
        installed = cursor.execute(
            "select source_fingerprint, plans_fingerprint, object_fingerprint,"
            " billing.object_fingerprint() as objects_now"
            " from billing.installed_release()"
        ).fetchone()
    if installed is None or installed.source_fingerprint is None:
        return [Trouble("stale", "no release is installed", "Run `billing migrate`.")]
    troubles: list[Trouble] = []
    if installed.source_fingerprint != release.source_fingerprint():
        troubles.append(
            Trouble("stale", "the installed release is not that of sql/", "Run `billing migrate`.")
        )
    if installed.plans_fingerprint != release.plans_fingerprint():
        troubles.append(
            Trouble("stale", "plans.sql is not taken over yet", "Run `billing migrate`.")
        )
    if installed.object_fingerprint != installed.objects_now:
        troubles.append(
            Trouble(
                "drifted",
                "somebody changed objects, grants or policies since the release",
                "Run `billing migrate`: it builds them anew from sql/.",
            )
        )
    return troubles
