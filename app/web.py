"""The web application: routes, errors, pools."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Router
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.static_files import (
    create_static_files_router,  # pyright: ignore[reportUnknownVariableType]
)
from litestar.template import TemplateConfig
from litestar.types import ASGIApp

from app import (
    admin_routes,
    api_docs,
    assets,
    explain_routes,
    health_routes,
    http_errors,
    logs,
    pages,
    recount_routes,
    session_routes,
    start_routes,
    tenant_routes,
    trigger,
    usage_tenants,
    verify_routes,
)
from app.api_strict import require_usable_parameters
from app.bodies import StrictRequest
from app.database import Database
from app.gate import Gate, require_root
from app.hardening import Envelope, SameSite
from app.logins import Watch
from app.overview import wished
from app.settings import Settings

MAX_BODY = 64 * 1024


def create_app(settings: Settings, *, ticks: bool = True) -> ASGIApp:
    """The application over the database that the settings name; `ticks` lets it count, too."""
    logs.configure()
    database, logins = Database(settings), Watch(settings)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        async with database.opened():
            if not ticks:
                yield
                return
            async with trigger.ticking(database):
                yield

    def provide_gate(request: Request[Any, Any, Any]) -> Gate:
        return Gate(request, database, settings)

    async def choices_known(connection: ASGIConnection[Any, Any, Any, Any], _: object) -> None:
        request: Request[Any, Any, Any] = Request(connection.scope)
        request.state["choices"] = await Gate(request, database, settings).as_root(
            lambda reader, _: usage_tenants.choices(reader)
        )

    app = Litestar(
        route_handlers=[
            health_routes.healthz,
            health_routes.readyz,
            start_routes.start,
            session_routes.sign_in_page,
            session_routes.sign_in,
            session_routes.sign_out,
            tenant_routes.usage_summary,
            tenant_routes.usage_csv,
            tenant_routes.usage_page,
            admin_routes.tenants_usage,
            admin_routes.tenants_csv,
            admin_routes.overview_page,
            admin_routes.health_page,
            admin_routes.tenant_page,
            admin_routes.tenant_csv,
            explain_routes.explain,
            explain_routes.explain_csv,
            explain_routes.explain_page,
            explain_routes.explain_any,
            explain_routes.explain_any_csv,
            explain_routes.explain_any_page,
            verify_routes.verify,
            verify_routes.verify_page,
            recount_routes.recount,
            recount_routes.recount_from_page,
            create_static_files_router("/static", [assets.FOLDER], include_in_schema=False),
        ],
        dependencies={
            "database": Provide(lambda: database, sync_to_thread=False),
            "logins": Provide(lambda: logins, sync_to_thread=False),
            "settings": Provide(lambda: settings, sync_to_thread=False),
            "gate": Provide(provide_gate, sync_to_thread=False),
            "wish": Provide(wished, sync_to_thread=False),
        },
        guards=[require_usable_parameters],
        request_class=StrictRequest,
        exception_handlers=http_errors.HANDLERS,
        lifespan=[lifespan],
        state=State({"database": database, "settings": settings}),
        middleware=[SameSite(settings.public_url)],
        openapi_config=OpenAPIConfig(
            title="ServicePro Usage & Billing",
            version="1",
            use_handler_docstrings=True,
            render_plugins=[api_docs.DescriptionPage(), api_docs.Description()],
            openapi_router=Router(
                "/schema",
                route_handlers=[],
                guards=[require_root, choices_known],
                include_in_schema=False,
            ),
        ),
        request_max_body_size=MAX_BODY,
        template_config=TemplateConfig(instance=pages.templates()),
    )
    return Envelope(app, settings.public_url)
