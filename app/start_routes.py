"""Where each kind of user begins."""

from litestar import get
from litestar.di import NamedDependency
from litestar.response import Redirect

from app.gate import Gate


@get("/", include_in_schema=False)
async def start(gate: NamedDependency[Gate]) -> Redirect:
    """Root to the overview, everybody else to Usage & Billing."""
    actor = await gate.actor()
    return Redirect("/admin/billing-overview" if actor.role == "root" else "/settings/billing")
