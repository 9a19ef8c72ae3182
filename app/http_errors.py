"""Errors of the web application as application/problem+json with a sentence for a person."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode

import psycopg
import structlog
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.response import Redirect, Template
from psycopg import errors as pg
from psycopg_pool import PoolTimeout
from structlog.contextvars import get_contextvars

from app.paging import NoSuchPage
from app.requests import AnyRequest

logger = structlog.get_logger()

SENTENCES = {
    "Not Found": "There is nothing at this address.",
    "Method Not Allowed": "This address does not take that method.",
    "Request Entity Too Large": "That is more than this service takes at once.",
}
"""What to say where the framework has but a phrase."""

UNFIT = {
    r"Object missing required field `(?P<key>.+)`": "it is needed",
    r"Object contains unknown field `(?P<key>.+)`": "there is no such field here",
    r"Invalid RFC3339 encoded date|Expected `date`, .*": "write it as YYYY-MM-DD, e.g. 2026-11-21",
    r"'data'": "a body is needed",
    r"Expected `object`, (?P<got>.*)": "send an object of fields, {got}",
}
"""What to say of a body where the decoder speaks to programmers."""
NO_JSON = {
    r"JSON is malformed|Input data was truncated|Invalid UTF-8": "The body is no JSON.",
    r"(Integer value|Number) out of range": "A number in the body is too large.",
}

PAGES = {
    400: ("That does not work", "Check the address, or begin at the start page."),
    401: ("Not signed in", "Your session may have ended meanwhile. Sign in, and do it again."),
    403: ("No access", "Signed in as somebody else than you meant? Sign out and in again."),
    404: ("Nothing here", "The address may be mistyped, or what was there is gone."),
    405: ("Not possible here", "Begin at the start page."),
    409: (
        "Not counted",
        "Nothing was changed. A sealed day stays as it is; try again in a moment otherwise.",
    ),
    413: ("Too much at once", "Send less, or send it in parts."),
    429: ("Too many attempts", "Wait that long; until then every answer is this one."),
    500: (
        "Something went wrong",
        "If it happens again, tell whoever runs this service the number of the request below.",
    ),
    503: ("Not available right now", "Reload this page in a moment."),
}
"""What heads the page of an error, and what to do about it."""


def problem(
    request: AnyRequest,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> Response[Any]:
    """A page for a browser, RFC 9457 problem details for everything else."""
    if wants_page(request):
        if status == 401 and request.method == "GET":
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return Redirect("/login?" + urlencode({"next": here}), status_code=303)
        heading, advice = PAGES.get(status, (HTTPStatus(status).phrase, ""))
        return Template(
            "error.html",
            context={"status": status, "heading": heading, "detail": detail, "advice": advice}
            | _surroundings(request)
            | context,
            status_code=status,
            headers=dict(headers or {}),
        )
    return Response(
        {"status": status, "title": HTTPStatus(status).phrase, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


def wants_page(request: AnyRequest) -> bool:
    """Whether it is a person with a browser who asks."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(
        "/api/"
    )


def _surroundings(request: AnyRequest) -> dict[str, Any]:
    """The bar, when it is known who is signed in; what the button "Sign out" needs in any case."""
    secret = request.cookies.get("__Host-form") or request.cookies.get("form")
    actor = request.scope["state"].get("actor")
    return {
        "request_id": get_contextvars().get("request_id"),
        "here": request.url.path,
        "form_secret": secret,
    } | ({"actor": actor} if actor and secret else {})


def _validation(request: AnyRequest, error: ValidationException) -> Response[Any]:
    """422 with the reasons; to a person 400: it is the address that is wrong."""
    extra = cast("list[dict[str, str]]", error.extra or [])
    reasons = "; ".join(_reason(item.get("key", "data"), item["message"]) for item in extra)
    return problem(request, 400 if wants_page(request) else 422, reasons or error.detail)


def _reason(key: str, message: str) -> str:
    for pattern, words in UNFIT.items():
        if found := re.fullmatch(pattern, message, re.DOTALL):
            named = found.groupdict()
            return f"{named.get('key', key)[:60]}: {words.format(**named)}"
    return f"{key}: {message}"


def _bad_choice(request: AnyRequest, error: pg.InvalidParameterValue) -> Response[Any]:
    """What a function of the database documents about its arguments, in its own words."""
    return problem(request, 400 if wants_page(request) else 422, f"{error.diag.message_primary}.")


def _http(request: AnyRequest, error: HTTPException) -> Response[Any]:
    sentence = SENTENCES.get(error.detail, error.detail)
    for pattern, words in NO_JSON.items():
        if re.match(pattern, sentence):
            sentence = words
    return problem(request, error.status_code, sentence, error.headers)


def _no_such_page(request: AnyRequest, error: NoSuchPage) -> Response[Any]:
    return problem(
        request, 404, error.detail, {"Link": f'<{error.last}>; rel="last"'}, last_page=error.last
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
    NoSuchPage: _no_such_page,
    HTTPException: _http,
    pg.InsufficientPrivilege: _refused,
    pg.InvalidParameterValue: _bad_choice,
    pg.InvalidSchemaName: _not_installed,
    pg.UndefinedTable: _not_installed,
    pg.UndefinedColumn: _not_installed,
    pg.UndefinedFunction: _not_installed,
    pg.QueryCanceled: _unavailable,
    psycopg.OperationalError: _unavailable,
    PoolTimeout: _unavailable,
    Exception: _unexpected,
}
