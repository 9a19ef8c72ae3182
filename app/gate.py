"""The one way from a request to data: token, proof in the database, refusal with a sentence."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import (
    NotAuthorizedException,
    NotFoundException,
    PermissionDeniedException,
)
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

    async def as_root(self, work: Work[T], *, writing: bool = False) -> T:
        """Read across tenants as root, or let root count; 401 or 403 otherwise."""
        return await self._read("root", work, writing=writing)

    async def as_root_of(self, tenant_id: UUID, event: str, work: Work[T]) -> T:
        """Read a tenant's own page as root; an audit row says so before anything is read."""
        token = requests.token_of(self.request, self.settings)
        actor = await self.actor()
        if actor.role != "root":
            raise PermissionDeniedException(_refusal("root", actor))
        try:
            await auth.audit(self.database, token, event, tenant_id)
        except pg.ForeignKeyViolation:
            raise NotFoundException("There is no such tenant.") from None
        return await self.as_root(work)

    async def actor(self) -> Actor:
        """Who is signed in; 401 when nobody is."""
        actor = await auth.whose(self.database, requests.token_of(self.request, self.settings))
        if actor is None:
            raise NotAuthorizedException("Your session has ended. Sign in again.")
        self.request.state["actor_kind"] = actor.role
        self.request.state["actor"] = actor
        return actor

    async def _read(
        self, login: Literal["tenant", "root"], work: Work[T], *, writing: bool = False
    ) -> T:
        token = requests.token_of(self.request, self.settings)
        await auth.touch(self.database, token)

        async def known(connection: Connection, actor: Actor) -> T:
            self.request.state["actor"] = actor
            return await work(connection, actor)

        try:
            if writing:
                result = await self.database.write(token, known)
            else:
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


async def require_root(connection: ASGIConnection[Any, Any, Any, Any], _: object) -> None:
    """A guard: who is not root is refused before anything else of the request is looked at."""
    state = connection.app.state
    actor = await Gate(Request(connection.scope), state.database, state.settings).actor()
    if actor.role != "root":
        raise PermissionDeniedException(_refusal("root", actor))


def _refusal(login: Literal["tenant", "root"], actor: Actor) -> str:
    if login == "root":
        return "This page is for root. Your own usage is under Usage & Billing."
    if actor.role == "root":
        return "This page belongs to a tenant, and root is none."
    return (
        f"Usage & Billing is open to owners and admins of {actor.tenant_name}; you are a "
        f"{actor.role}. Ask an owner for the role admin."
    )
