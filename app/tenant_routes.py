"""What a tenant sees of its own usage."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Any, TypeVar
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException, ValidationException
from litestar.params import QueryParameter
from litestar.response import Template

from app import chart, usage
from app.api_docs import UsageSummary, answers
from app.database import Actor, Connection
from app.days import parse_period
from app.gate import Gate

T = TypeVar("T")
Text = TypeVar("Text", str, bytes)

Period = Annotated[
    str | None,
    QueryParameter(description="Billing period as YYYY-MM (UTC); default: the current one."),
]


@get(
    "/api/billing/usage/summary",
    responses=answers(UsageSummary, "Plan, limits, totals and 30 days."),
)
async def usage_summary(gate: NamedDependency[Gate], period: Period = None) -> Response[bytes]:
    """Plan, limits, totals of the period including today so far, and 30 UTC days."""

    async def read(connection: Connection, _: UUID, month: date | None) -> bytes | None:
        return await usage.summary(connection, month)

    return Response(await _of_own(gate, period, read), media_type="application/json")


@get(
    "/api/billing/usage/daily.csv",
    media_type="text/csv",
    responses=answers(str, "A file of RFC 4180, first line: the names.", "text/csv"),
)
async def usage_csv(gate: NamedDependency[Gate], period: Period = None) -> Response[bytes]:
    """The period as CSV: a line per UTC day up to today, with its state and every metric."""
    return days_file(*await _of_own(gate, period, usage.csv))


@get("/settings/billing", include_in_schema=False)
async def usage_page(gate: NamedDependency[Gate], period: Period = None) -> Template:
    """Usage & Billing."""
    page = await _of_own(gate, period, usage.page, on_page=True)
    addresses = {"days": "/settings/billing/days/", "file": "/api/billing/usage/daily.csv?"}
    return gate.page("billing.html", usage_context(page) | addresses)


def usage_context(page: dict[str, Any]) -> dict[str, Any]:
    """What the page shows, besides the addresses of what each of its days is made of and of its
    file."""
    return {"page": page, "panels": chart.panels(page["chart"])}


def days_file(start: date, text: bytes) -> Response[bytes]:
    """The days of a period as a download."""
    return download(f"usage-{start:%Y-%m}", text)


def download(name: str, text: Text, **headers: str) -> Response[Text]:
    """CSV as a file of this name."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, media_type="text/csv", headers=disposition | headers)


async def _of_own(
    gate: Gate,
    period: str | None,
    read: Callable[[Connection, UUID, date | None], Awaitable[T | None]],
    *,
    on_page: bool = False,
) -> T:
    """What there is to read of the own tenant in a period; clear refusals where there is none."""
    try:
        month = parse_period(period)
    except ValidationException as error:
        if on_page:
            raise ClientException("That is no period. Write YYYY-MM, e.g. 2026-11.") from error
        raise

    async def work(connection: Connection, actor: Actor) -> T | None:
        assert actor.tenant_id is not None  # noqa: S101 - enter refuses others on this login
        found = await read(connection, actor.tenant_id, month)
        if found is None and on_page:
            await require_begun(connection, month)
        return found

    found = await gate.as_tenant(work)
    if found is None:
        raise no_usage(period)
    return found


async def require_begun(connection: Connection, month: date | None) -> None:
    """400 for a month that is still to come."""
    if month and await usage.is_future(connection, month):
        raise ClientException(f"{month:%B %Y} has not begun yet. Choose an earlier period.")


def no_usage(period: str | None) -> NotFoundException:
    """404 for a period before the first billed day, or one to come."""
    return NotFoundException(f"There is no usage for {period}: nothing was counted then.")
