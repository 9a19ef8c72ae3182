"""Signing in and out."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, QueryParameter
from litestar.response import Redirect, Template

from app import auth, requests
from app.database import Database
from app.requests import AnyRequest
from app.settings import Settings

WRONG = "E-mail or password is wrong."


@dataclass
class SignInForm:
    email: str
    password: str
    form_secret: str
    next: str = "/"


@dataclass
class SignOutForm:
    form_secret: str
    everywhere: str = ""


Next = Annotated[
    str, QueryParameter(name="next", description="Where to go afterwards; a path of this site.")
]


@get("/login", include_in_schema=False)
async def sign_in_page(
    request: AnyRequest, settings: NamedDependency[Settings], after: Next = "/"
) -> Template:
    """The form."""
    return _page(request, settings, own_path(after), 200)


@post("/login", include_in_schema=False, status_code=303)
async def sign_in(
    request: AnyRequest,
    data: Annotated[SignInForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """A new session and a new token, whatever the browser brought along."""
    requests.require_form_secret(request, settings, data.form_secret)
    path = own_path(data.next)
    # longer than any that is stored, or than any form of a password that may be set: fits nothing
    email, password = data.email[:321].replace("\0", ""), data.password[:1000]
    result = await auth.sign_in(database, email, password, requests.address_of(request, settings))
    if result is None:
        return _page(request, settings, path, 401, WRONG, data.email)
    if isinstance(result, auth.Throttled):
        minutes = -(-result.retry_after_seconds // 60)
        page = _page(
            request,
            settings,
            path,
            429,
            f"Too many attempts. Try again in {minutes} minute{'s' if minutes > 1 else ''}.",
            data.email,
        )
        page.headers["Retry-After"] = str(result.retry_after_seconds)
        return page
    return Redirect(
        path,
        status_code=303,
        cookies=[
            requests.cookie(settings, settings.public_url.session_cookie, result.token),
        ],
    )


@post("/logout", include_in_schema=False, status_code=303)
async def sign_out(
    request: AnyRequest,
    data: Annotated[SignOutForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Redirect:
    """End this session, or every session of the user."""
    requests.require_form_secret(request, settings, data.form_secret)
    token = requests.token_of(request, settings)
    await auth.sign_out(database, token, everywhere=bool(data.everywhere))
    gone = requests.cookie(settings, settings.public_url.session_cookie, "", max_age=0)
    return Redirect("/login", status_code=303, cookies=[gone])


def own_path(text: str) -> str:
    """The path if it is one of this site, else the start page: no open redirect."""
    ours = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return text if ours and text.isprintable() and len(text) <= 2000 else "/"


def _page(
    request: AnyRequest,
    settings: Settings,
    path: str,
    status: int,
    problem: str = "",
    email: str = "",
) -> Template:
    secret = requests.form_secret(request, settings)
    return Template(
        "login.html",
        context={"problem": problem, "email": email, "next": path, "form_secret": secret},
        status_code=status,
        cookies=[requests.cookie(settings, settings.public_url.form_cookie, secret)],
    )
