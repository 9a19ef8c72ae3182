"""Root recounts days by hand: the same work for the JSON interface and for the form of the page."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, ValidationException
from litestar.params import JSONBody
from litestar.response import Redirect
from psycopg import errors as pg

from app import bodies, overview, requests, usage_tenants
from app.api_docs import answers
from app.database import Actor, Connection
from app.days import MOST_DAYS, parse_day, until
from app.gate import Gate, require_root
from app.requests import AnyRequest
from app.settings import Settings


class Days(msgspec.Struct, forbid_unknown_fields=True):
    """UTC days to recount, both included."""

    first: Annotated[date, msgspec.Meta(description="First UTC day.")] = msgspec.field(name="from")
    last: Annotated[
        date, msgspec.Meta(description=f"Last UTC day, included; at most {MOST_DAYS} days in all.")
    ] = msgspec.field(name="to")


class Recount(msgspec.Struct, rename="camel"):
    """What a recount did."""

    rows_changed: Annotated[
        int, msgspec.Meta(description="Daily rows that differ now; 0 proves a no-op.", ge=0)
    ]
    run_id: Annotated[int, msgspec.Meta(description="Number of the run in the run ledger.", ge=1)]


@dataclass
class DaysForm:
    first: str
    last: str
    form_secret: str


@post(
    "/api/admin/billing/usage/aggregate",
    guards=[require_root],
    status_code=200,
    responses=answers(
        Recount, "What the recount did.", refusals=(400, 401, 403, 409, 413, 422, 503)
    ),
)
async def recount(gate: NamedDependency[Gate], data: JSONBody[Days]) -> Recount:
    """Recount the days whole, all or nothing; waits up to two minutes.

    409 when a day is sealed or somebody else is counting it, 422 for a bad or future range.
    """
    return await _recount(gate, data.first, data.last)


@post(
    f"{overview.PAGE}/recount",
    guards=[require_root],
    dependencies={"form": bodies.form(DaysForm)},
    include_in_schema=False,
    status_code=303,
)
async def recount_from_page(
    request: AnyRequest,
    gate: NamedDependency[Gate],
    settings: NamedDependency[Settings],
    form: NamedDependency[DaysForm],
) -> Response[Any]:
    """The same for the form of the page, which shows the result."""
    requests.require_form_secret(request, settings, form.form_secret)
    done = await _recount(gate, parse_day(form.first, "from"), parse_day(form.last, "to"))
    return Redirect(f"{overview.PAGE}?ran={done.run_id}#health", status_code=303)


async def _recount(gate: Gate, first: date, last: date) -> Recount:
    end = until(first, last)

    async def work(connection: Connection, _: Actor) -> Recount:
        changed, run = await usage_tenants.recount(connection, first, end)
        return Recount(changed, run)

    try:
        return await gate.as_root(work, writing=True)
    except (pg.ObjectNotInPrerequisiteState, pg.LockNotAvailable) as error:
        raise HTTPException(_sentence(error), status_code=409) from None
    except (pg.DatetimeFieldOverflow, pg.InvalidParameterValue) as error:
        raise ValidationException(_sentence(error)) from None


def _sentence(error: pg.Error) -> str:
    text = error.diag.message_primary or ""
    return f"{text[:1].upper()}{text[1:]}."
