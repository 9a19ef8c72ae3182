"""Which source rows make up a number of one day: the drill-down from the days of both pages.

The only routes that read source tables; everything else reads what was counted.
"""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from psycopg import errors as pg

from app import explanation
from app.api_docs import UsageExplanation, answers
from app.database import Actor, Connection
from app.days import parse_day, unfit
from app.explain import Reason
from app.gate import Gate
from app.paging import require_page
from app.tenant_routes import download

Only = Annotated[
    Reason | None, QueryParameter(name="reason", description="Only rows of this kind.")
]
Day = Annotated[str, QueryParameter(name="date", description="UTC day as YYYY-MM-DD.")]
Metric = Annotated[str, QueryParameter(description="JSON name of a metric: smsOutboundCount …")]
Page = Annotated[int, QueryParameter(ge=1, le=1_000_000, description="Page of rows, from 1.")]
Tenant = Annotated[UUID, QueryParameter(name="tenantId", description="Whose numbers.")]

Document = dict[str, Any]


@get(
    "/api/billing/usage/explain",
    responses=answers(UsageExplanation, "The number and a page of its rows."),
)
async def explain(
    gate: NamedDependency[Gate], day: Day, metric: Metric, reason: Only = None, page: Page = 1
) -> Response[Document]:
    """A number of one day, the sum and the rows behind it by reason, 100 rows a page."""
    return Response(await _read(gate, None, day, metric, reason, page))


@get(
    "/api/billing/usage/explain.csv",
    media_type="text/csv",
    responses=answers(str, "A file of RFC 4180, first line: the names.", "text/csv"),
)
async def explain_csv(
    gate: NamedDependency[Gate], day: Day, metric: Metric, reason: Only = None, page: Page = 1
) -> Response[str]:
    """The same rows as CSV, 50,000 a page; `Link` names the next one."""
    return await _file(gate, None, day, metric, reason, page)


@get("/settings/billing/days/{day:str}", include_in_schema=False)
async def explain_page(
    gate: NamedDependency[Gate],
    day: FromPath[str],
    metric: Metric = "smsOutboundCount",
    reason: Only = None,
    page: Page = 1,
) -> Template:
    """One number of the own tenant explained."""
    found = await _read(gate, None, day, metric, reason, page)
    return gate.page(
        "explain.html",
        {
            "explained": found,
            "home": "/settings/billing",
            "file": "/api/billing/usage/explain.csv?",
            "tenant": None,
        },
    )


@get(
    "/api/admin/billing/usage/explain",
    responses=answers(UsageExplanation, "The number and a page of its rows."),
)
async def explain_any(
    gate: NamedDependency[Gate],
    tenant: Tenant,
    day: Day,
    metric: Metric,
    reason: Only = None,
    page: Page = 1,
) -> Response[Document]:
    """A number of any tenant explained, for root."""
    return Response(await _read(gate, tenant, day, metric, reason, page))


@get(
    "/api/admin/billing/usage/explain.csv",
    media_type="text/csv",
    responses=answers(str, "A file of RFC 4180, first line: the names.", "text/csv"),
)
async def explain_any_csv(
    gate: NamedDependency[Gate],
    tenant: Tenant,
    day: Day,
    metric: Metric,
    reason: Only = None,
    page: Page = 1,
) -> Response[str]:
    """The same rows as CSV, 50,000 a page; `Link` names the next one."""
    return await _file(gate, tenant, day, metric, reason, page)


@get("/admin/billing/tenants/{tenant_id:uuid}/days/{day:str}", include_in_schema=False)
async def explain_any_page(
    gate: NamedDependency[Gate],
    tenant_id: FromPath[UUID],
    day: FromPath[str],
    metric: Metric = "smsOutboundCount",
    reason: Only = None,
    page: Page = 1,
) -> Template:
    """One number of any tenant explained, for root."""
    found = await _read(gate, tenant_id, day, metric, reason, page)
    return gate.page(
        "explain.html",
        {
            "explained": found,
            "home": f"/admin/billing/tenants/{tenant_id}",
            "file": f"/api/admin/billing/usage/explain.csv?tenantId={tenant_id}&",
            "tenant": found["tenantName"],
        },
    )


async def _file(
    gate: Gate, tenant: UUID | None, day: str, metric: str, reason: str | None, page: int
) -> Response[str]:
    found = await _read(gate, tenant, day, metric, reason, page, explanation.PER_FILE)
    headers = {"X-Total-Count": str(found["rowCount"])}
    if page < found["pages"]:
        headers["Link"] = f'<{_address(gate, page + 1)}>; rel="next"'
    name = f"{found['metric']['name']}-{day}"
    return download(name, explanation.csv(found), **headers)


async def _read(
    gate: Gate,
    tenant: UUID | None,
    day: str,
    metric: str,
    reason: str | None,
    page: int,
    size: int = explanation.PER_PAGE,
) -> Document:
    """The document for the own tenant, or for root that of any; clear refusals otherwise."""
    on = parse_day(day)

    async def work(connection: Connection, actor: Actor) -> Document | None:
        whose = tenant or actor.tenant_id
        assert whose is not None  # noqa: S101 - enter refuses others on this login
        return await explanation.document(connection, whose, on, metric, reason, page, size)

    try:
        if tenant is None:
            found = await gate.as_tenant(work)
        else:
            found = await gate.as_root_of(tenant, "usage explained", work)
    except pg.InvalidParameterValue as error:
        raise _refusal(error.diag.message_primary or "", error.diag.message_hint) from None
    if found is None:
        raise NotFoundException(f"{day} is still to come.")
    require_page(page, found["pages"], _address(gate, found["pages"]))
    return found


def _address(gate: Gate, page: int) -> str:
    """Another page of what is asked for."""
    asked = {**dict(gate.request.query_params.items()), "page": page}
    return f"{gate.request.url.path}?{urlencode(asked)}"


def _refusal(sentence: str, hint: str | None) -> Exception:
    if "tenant" in sentence:
        return NotFoundException("There is no such tenant.")
    reason = ". ".join(filter(None, (sentence, hint)))
    return unfit("metric", reason)
