"""Signing in and out."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Redirect, Template

from app import auth, bodies, requests
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


@post(
    "/login",
    dependencies={"form": bodies.form(SignInForm)},
    include_in_schema=False,
    status_code=303,
)
async def sign_in(
    request: AnyRequest,
    form: NamedDependency[SignInForm],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """A new session and a new token, whatever the browser brought along."""
    requests.require_form_secret(request, settings, form.form_secret)
    path = own_path(form.next)
    # longer than any that is stored, or than any form of a password that may be set: fits nothing
    email, password = form.email[:321].replace("\0", ""), form.password[:1000]
    result = await auth.sign_in(
        database,
        email,
        password,
        requests.address_of(request, settings),
        requests.device_of(request, settings),
    )
    if result is None:
        return _page(request, settings, path, 401, WRONG, form.email)
    if isinstance(result, auth.Throttled):
        minutes = -(-result.retry_after_seconds // 60)
        page = _page(
            request,
            settings,
            path,
            429,
            f"Too many attempts. Try again in {minutes} minute{'s' if minutes > 1 else ''}.",
            form.email,
        )
        page.headers["Retry-After"] = str(result.retry_after_seconds)
        return page
    return Redirect(
        path,
        status_code=303,
        cookies=[
            requests.cookie(settings, settings.public_url.session_cookie, result.token),
            requests.cookie(
                settings,
                settings.public_url.device_cookie,
                result.device,
                max_age=auth.DEVICE_DAYS * 24 * 60 * 60,
            ),
        ],
    )


@post(
    "/logout",
    dependencies={"form": bodies.form(SignOutForm)},
    include_in_schema=False,
    status_code=303,
)
async def sign_out(
    request: AnyRequest,
    form: NamedDependency[SignOutForm],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Redirect:
    """End this session, or every session of the user."""
    requests.require_form_secret(request, settings, form.form_secret)
    token = requests.token_of(request, settings)
    await auth.sign_out(database, token, everywhere=bool(form.everywhere))
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
