"""The description of the API (OpenAPI): what each route answers and refuses, completed from what
the database says when it is asked for."""

from copy import deepcopy
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request
from litestar.openapi import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin

from app import pages
from app.api_parameters import DAY, Choices, parameter
from app.api_records import RECORDS
from app.api_schemas import Schema, usage_schemas


class Problem(msgspec.Struct, forbid_unknown_fields=True):
    """Why there is no answer, with a sentence for a person (RFC 9457)."""

    status: int
    title: str
    detail: str


class UsageSummary(msgspec.Struct):
    """Stands for the schema of this name, as those below do; app/api_schemas.py has them."""


class TenantUsage(msgspec.Struct):
    """A tenant in a billing period."""


class UsageExplanation(msgspec.Struct):
    """A number of one day and the rows behind it."""


class Verification(msgspec.Struct):
    """What recounting a range found."""


READING = (401, 403, 404, 422, 503)
REFUSALS = {
    400: "The body is no JSON.",
    401: "Nobody is signed in, or the session has ended.",
    403: "The session is not of a role that may do this.",
    404: "There is nothing of that period or day, no such tenant or no such page.",
    409: "A day is sealed, or somebody else is counting it.",
    413: "The body is larger than 64 KiB.",
    422: "A parameter is not written as it has to be, or there is no such value.",
    503: "The database does not answer; try again in a moment.",
}
HEADERS = {
    "/api/admin/billing/usage/tenants": {
        "X-Total-Count": "Number of all tenants that fit.",
        "Link": "Addresses of the neighbouring pages (RFC 8288).",
    },
    "/api/billing/usage/explain.csv": {"X-Total-Count": "Number of rows on all pages."},
    "/api/admin/billing/usage/explain.csv": {"X-Total-Count": "Number of rows on all pages."},
}
SECURITY: Schema = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The token of a session."}
}


def answers(
    document: Any,
    description: str,
    media_type: str = "application/json",
    refusals: tuple[int, ...] = READING,
) -> dict[int, ResponseSpec]:
    """What a route answers: the document, or a problem that says why not."""
    found = ResponseSpec(
        document, description=description, media_type=media_type, generate_examples=False
    )
    return {200: found} | {
        status: ResponseSpec(
            Problem,
            description=REFUSALS[status],
            media_type="application/problem+json",
            generate_examples=False,
        )
        for status in refusals
    }


class Description(JsonRenderPlugin):
    """The document, completed from the choices that the request has read."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: Schema) -> bytes:
        complete = described(openapi_schema, request.state["choices"])
        return self.render_json(request, complete)  # pyright: ignore[reportUnknownMemberType]


class DescriptionPage(OpenAPIRenderPlugin):
    """The same as a page of this site."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: Schema) -> bytes:
        page = pages.render_document(
            "api.html",
            document=described(openapi_schema, request.state["choices"]),
            actor=request.state["actor"],
            here="/schema",
            form_secret=request.cookies.get("__Host-form") or request.cookies.get("form", ""),
        )
        return page.encode()


def described(schema: Schema, choices: Choices) -> Schema:
    """The schema with the documents, the values that there are, an example of every refusal, and
    without answers that no route gives."""
    schema = deepcopy(schema)
    for path, item in schema["paths"].items():
        for method in {"get", "post"} & item.keys():
            operation = item[method]
            if operation["responses"].get("400", {}).get("description") != REFUSALS[400]:
                # the framework announces a form of 400 of its own, which is never let out
                operation["responses"].pop("400", None)
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    if kind == "application/problem+json":
                        content["example"] = _refusal(int(status))
            if path in HEADERS:
                operation["responses"]["200"]["headers"] = {
                    name: {"schema": {"type": "string"}, "description": text}
                    for name, text in HEADERS[path].items()
                }
            operation["parameters"] = [
                parameter(path, one, choices) for one in operation.get("parameters", [])
            ]
            if path.startswith("/api/"):
                operation["security"] = [{"bearer": []}]
    schemas: dict[str, Schema] = schema["components"]["schemas"]
    schemas |= usage_schemas(choices.metrics) | RECORDS
    # as recount_routes.Days reads them
    schemas["Days"]["additionalProperties"] = False
    for day in schemas["Days"]["properties"].values():
        day |= DAY
    schema["components"]["securitySchemes"] = SECURITY
    return schema


def _refusal(status: int) -> Schema:
    return {"status": status, "title": HTTPStatus(status).phrase, "detail": REFUSALS[status]}
