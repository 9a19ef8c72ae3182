"""The documents that the API answers with, as JSON Schema. What depends on what is counted comes
from billing.metrics, so that a new metric changes nothing here."""

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
        "UsageTotals": _object(totals, "The period's totals, today so far included."),
        "UsageDay": _object(day | per_day, "A UTC day."),
        "PlanLimits": _object(limits, "The soft limits of today's plan; nothing is blocked."),
        "Plan": _object(PLAN, "The plan in force today."),
        "UsageSummary": _object(SUMMARY, "A tenant's usage in a billing period."),
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
        "totalsForPeriod": _object(totals, "The period's totals, today so far included."),
        "peakSharePercent": {
            "type": ["number", "null"],
            "minimum": 0,
            "description": "The highest share of a limit, in percent; null without any limit.",
            "examples": [84.25],
        },
        "limitState": {"enum": LIMIT_STATES, "description": "The worst state of its limits."},
        "change": {
            "oneOf": [
                _object(change, "Against the same days of the previous period."),
                {"type": "null"},
            ]
        },
    }
    return _object(tenant, "A tenant in a billing period.")


def _figure(metric: dict[str, Any], kind: Any) -> Schema:
    text = f"{metric['label']}, in {metric['unit']}. {metric['how_we_count']}"
    return {"type": kind, "minimum": 0, "description": text, "examples": [1234]}


def _object(properties: Schema, description: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "description": description,
    }


def _list(items: Schema) -> Schema:
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
    "currentPeriod": _object(
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
    "dailyUsage": _list({"$ref": "#/components/schemas/UsageDay"})
    | {
        "minItems": 30,
        "maxItems": 30,
        "description": "The 30 UTC days that end with the period, or today.",
    },
}
ROW: Schema = {
    "occurredAt": INSTANT,
    "source": TEXT | {"description": "The table that it stands in.", "examples": ["messages"]},
    "providerId": TEXT | {"type": ["string", "null"], "examples": ["SM4f2a"]},
    "kind": TEXT | {"type": ["string", "null"], "examples": ["sms_outbound"]},
    "status": TEXT | {"type": ["string", "null"], "examples": ["sent"]},
    "isCounted": {"type": "boolean"},
    "reason": TEXT | {"description": "Why it is counted or not.", "examples": ["counted"]},
    "contribution": COUNT | {"description": "What it adds to the number, in the metric's unit."},
}
REASON: Schema = {
    "reason": TEXT,
    "isCounted": {"type": "boolean"},
    "rows": COUNT,
    "contribution": COUNT | {"description": "What these rows add to the number."},
}
RESTATEMENT: Schema = {
    "metric": TEXT,
    "label": TEXT,
    "unit": TEXT,
    "oldValue": COUNT,
    "newValue": COUNT,
    "restatedAt": INSTANT,
}
EXPLANATION: Schema = {
    "tenantId": ID,
    "tenantName": TEXT,
    "date": DATE,
    "state": STATE,
    "countedAt": INSTANT | {"type": ["string", "null"]},
    "metric": _object(
        {"name": TEXT, "label": TEXT, "unit": TEXT | {"examples": ["messages"]}}, "What it is of."
    ),
    "stored": MAYBE_COUNT | {"description": "The number in use; null: the day was not counted."},
    "explained": MAYBE_COUNT
    | {"description": "The sum of the rows; null for a sealed day, whose rows are given up."},
    "reasons": _list(_object(REASON, "Rows of one reason.")),
    "rowCount": COUNT | {"description": "Rows on all pages."},
    "rows": _list(_object(ROW, "A source row.")) | {"maxItems": 100},
    "metrics": _list(_object({"name": TEXT, "label": TEXT}, "What else can be explained.")),
    "restatements": _list(_object(RESTATEMENT, "A change of a number that was complete.")),
    "onlyReason": {"type": ["string", "null"]},
    "page": COUNT | {"minimum": 1},
    "pages": COUNT | {"minimum": 1},
}
DIFFERENCE: Schema = {
    "tenantId": ID | {"type": ["string", "null"], "description": "null: a sum of the day ledger."},
    "tenantName": {"type": ["string", "null"]},
    "date": DATE,
    "metric": {"type": ["string", "null"]},
    "stored": MAYBE_COUNT,
    "recounted": MAYBE_COUNT,
}
VERIFICATION: Schema = {
    "from": DATE,
    "to": DATE | {"description": "Included."},
    "daysVerified": COUNT,
    "sealedDays": _list(DATE) | {"description": "Their source rows are given up."},
    "daysNotVerified": _list(_object({"date": DATE, "state": STATE}, "Not complete.")),
    "daysWaiting": _list(DATE) | {"description": "Late facts wait for the next run."},
    "differenceCount": COUNT | {"description": "0 proves that the figures are right."},
    "differences": _list(_object(DIFFERENCE, "A figure that differs.")) | {"maxItems": 200},
    "digest": TEXT | {"description": "SHA-256 of the figures.", "pattern": "^[0-9a-f]{64}$"},
}
RECORDS: dict[str, Schema] = {
    "UsageExplanation": _object(EXPLANATION, "A number of one day and the rows behind it."),
    "Verification": _object(VERIFICATION, "What recounting a range found."),
}
"""Documents that do not depend on what is counted."""
