"""What root sees of every tenant."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.response import Template

from app import usage
from app.database import Actor, Connection
from app.gate import Gate


@get("/api/admin/billing/usage/tenants")
async def tenants_usage(gate: NamedDependency[Gate]) -> Response[bytes]:
    """Every tenant with its totals of the current period."""

    async def work(connection: Connection, _: Actor) -> bytes:
        return await usage.tenants(connection)

    return Response(await gate.as_root(work), media_type="application/json")


@get("/admin/billing-overview", include_in_schema=False)
async def overview_page(gate: NamedDependency[Gate]) -> Template:
    """Billing Overview."""

    async def work(connection: Connection, actor: Actor) -> dict[str, Any]:
        return {"actor": actor, "rows": await usage.tenant_rows(connection)}

    return gate.page("billing_overview.html", await gate.as_root(work))
