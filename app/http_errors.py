"""Errors of the web application as application/problem+json with a sentence for a person."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode

import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.response import Redirect, Template
from psycopg import errors as pg
from psycopg_pool import PoolTimeout

logger = structlog.get_logger()

AnyRequest = Request[Any, Any, Any]

SENTENCES = {
    "Not Found": "There is nothing at this address.",
    "Method Not Allowed": "This address does not take that method.",
    "Request Entity Too Large": "That is more than this service takes at once.",
}
"""What to say where the framework has but a phrase."""


def problem(
    request: AnyRequest, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response[Any]:
    """A page for a browser, RFC 9457 problem details for everything else."""
    phrase = HTTPStatus(status).phrase
    if "text/html" in request.headers.get("accept", "") and not _is_api(request):
        if status == 401 and request.method == "GET":
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return Redirect("/login?" + urlencode({"next": here}), status_code=303)
        return Template(
            "error.html",
            context={"status": status, "heading": phrase, "detail": detail} | _way_out(request),
            status_code=status,
            headers=dict(headers or {}),
        )
    return Response(
        {"status": status, "title": phrase, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


def _way_out(request: AnyRequest) -> dict[str, Any]:
    """What the button "Sign out" needs, for who is signed in and may not go on."""
    secret = request.cookies.get("__Host-form") or request.cookies.get("form")
    return {"may_sign_out": True, "form_secret": secret} if secret else {}


def _is_api(request: AnyRequest) -> bool:
    return request.url.path.startswith("/api/")


def _validation(request: AnyRequest, error: ValidationException) -> Response[Any]:
    extra = cast("list[dict[str, str]]", error.extra or [])
    reasons = "; ".join(f"{item['key']}: {item['message']}" for item in extra)
    return problem(request, 422, reasons or error.detail)


def _http(request: AnyRequest, error: HTTPException) -> Response[Any]:
    return problem(
        request, error.status_code, SENTENCES.get(error.detail, error.detail), error.headers
    )


def _unavailable(request: AnyRequest, error: Exception) -> Response[Any]:
    logger.warning("database_unavailable", reason=type(error).__name__)
    return problem(
        request,
        503,
        "The database does not answer. Nothing is lost; try again in a moment.",
        {"Retry-After": "5"},
    )


def _not_installed(request: AnyRequest, error: pg.ProgrammingError) -> Response[Any]:
    logger.error("release_not_installed", reason=error.diag.message_primary)
    return problem(
        request,
        503,
        "The database does not hold this release: run `billing migrate`.",
        {"Retry-After": "60"},
    )


def _refused(request: AnyRequest, error: pg.InsufficientPrivilege) -> Response[Any]:
    logger.warning("refused", reason=error.diag.message_primary)
    return problem(request, 403, "You may not see this.")


def _unexpected(request: AnyRequest, error: Exception) -> Response[Any]:
    logger.error("unexpected_error", exc_info=error)
    return problem(
        request, 500, "Something went wrong here. It was recorded; try again in a moment."
    )


HANDLERS: dict[int | type[Exception], Any] = {
    ValidationException: _validation,
    HTTPException: _http,
    pg.InsufficientPrivilege: _refused,
    pg.InvalidSchemaName: _not_installed,
    pg.UndefinedTable: _not_installed,
    pg.UndefinedColumn: _not_installed,
    pg.UndefinedFunction: _not_installed,
    pg.QueryCanceled: _unavailable,
    psycopg.OperationalError: _unavailable,
    PoolTimeout: _unavailable,
    Exception: _unexpected,
}
