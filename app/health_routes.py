"""Is the process alive, and can its numbers be relied on?"""

from datetime import date
from typing import Literal

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec

from app import release, usage
from app.database import Database
from app.logins import Watch


class Readiness(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Whether to send requests here, and whether the numbers are up to date."""

    status: Literal["ready", "not ready"]
    problems: list[str]
    complete_through: date | None
    missing_days: int
    failed_days: int


@get("/healthz", sync_to_thread=False)
def healthz() -> dict[str, str]:
    """200 as long as the process serves requests; asks nothing of the database."""
    return {"status": "ok"}


@get(
    "/readyz",
    responses={
        status: ResponseSpec(Readiness, description=text, generate_examples=False)
        for status, text in ((200, "Ready."), (503, "Not ready, and why."))
    },
)
async def readyz(
    database: NamedDependency[Database], logins: NamedDependency[Watch]
) -> Response[Readiness]:
    """200 when the database lets every login in, holds this release and is up to date.

    503 otherwise, with the reasons in `problems`.
    """
    async with database.operator() as connection:
        health = await usage.health(connection)
        installed = await usage.installed_source(connection)
        failures = await usage.counting_failures(connection)
    problems = [
        f"billing_{login} cannot log in: run `billing check`, which says why."
        for login in await logins.refused()
    ]
    if installed != release.source_fingerprint():
        problems.append("The installed release is not this checkout's: run `billing migrate`.")
    if health.is_stale:
        hours = health.data_age.total_seconds() / 3600
        problems.append(
            f"The newest complete day ended {hours:.0f} hours ago: run `billing run` and look at "
            "its errors."
        )
    problems += [f"{failure}: `billing check` says why." for failure in failures]
    body = Readiness(
        "not ready" if problems else "ready",
        problems,
        health.complete_through,
        health.missing_days,
        health.failed_days,
    )
    return Response(
        body, status_code=503 if problems else 200, headers={"Cache-Control": "no-store"}
    )
