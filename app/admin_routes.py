"""What root sees of every tenant."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template

from app import overview, usage, usage_tenants
from app.api_docs import TenantUsage, answers
from app.database import Actor, Connection
from app.days import parse_period
from app.explain_routes import Tenant
from app.gate import Gate
from app.overview import Wish
from app.tenant_routes import (
    Period,
    days_file,
    download,
    no_usage,
    require_begun,
    usage_context,
)

TENANT_CSV = "/api/admin/billing/usage/daily.csv"
Ran = Annotated[
    int | None, QueryParameter(name="ran", description="A run whose result is to be shown.", ge=1)
]


@get(
    overview.JSON,
    responses=answers(list[TenantUsage], "A page of tenants."),
)
async def tenants_usage(
    gate: NamedDependency[Gate], wish: NamedDependency[Wish]
) -> Response[bytes]:
    """25 tenants with their totals of a period, by default the current one, heaviest first.

    Limits are those of the plan in force today, also for a past period. `X-Total-Count` is the
    number of all that fit, `Link` leads to the neighbouring pages.
    """
    month = parse_period(wish.period)

    async def work(connection: Connection, _: Actor) -> tuple[bytes, int, int] | None:
        return await usage_tenants.entries(connection, wish, month)

    found = await gate.as_root(work)
    if found is None:
        raise no_usage(wish.period)
    body, count, pages = found
    wish.require_page(pages, overview.JSON)
    return Response(
        body,
        media_type="application/json",
        headers={"X-Total-Count": str(count), "Link": wish.links(pages)},
    )


@get(
    overview.CSV,
    media_type="text/csv",
    responses=answers(str, "A file of RFC 4180, first line: the names.", "text/csv"),
)
async def tenants_csv(gate: NamedDependency[Gate], wish: NamedDependency[Wish]) -> Response[str]:
    """Every tenant that fits, not only a page of them, as CSV; dates are inclusive UTC days.

    Limits are those of the plan in force today, also for a past period.
    """
    month = parse_period(wish.period)

    async def work(connection: Connection, _: Actor) -> str | None:
        return await usage_tenants.table(connection, wish, month)

    text = await gate.as_root(work)
    if text is None:
        raise no_usage(wish.period)
    return download(f"tenants-{wish.period}" if wish.period else "tenants", text)


@get(overview.PAGE, include_in_schema=False)
async def overview_page(
    gate: NamedDependency[Gate], wish: NamedDependency[Wish], ran: Ran = None
) -> Template:
    """Billing Overview."""
    month = parse_period(wish.period)

    async def work(connection: Connection, _: Actor) -> dict[str, Any] | None:
        found = await usage_tenants.page(connection, wish, month)
        if found is None:
            await require_begun(connection, month)
        return found

    page = await gate.as_root(work)
    if page is None:
        raise no_usage(wish.period)
    wish.require_page(page["table"]["pages"])
    return gate.page(
        "billing_overview.html", {"page": page, "wish": wish, "ran": ran, "csv": overview.CSV}
    )


@get("/admin/billing/health", include_in_schema=False)
async def health_page(gate: NamedDependency[Gate]) -> Template:
    """What is behind the few numbers of health on the overview."""

    async def work(connection: Connection, _: Actor) -> dict[str, Any]:
        return await usage_tenants.health(connection)

    return gate.page("health.html", {"page": await gate.as_root(work)})


@get("/admin/billing/tenants/{tenant_id:uuid}", include_in_schema=False)
async def tenant_page(
    gate: NamedDependency[Gate], tenant_id: FromPath[UUID], period: Period = None
) -> Template:
    """A tenant's own page, read by root: an audit row says so first."""
    month = parse_period(period)

    async def work(connection: Connection, _: Actor) -> dict[str, Any] | None:
        found = await usage.page(connection, tenant_id, month)
        if found is None:
            await require_begun(connection, month)
        return found

    page = await gate.as_root_of(tenant_id, "tenant page read", work)
    if page is None:
        raise no_usage(period)
    addresses = {
        "days": f"/admin/billing/tenants/{tenant_id}/days/",
        "file": f"{TENANT_CSV}?tenantId={tenant_id}&",
    }
    return gate.page("billing.html", usage_context(page) | addresses)


@get(
    TENANT_CSV,
    media_type="text/csv",
    responses=answers(str, "A file of RFC 4180, first line: the names.", "text/csv"),
)
async def tenant_csv(
    gate: NamedDependency[Gate], tenant: Tenant, period: Period = None
) -> Response[bytes]:
    """A tenant's period as CSV, as the tenant itself gets it; an audit row says so first."""
    month = parse_period(period)

    async def work(connection: Connection, _: Actor) -> tuple[date, bytes] | None:
        return await usage.csv(connection, tenant, month)

    found = await gate.as_root_of(tenant, "tenant usage exported", work)
    if found is None:
        raise no_usage(period)
    return days_file(*found)
