"""Are the stored numbers what the source rows say? For root; recounts, compares, writes nothing."""

from datetime import date, timedelta
from typing import Annotated, Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template

from app import usage, usage_tenants
from app.api_docs import Verification, answers
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
        today = await gate.as_root(lambda connection, _: usage.today(connection))
        suggested = (today - timedelta(days=7), today - timedelta(days=1))
        return gate.page("verify.html", {"asked": suggested, "found": None})
    asked = (parse_day(first, "from"), parse_day(last, "to"))
    return gate.page("verify.html", {"asked": asked, "found": await _verification(gate, *asked)})


async def _verification(gate: Gate, first: date, last: date) -> Any:
    end = until(first, last)
    return await gate.as_root(
        lambda connection, _: usage_tenants.verification(connection, first, end)
    )
