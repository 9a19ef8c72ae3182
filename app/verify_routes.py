"""Are the stored numbers what the source rows say? For root; recounts, compares, writes nothing."""

import json
from datetime import date, timedelta
from typing import Annotated, Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template

from app.api_docs import Verification, answers
from app.database import Actor, Connection
from app.days import parse_day, until
from app.gate import Gate

First = Annotated[str, QueryParameter(name="from", description="First UTC day, YYYY-MM-DD.")]
Last = Annotated[str, QueryParameter(name="to", description="Last UTC day, included; at most 31.")]
MaybeFirst = Annotated[str | None, QueryParameter(name="from")]
MaybeLast = Annotated[str | None, QueryParameter(name="to")]


@get(
    "/api/admin/billing/usage/verify",
    responses=answers(Verification, "What recounting found.", refusals=(401, 403, 422, 503)),
)
async def verify(gate: NamedDependency[Gate], first: First, last: Last) -> Response[Any]:
    """Recount the complete days of the range, both ends included, and compare; writes nothing."""
    return Response(await _verification(gate, parse_day(first, "from"), parse_day(last, "to")))


@get("/admin/billing/verify", include_in_schema=False)
async def verify_page(
    gate: NamedDependency[Gate], first: MaybeFirst = None, last: MaybeLast = None
) -> Template:
    """The same as a page; without a range, the form and the last seven days in it."""
    if first is None or last is None:
        today = await gate.as_root(_today)
        suggested = (today - timedelta(days=7), today - timedelta(days=1))
        return gate.page("verify.html", {"asked": suggested, "found": None})
    asked = (parse_day(first, "from"), parse_day(last, "to"))
    return gate.page("verify.html", {"asked": asked, "found": await _verification(gate, *asked)})


async def _today(connection: Connection, _: Actor) -> date:
    cursor = await connection.execute("select billing.utc_day(now())")
    row = await cursor.fetchone()
    assert row is not None and isinstance(row[0], date)  # noqa: S101 - it is a day
    return row[0]


async def _verification(gate: Gate, first: date, last: date) -> Any:
    end = until(first, last)

    async def work(connection: Connection, _: Actor) -> Any:
        cursor = await connection.execute("select billing.verification(%s, %s)::text", [first, end])
        row = await cursor.fetchone()
        return None if row is None else json.loads(str(row[0]))

    return await gate.as_root(work)
