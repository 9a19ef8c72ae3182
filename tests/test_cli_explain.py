"""`billing explain`: rows, pages, CSV and JSON of one number."""

import csv
import io
import json
from typing import Any

import pytest

from tests import facts
from tests.command_line import DONE, REFUSED, USAGE, Billing
from tests.oracle import Call, Message
from tests.past import add_tenants, at, bill_from, day, rows, run
from tests.server import Db


@pytest.fixture
def tenant(db: Db) -> Any:
    """Five counted messages, one that failed, one whose words a spreadsheet would run."""
    bill_from(db)
    (tenant,) = add_tenants(db, 1)
    with db.connect() as connection:
        facts.insert(
            connection,
            *(Message(tenant, at(1, f"0{n}:00"), provider_id=f"M{n}") for n in range(1, 6)),
            Message(tenant, at(1), "failed", provider_id="M6"),
            Message(tenant, at(1), "=1+1", provider_id="@M7"),
        )
    run(db, at(3))
    return tenant


def test_pages_of_lines(billing: Billing, tenant: Any) -> None:
    """In a pipe as on a terminal: what counts, then what does not, then the sum."""
    words = ("explain", tenant, day(1), "sms_outbound_count")
    done = billing(*words)
    assert (done.exit_code, done.stderr) == (DONE, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["01:00:00", "sms_outbound", "sent", "counted", "1", "M1"]
    assert lines[5].split() == ["12:00:00", "sms_outbound", "=1+1", "unclassified", "-", "@M7"]
    assert lines[6].split() == ["12:00:00", "sms_outbound", "failed", "not_counted", "-", "M6"]
    assert lines[7:] == ["Page 1 of 1, 7 rows. SMS sent: 5 messages by these rows, stored 5."]
    second = billing(*words, "--page", 2, "--per-page", 5).stdout.splitlines()
    assert second[:2] == lines[5:7]
    assert second[2].startswith("Page 2 of 2, 7 rows.")
    failed = billing(*words, "--reason", "not_counted").stdout.splitlines()
    assert failed[0] == lines[6]
    assert failed[1].startswith("Page 1 of 1, 1 row.")


def test_long_words_stay_apart(db: Db, billing: Billing, tenant: Any) -> None:
    status = "put through to somebody else"
    with db.connect() as connection:
        facts.insert(connection, Call(tenant, at(1), status, provider_id="C1"))
    line = f"12:00:00  voice_outbound  {status}  unclassified         -  C1"
    assert billing("explain", tenant, day(1), "voice_minutes").stdout.splitlines()[0] == line
    run(db, at(4))
    listed = billing("quality", "unclassified").stdout
    assert f"  voice_outbound  '{status}'  C1\n" in listed


def test_csv_is_inert(billing: Billing, tenant: Any) -> None:
    done = billing("explain", tenant, day(1), "smsOutboundCount", "--csv")
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["contribution"] for row in table] == ["1"] * 5 + ["0"] * 2
    assert table[0]["occurred_at"] == "2025-03-01T01:00:00.000000Z"
    assert (table[5]["provider_id"], table[5]["status"]) == ("'@M7", "'=1+1")


def test_json_is_as_stored(billing: Billing, tenant: Any) -> None:
    document = json.loads(billing("explain", tenant, day(1), "sms_outbound_count", "--json").stdout)
    assert (document["stored"], document["explained"], document["unit"]) == (5, 5, "messages")
    assert sum(row["contribution"] for row in document["rows"]) == 5
    assert document["rows"][5]["status"] == "=1+1"


def test_a_number_that_is_not_up_to_date(db: Db, billing: Billing, tenant: Any) -> None:
    rows(db, "update messages set status = 'sent' where provider_id = '@M7'")
    done = billing("explain", tenant, day(1), "sms_outbound_count")
    assert done.stdout.endswith("6 messages by these rows, stored 5. The next run brings it up.\n")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["acme", day(1), "ai_requests"], USAGE, "'acme' is not a valid UUID"),
        (["own", "march", "ai_requests"], USAGE, "'march' is not a day"),
        (["own", day(1), "faxes"], USAGE, "there is no metric faxes. One of: sms_outbound_count,"),
        (["own", day(1), "ai_requests", "--page", 0], USAGE, "0 is not in the range"),
        (["own", day(1), "ai_requests", "--reason", "odd"], USAGE, "'odd' is not one of"),
        (["12345678-1234-1234-1234-123456789012", day(1), "ai_requests"], USAGE, "no tenant"),
        (["own", day(2), "ai_requests"], REFUSED, "day 2025-03-02 is sealed: its source rows were"),
    ],
)
def test_refusals(
    db: Db, billing: Billing, tenant: Any, words: list[Any], code: int, sentence: str
) -> None:
    rows(db, "update usage_days set sealed_at = now() where usage_date = %s", day(2))
    refused = billing("explain", *(tenant if word == "own" else word for word in words))
    assert (refused.exit_code, refused.stdout) == (code, ""), refused.output
    assert sentence in refused.stderr
