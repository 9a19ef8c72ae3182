"""What a tenant sees of its own usage."""

import re
from datetime import date
from typing import Annotated, Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException, ValidationException
from litestar.params import QueryParameter
from litestar.response import Template

from app import usage
from app.database import Actor, Connection
from app.gate import Gate

Period = Annotated[
    str | None,
    QueryParameter(description="Billing period as YYYY-MM (UTC); default: the current one."),
]


@get("/api/billing/usage/summary")
async def usage_summary(gate: NamedDependency[Gate], period: Period = None) -> Response[bytes]:
    """Plan, limits, totals of the period including today so far, and 30 UTC days."""
    month = parse_period(period)

    async def work(connection: Connection, _: Actor) -> bytes | None:
        return await usage.summary(connection, month)

    document = await gate.as_tenant(work)
    if document is None:
        raise NotFoundException(f"There is no usage for {period}: nothing was counted then.")
    return Response(document, media_type="application/json")


@get("/settings/billing", include_in_schema=False)
async def usage_page(gate: NamedDependency[Gate], period: Period = None) -> Template:
    """Usage & Billing."""
    month = parse_period(period)

    async def work(connection: Connection, actor: Actor) -> dict[str, Any]:
        totals = await usage.totals(connection, month)
        return {"actor": actor, "totals": totals}

    context = await gate.as_tenant(work)
    if not context["totals"]:
        raise NotFoundException(f"There is no usage for {period}: nothing was counted then.")
    return gate.page("billing.html", context)


def parse_period(text: str | None) -> date | None:
    """The first day of YYYY-MM; a clear 422 for anything else."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text) or text < "0001":
        raise ValidationException(
            extra=[{"key": "period", "message": "write it as YYYY-MM, e.g. 2026-11"}]
        )
    return date(int(text[:4]), int(text[5:]), 1)
