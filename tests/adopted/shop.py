"""How the shop writes the events of the oracle: its own names, numbers and words."""

from itertools import count
from typing import Any
from uuid import UUID

from psycopg import sql

from tests.hosts import Host, Table, Translate, as_it_is

KEY = ("tenant_id", "provider_id")
KEY_OF_A_PARTITIONED_TABLE = (*KEY, "occurred_at")
"""The time decides the partition, so it is part of every unique key."""

TEXTS = {
    "sent": "SUBMITTED",
    "delivered": "DELIVRD",
    "undelivered": "UNDELIV",
    "read": "SEEN",
    "partially_delivered": "PARTIAL",
    "received": "MO",
    "failed": "REJECTD",
    "canceled": "WITHDRAWN",
    "queued": "ENROUTE",
    "accepted": "ACCEPTD",
    "scheduled": "TIMED",
    "sending": "SENDING",
    "receiving": "INCOMING",
}
CALLS = {
    "completed": "hung-up",
    "busy": "engaged",
    "failed": "broken",
    "no-answer": "unanswered",
    "canceled": "abandoned",
    "queued": "waiting",
    "initiated": "dialling",
    "ringing": "alerting",
    "in-progress": "talking",
}
MAILS = {
    "sent": "out",
    "delivered": "opened",
    "deferred": "later",
    "bounced": "returned",
    "dropped": "suppressed",
    "rejected": "refused",
    "failed": "broken",
    "queued": "waiting",
    "processing": "working",
}
REQUESTS = {
    "succeeded": "answered",
    "error": "errored",
    "not_sent": "unsent",
    "cached": "remembered",
    "pending": "thinking",
}

_numbers = count(1000)


def account_no(tenant: UUID) -> int:
    return tenant.int


def equals(word: str) -> Translate:
    return lambda value: value == word


def told(words: dict[str, str]) -> Translate:
    """The provider's word for a status; what the oracle does not know either stays as it is."""
    return lambda status: words.get(status, status)


def _columns(at: str, provider_id: str, words: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "tenant_id": ("account_no", account_no),
        "occurred_at": (at, as_it_is),
        "status": ("state", told(words)),
        "provider_id": (provider_id, as_it_is),
        "is_test": ("sandbox", as_it_is),
    } | more


def _event(topic: str, words: dict[str, str], **more: Any) -> Table:
    return Table(
        sql.Identifier("shop", "events"),
        _columns("happened_at", "ref", words, **more),
        key=KEY_OF_A_PARTITIONED_TABLE,
        constants={"topic": topic},
    )


DIRECTION = ("inbound", equals("inbound"))
SHOP = Host(
    writer="shop_app",
    tables={
        "messages": Table(
            sql.Identifier("shop", "texts"),
            _columns(
                "happened_at",
                "carrier_ref",
                TEXTS,
                channel=("with_media", equals("mms")),
                direction=DIRECTION,
                num_segments=("parts", as_it_is),
            ),
        ),
        "calls": _event("call", CALLS, direction=DIRECTION, duration_seconds=("amount", as_it_is)),
        "emails": _event("mail", MAILS, recipient_count=("amount", as_it_is)),
        "ai_requests": _event("assistant", REQUESTS),
    },
    tenants=sql.SQL("insert into shop.accounts (account_no, company) values (%s, %s)"),
    new_id=lambda: UUID(int=next(_numbers)),
    tenant_key=account_no,
    own_tables=(
        sql.Identifier("shop", "texts"),
        sql.Identifier("shop", "events"),
        sql.Identifier("shop", "accounts"),
    ),
)
