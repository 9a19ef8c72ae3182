"""What every request and every answer goes through: host, origin, headers, one log line."""

import json
import secrets
import time
from typing import Any

import structlog
from litestar import Request
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, NotFoundException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from app import assets, requests
from app.public_url import PublicUrl

logger = structlog.get_logger()

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
HSTS = "max-age=31536000; includeSubDomains"
SAFE = {"GET", "HEAD", "OPTIONS"}
PROBES = {"/healthz", "/readyz"}
"""Asked by address, under whatever name: nothing in the answer depends on it."""
MOST_COOKIES = 50
"""The framework keeps the last thousand headers of cookies that it decoded."""


class Envelope:
    """Around the whole application, unknown routes included: security headers on every answer,
    nothing kept but static files of this version, and one log line a request without personal data:
    id, route, status, duration, kind of actor. HEAD is answered as GET is, without the body, so
    that no route has to remember it."""

    def __init__(self, app: ASGIApp, url: PublicUrl) -> None:
        self.app = app
        self.headers = HEADERS | ({"Strict-Transport-Security": HSTS} if url.secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, begin, status = secrets.token_hex(8), time.perf_counter(), 500
        # a copy: the server has to know that it was HEAD, and leaves the body out
        asked: HTTPScope = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        bind_contextvars(request_id=request_id)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableScopeHeaders.from_message(message)
                for name, value in self.headers.items():
                    headers[name] = value
                if status in (200, 304) and assets.is_versioned(
                    scope["path"], scope["query_string"]
                ):
                    headers["Cache-Control"] = assets.KEEP
                if "allow" in headers and "HEAD" not in headers["allow"]:
                    headers["Allow"] = headers["allow"].replace("GET", "GET, HEAD")
                headers["X-Request-Id"] = request_id
            await send(message)

        app = too_many_cookies if _cookies(scope) > MOST_COOKIES else self.app
        try:
            await app(asked, receive, send_with_headers)
        finally:
            logger.info(
                "request",
                method=scope["method"],
                route=asked.get("path_template") or "-",
                status=status,
                ms=round((time.perf_counter() - begin) * 1000, 1),
                actor=asked.get("state", {}).get("actor_kind", "nobody"),
            )


def _cookies(scope: HTTPScope) -> int:
    texts = [text for name, text in scope["headers"] if name == b"cookie"]
    return sum(text.count(b";") + 1 for text in texts)


async def too_many_cookies(_: Scope, __: Receive, send: Send) -> None:
    """An application that says nothing else."""
    sentence = "Too many cookies: delete those of this site."
    title = "Request Header Fields Too Large"
    body = json.dumps({"status": 431, "title": title, "detail": sentence}).encode()
    headers = [(b"content-type", b"application/problem+json")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 431, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class SameSite(ASGIMiddleware):
    """Refuse foreign Host headers, and unsafe requests that another site made a browser send.

    A request with a bearer token carries no cookie's authority and may come from anywhere.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, url: PublicUrl) -> None:
        self.url = url

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request: Request[Any, Any, Any] = Request(scope)
        hosts = request.headers.getall("host", [])
        ours = len(hosts) == 1 and self.url.owns_host(hosts[0])
        if not ours and scope["path_template"] not in PROBES:
            raise HTTPException("This is not the address of this service.", status_code=400)
        path = scope["path"].encode(errors="replace")
        if b"\0" in path or len(path) > 255:  # no file may be asked for by such a name
            raise NotFoundException
        if request.method not in SAFE and requests.bearer_of(request) is None:
            site = request.headers.get("sec-fetch-site", "same-origin")
            origin = request.headers.get("origin")
            foreign = origin is not None and not self.url.owns_origin(origin)
            if foreign or site not in ("same-origin", "none"):
                raise HTTPException("This form was sent from another site.", status_code=403)
        await next_app(scope, receive, send)
