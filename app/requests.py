"""What a request says of who sends it: token, address, form secret."""

import ipaddress
import secrets
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException, NotAuthorizedException

from app.settings import Settings

AnyRequest = Request[Any, Any, Any]


def token_of(request: AnyRequest, settings: Settings) -> str:
    """The session token of `Authorization: Bearer`, else of the cookie; 401 without one."""
    token = bearer_of(request)
    if token is None:
        token = request.cookies.get(settings.public_url.session_cookie, "")
    if not _is_token(token):
        raise NotAuthorizedException("Sign in first.")
    return token


def device_of(request: AnyRequest, settings: Settings) -> str | None:
    """The token that this browser was given when somebody signed in; None in a new one."""
    token = request.cookies.get(settings.public_url.device_cookie, "")
    return token if _is_token(token) else None


def _is_token(text: str) -> bool:
    return 0 < len(text) <= 200 and text.isascii() and text.isprintable()


def bearer_of(request: AnyRequest) -> str | None:
    """What follows `Authorization: Bearer`; None without it, and only then the cookie counts."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else None


def address_of(request: AnyRequest, settings: Settings) -> str | None:
    """The client's address, as the last trusted proxy saw it; else whoever is connected."""
    seen = [request.client.host if request.client else ""]
    if settings.trusted_proxies:
        # a proxy may add to the header or add another one
        hops = ",".join(request.headers.getall("x-forwarded-for", [])).split(",")
        if len(hops) >= settings.trusted_proxies:
            seen.insert(0, hops[-settings.trusted_proxies])
    for address in seen:
        try:
            ip = ipaddress.ip_address(address.strip().partition("%")[0])
        except ValueError:
            continue
        # as a socket for both families writes IPv4; all of them would share one /64
        return str(getattr(ip, "ipv4_mapped", None) or ip)
    return None


def cookie(settings: Settings, name: str, value: str, **more: Any) -> Cookie:
    """A cookie that scripts, other sites and (behind TLS) other hosts cannot touch."""
    return Cookie(
        key=name,
        value=value,
        path="/",
        httponly=True,
        secure=settings.public_url.secure,
        samesite="lax",
        **more,
    )


def form_secret(request: AnyRequest, settings: Settings) -> str:
    """The secret that a form repeats from its cookie; a new one for a new browser."""
    return request.cookies.get(settings.public_url.form_cookie) or secrets.token_urlsafe(24)


def require_form_secret(request: AnyRequest, settings: Settings, repeated: str) -> None:
    """403 unless the form was made for this browser."""
    known = request.cookies.get(settings.public_url.form_cookie)
    if not known or not secrets.compare_digest(known.encode(), repeated.encode()):
        raise HTTPException(
            "This form has expired: go back, reload and try again.", status_code=403
        )
