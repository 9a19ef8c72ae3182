"""The one way from a request to data: token, proof in the database, refusal with a sentence."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.response import Template
from psycopg import errors as pg

from app import auth, requests
from app.database import Actor, Connection, Database, Work
from app.requests import AnyRequest
from app.settings import Settings

T = TypeVar("T")

ROLES = {"tenant": ("owner", "admin"), "root": ("root",)}
"""Who may read through which login."""


class Gate:
    """Opens request transactions for one request."""

    def __init__(self, request: AnyRequest, database: Database, settings: Settings) -> None:
        self.request, self.database, self.settings = request, database, settings

    async def as_tenant(self, work: Work[T]) -> T:
        """Read as an owner or admin of a tenant; 401 or 403 otherwise."""
        return await self._read("tenant", work)

    async def as_root(self, work: Work[T]) -> T:
        """Read across tenants as root; 401 or 403 otherwise."""
        return await self._read("root", work)

    async def actor(self) -> Actor:
        """Who is signed in; 401 when nobody is."""
        actor = await auth.whose(self.database, requests.token_of(self.request, self.settings))
        if actor is None:
            raise NotAuthorizedException("Your session has ended. Sign in again.")
        self.request.state["actor_kind"] = actor.role
        self.request.state["actor"] = actor
        return actor

    async def _read(self, login: Literal["tenant", "root"], work: Work[T]) -> T:
        token = requests.token_of(self.request, self.settings)
        await auth.touch(self.database, token)

        async def known(connection: Connection, actor: Actor) -> T:
            self.request.state["actor"] = actor
            return await work(connection, actor)

        try:
            result = await self.database.read(login, token, known)
        except pg.InsufficientPrivilege:
            actor = await self.actor()
            if actor.role in ROLES[login]:
                raise  # not because of the role
            raise PermissionDeniedException(_refusal(login, actor)) from None
        self.request.state["actor_kind"] = login
        return result

    def page(self, template: str, context: Mapping[str, Any], status: int = 200) -> Template:
        """A page beside the bar that says where one is and who is signed in."""
        secret = requests.form_secret(self.request, self.settings)
        name = self.settings.public_url.form_cookie
        return Template(
            template,
            context={
                "form_secret": secret,
                "actor": self.request.state["actor"],
                "here": self.request.url.path,
                **context,
            },
            status_code=status,
            cookies=[requests.cookie(self.settings, name, secret)],
        )


def _refusal(login: Literal["tenant", "root"], actor: Actor) -> str:
    if login == "root":
        return "This page is for root. Your own usage is under Usage & Billing."
    if actor.role == "root":
        return "This page belongs to a tenant, and root is none."
    return (
        f"Usage & Billing is open to owners and admins of {actor.tenant_name}; you are a "
        f"{actor.role}. Ask an owner for the role admin."
    )
