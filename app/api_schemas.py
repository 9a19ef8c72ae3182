"""What is counted, as JSON Schema: it comes from billing.metrics, so that a new metric changes
nothing here. The API's other documents are in api_records.py."""

from typing import Any

Schema = dict[str, Any]
Metrics = list[dict[str, Any]]
"""Rows of billing.metrics."""

STATES = ["before_start", "missing", "failed", "open", "complete", "sealed"]
LIMIT_STATES = ["normal", "approaching", "over", "unlimited", "not_included", "no_plan"]
DATE: Schema = {"type": "string", "format": "date", "examples": ["2026-11-21"]}
TEXT: Schema = {"type": "string"}
ID: Schema = {"type": "string", "format": "uuid"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MAYBE_COUNT: Schema = {"type": ["integer", "null"], "minimum": 0}
INSTANT: Schema = {"type": "string", "format": "date-time", "examples": ["2026-11-21T12:05:00Z"]}
STATE: Schema = {
    "enum": STATES,
    "description": "open is a day that is not over; figures of a"
    " day that was never counted are null, and null is not 0.",
}


def usage_schemas(metrics: Metrics) -> dict[str, Schema]:
    """The component schemas of what is counted."""
    limits: Schema = {
        metric["limit_json_name"]: {
            "type": ["integer", "null"],
            "minimum": 0,
            "description": f"{metric['label']}, {metric['unit']} per period, a soft limit; null is"
            " unlimited, 0 not included.",
            "examples": [1500],
        }
        for metric in metrics
        if metric["limit_json_name"]
    }
    totals = {metric["json_name"]: _figure(metric, "integer") for metric in metrics}
    day = {"date": DATE | {"description": "UTC day."}, "state": STATE}
    per_day = {metric["json_name"]: _figure(metric, ["integer", "null"]) for metric in metrics}
    return {
        "UsageTotals": object_of(totals, "The period's totals, today so far included."),
        "UsageDay": object_of(day | per_day, "A UTC day."),
        "PlanLimits": object_of(limits, "The soft limits of today's plan; nothing is blocked."),
        "Plan": object_of(PLAN, "The plan in force today."),
        "UsageSummary": object_of(SUMMARY, "A tenant's usage in a billing period."),
        "TenantUsage": _tenant([metric for metric in metrics if metric["on_card"]]),
    }


def _tenant(on_card: Metrics) -> Schema:
    totals = {metric["json_name"]: _figure(metric, "integer") for metric in on_card}
    change: Schema = {
        "metric": {"enum": list(totals), "description": "What is compared."},
        "completeDays": COUNT | {"description": "Used on the complete days of the period."},
        "sameDaysBefore": COUNT | {"description": "Used on the same days of the previous one."},
    }
    tenant: Schema = {
        "tenantId": ID,
        "tenantName": TEXT | {"examples": ["Harbour Dental"]},
        "plan": {"type": ["string", "null"], "description": "Code of the plan; null: none."},
        "planLabel": {"type": ["string", "null"], "examples": ["Large"]},
        "status": {"enum": ["active", "suspended"]},
        "totalsForPeriod": object_of(totals, "The period's totals, today so far included."),
        "peakSharePercent": {
            "type": ["number", "null"],
            "minimum": 0,
            "description": "The highest share of a limit, in percent; of the plan in force today,"
            " also for a past period; null without any limit.",
            "examples": [84.25],
        },
        "limitState": {
            "enum": LIMIT_STATES,
            "description": "The worst state of its limits; of the plan in force today, also for a"
            " past period.",
        },
        "change": {
            "oneOf": [
                object_of(change, "Against the same days of the previous period."),
                {"type": "null"},
            ]
        },
    }
    return object_of(tenant, "A tenant in a billing period.")


def _figure(metric: dict[str, Any], kind: Any) -> Schema:
    text = f"{metric['label']}, in {metric['unit']}. {metric['how_we_count']}"
    return {"type": kind, "minimum": 0, "description": text, "examples": [1234]}


def object_of(properties: Schema, description: str) -> Schema:
    """An object that has all of these properties, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "description": description,
    }


def list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(name: str) -> Schema:
    return {"oneOf": [{"$ref": f"#/components/schemas/{name}"}, {"type": "null"}]}


PLAN: Schema = {
    "code": TEXT | {"examples": ["pro"]},
    "label": TEXT | {"examples": ["Large"]},
    "monthlyBasePrice": {
        "type": ["string", "null"],
        "pattern": r"^\d+\.\d{2}$",
        "description": "A decimal; null means: contact support.",
        "examples": ["79.00"],
    },
    "currency": TEXT | {"pattern": "^[A-Z]{3}$", "description": "ISO 4217.", "examples": ["USD"]},
}
SUMMARY: Schema = {
    "currentPlan": _or_null("Plan"),
    "planLimits": _or_null("PlanLimits"),
    "currentPeriod": object_of(
        {"start": DATE, "end": DATE}, "First and last UTC day, both included."
    ),
    "completeThrough": DATE
    | {"type": ["string", "null"], "description": "Last UTC day before the first hole."},
    "asOf": INSTANT
    | {
        "type": ["string", "null"],
        "description": "When it was counted last; null when it never was.",
    },
    "totalsForPeriod": {"$ref": "#/components/schemas/UsageTotals"},
    "dailyUsage": list_of({"$ref": "#/components/schemas/UsageDay"})
    | {
        "minItems": 30,
        "maxItems": 30,
        "description": "The 30 UTC days that end with the period, or today.",
    },
}
