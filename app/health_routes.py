"""Is the process alive, and can its numbers be relied on?"""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from app import release, usage
from app.database import Database


@get("/healthz", sync_to_thread=False)
def healthz() -> dict[str, str]:
    """200 as long as the process serves requests; asks nothing of the database."""
    return {"status": "ok"}


@get("/readyz")
async def readyz(database: NamedDependency[Database]) -> Response[dict[str, Any]]:
    """200 when the database answers, holds the release of this checkout and is up to date.

    503 otherwise, with the reasons in `problems`.
    """
    async with database.operator() as connection:
        health = await usage.health(connection)
        installed = await usage.installed_source(connection)
    problems: list[str] = []
    if installed != release.source_fingerprint():
        problems.append("The installed release is not this checkout's: run `billing migrate`.")
    if health.is_stale:
        hours = health.data_age.total_seconds() / 3600
        problems.append(
            f"The newest complete day ended {hours:.0f} hours ago: run `billing run` and look at "
            "its errors."
        )
    body = {
        "status": "not ready" if problems else "ready",
        "problems": problems,
        "completeThrough": health.complete_through,
        "missingDays": health.missing_days,
        "failedDays": health.failed_days,
    }
    return Response(
        body, status_code=503 if problems else 200, headers={"Cache-Control": "no-store"}
    )
