"""The documents of the API that do not depend on what is counted, as JSON Schema."""

from app.api_schemas import (
    COUNT,
    DATE,
    ID,
    INSTANT,
    MAYBE_COUNT,
    STATE,
    TEXT,
    Schema,
    list_of,
    object_of,
)

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
    "metric": object_of(
        {"name": TEXT, "label": TEXT, "unit": TEXT | {"examples": ["messages"]}}, "What it is of."
    ),
    "stored": MAYBE_COUNT | {"description": "The number in use; null: the day was not counted."},
    "explained": MAYBE_COUNT
    | {"description": "The sum of the rows; null for a sealed day, whose rows are given up."},
    "reasons": list_of(object_of(REASON, "Rows of one reason.")),
    "rowCount": COUNT | {"description": "Rows on all pages."},
    "rows": list_of(object_of(ROW, "A source row.")) | {"maxItems": 100},
    "metrics": list_of(object_of({"name": TEXT, "label": TEXT}, "What else can be explained.")),
    "restatements": list_of(object_of(RESTATEMENT, "A change of a number that was complete.")),
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
    "sealedDays": list_of(DATE) | {"description": "Their source rows are given up."},
    "daysNotVerified": list_of(object_of({"date": DATE, "state": STATE}, "Not complete.")),
    "daysWaiting": list_of(DATE) | {"description": "Late facts wait for the next run."},
    "differenceCount": COUNT | {"description": "0 proves that the figures are right."},
    "differences": list_of(object_of(DIFFERENCE, "A figure that differs.")) | {"maxItems": 200},
    "digest": TEXT | {"description": "SHA-256 of the figures.", "pattern": "^[0-9a-f]{64}$"},
}
RECORDS: dict[str, Schema] = {
    "UsageExplanation": object_of(EXPLANATION, "A number of one day and the rows behind it."),
    "Verification": object_of(VERIFICATION, "What recounting a range found."),
}
