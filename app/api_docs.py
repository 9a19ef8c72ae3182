"""The description of the API (OpenAPI). What there is of metrics and limits is described from
billing.metrics when it is asked for, so that a new metric changes nothing here."""

from copy import deepcopy
from typing import Any

import msgspec
from litestar import Request
from litestar.openapi import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin

Schema = dict[str, Any]
Metrics = list[dict[str, Any]]
"""Rows of billing.metrics."""

STATES = ["before_start", "missing", "failed", "open", "complete", "sealed"]
METHODS = {"get", "post"}
DATE: Schema = {"type": "string", "format": "date"}


class Problem(msgspec.Struct):
    """Why there is no answer, with a sentence for a person (RFC 9457)."""

    status: int
    title: str
    detail: str


class UsageSummary(msgspec.Struct):
    """A tenant's usage in a billing period; its fields are those of billing.usage_summary."""


REFUSALS = {
    401: "Nobody is signed in, or the session has ended.",
    403: "The session is not of a role that may read this.",
    404: "There is nothing of that period: billing had not begun, or it has not.",
    422: "A parameter is not written as it has to be.",
    503: "The database does not answer; try again in a moment.",
}


def answers(
    document: Any, description: str, media_type: str = "application/json"
) -> dict[int, ResponseSpec]:
    """What a route of a period answers: the document, or a problem that says why not."""
    found = ResponseSpec(
        document, description=description, media_type=media_type, generate_examples=False
    )
    return {200: found} | {
        status: ResponseSpec(
            Problem,
            description=sentence,
            media_type="application/problem+json",
            generate_examples=False,
        )
        for status, sentence in REFUSALS.items()
    }


class Description(JsonRenderPlugin):
    """The document, completed from the metrics that the request has read."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: Schema) -> bytes:
        complete = described(openapi_schema, request.state["metrics"])
        return self.render_json(request, complete)  # pyright: ignore[reportUnknownMemberType]


def described(schema: Schema, metrics: Metrics) -> Schema:
    """The schema with the objects of metrics, and without answers that no route gives."""
    schema = deepcopy(schema)
    components = schema["components"]
    for item in schema["paths"].values():
        for method in METHODS & item.keys():
            # the framework announces its own form of 400, which http_errors.py never lets out
            item[method]["responses"].pop("400", None)
    components["schemas"] |= usage_schemas(metrics)
    return schema


def usage_schemas(metrics: Metrics) -> dict[str, Schema]:
    """The component schemas that depend on what is counted."""

    def figure(metric: dict[str, Any], kind: Any) -> Schema:
        text = f"{metric['label']}, in {metric['unit']}. {metric['how_we_count']}"
        return {"type": kind, "minimum": 0, "description": text}

    totals = {metric["json_name"]: figure(metric, "integer") for metric in metrics}
    per_day = {metric["json_name"]: figure(metric, ["integer", "null"]) for metric in metrics}
    limits: Schema = {
        metric["limit_json_name"]: {
            "type": ["integer", "null"],
            "minimum": 0,
            "description": f"{metric['label']}, {metric['unit']} per period, a soft limit; null is"
            " unlimited, 0 not included.",
        }
        for metric in metrics
        if metric["limit_json_name"]
    }
    plan: Schema = {
        "code": {"type": "string", "examples": ["pro"]},
        "label": {"type": "string", "examples": ["Pro"]},
        "monthlyBasePrice": {
            "type": ["string", "null"],
            "pattern": r"^\d+\.\d{2}$",
            "description": "A decimal; null means: contact support.",
            "examples": ["99.00"],
        },
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217."},
    }
    day: Schema = {
        "date": DATE | {"description": "UTC day."},
        "state": {
            "enum": STATES,
            "description": "open is a day that is not over; figures of a"
            " day that was never counted are null, and null is not 0.",
        },
    }
    summary: Schema = {
        "currentPlan": _or_null("Plan"),
        "planLimits": _or_null("PlanLimits"),
        "currentPeriod": _object(
            {"start": DATE, "end": DATE}, "First and last UTC day, both included."
        ),
        "completeThrough": DATE
        | {"type": ["string", "null"], "description": "Last UTC day before the first hole."},
        "asOf": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When it was counted last; null when it never was.",
        },
        "totalsForPeriod": {"$ref": "#/components/schemas/UsageTotals"},
        "dailyUsage": {
            "type": "array",
            "minItems": 30,
            "maxItems": 30,
            "items": {"$ref": "#/components/schemas/UsageDay"},
            "description": "The 30 UTC days that end with the period, or today.",
        },
    }
    return {
        "UsageTotals": _object(totals, "The period's totals, today so far included."),
        "UsageDay": _object(day | per_day, "A UTC day."),
        "PlanLimits": _object(limits, "The soft limits of today's plan; nothing is blocked."),
        "Plan": _object(plan, "The plan in force today."),
        "UsageSummary": _object(summary, "A tenant's usage in a billing period."),
    }


def _object(properties: Schema, description: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "description": description,
    }


def _or_null(name: str) -> Schema:
    return {"oneOf": [{"$ref": f"#/components/schemas/{name}"}, {"type": "null"}]}
