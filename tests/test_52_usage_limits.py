"""Thresholds and words, each in one function (R25)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.past import value
from tests.server import Db

HUGE = 9_999_999_999


@pytest.mark.parametrize(
    ("used", "limit", "state", "word", "share"),
    [
        (0, None, "unlimited", "Unlimited", None),
        (HUGE, None, "unlimited", "Unlimited", None),
        (0, 0, "not_included", "Not included", None),
        (34, 0, "over", "Over by 34", None),
        (0, 500, "normal", "Within limit", "0 %"),
        (1, 500, "normal", "Within limit", "under 1 %"),
        (399, 500, "normal", "Within limit", "79 %"),
        (400, 500, "approaching", "Approaching", "80 %"),
        (499, 500, "approaching", "Approaching", "99 %"),
        (500, 500, "approaching", "Approaching", "100 %"),
        (501, 500, "over", "Over by 1", "just over 100 %"),
        (5, 7, "normal", "Within limit", "71 %"),
        (6, 7, "approaching", "Approaching", "85 %"),
        (534, 500, "over", "Over by 34", "106 %"),
        (HUGE, 10, "over", "Over by 9,999,999,989", "99,999,999,990 %"),
    ],
)
def test_used_beside_a_limit(
    module_db: Db, used: int, limit: int | None, state: str, word: str, share: str | None
) -> None:
    """100.0 % is within; what is shown is never rounded over a threshold."""
    found = value(
        module_db,
        "select s.state, limit_word(s.state, u.used, u.most),"
        " share_text(share_of_limit(u.used, u.most))"
        " from (select %s::bigint as used, %s::bigint as most) as u"
        " cross join lateral limit_state(u.used, u.most, true) as s (state)",
        *(used, limit),
    )
    assert found == (state, word, share)


def test_near_is_80_percent_exactly(module_db: Db) -> None:
    """In whole numbers as in exact ones, whatever the limit's remainder; nothing is near 0."""
    assert (
        value(
            module_db,
            "select count(*) from generate_series(0, 130) as used, generate_series(0, 130) as most"
            " where coalesce(used >= near_limit(most), false)"
            " <> coalesce(share_of_limit(used, most) >= 80, false)",
        )
        == 0
    )
    assert value(module_db, "select near_limit(9223372036854775807)") == 7378697629483820646


def test_without_a_plan_there_is_no_limit(module_db: Db) -> None:
    assert value(module_db, "select limit_state(5, null, false)") == "no_plan"
    assert value(module_db, "select limit_word('no_plan', 5, null)") == "No plan"


@pytest.mark.parametrize(
    ("call", "values", "text"),
    [
        ("number_text(%s)", [0], "0"),
        ("number_text(%s)", [1234567], "1,234,567"),
        ("number_text(%s)", [HUGE], "9,999,999,999"),
        ("price_text(%s, 'USD')", [Decimal("1299.5")], "$1,299.50 per month"),
        ("price_text(%s, 'CHF')", [Decimal(29)], "CHF 29.00 per month"),
        ("price_text(%s, 'USD')", [None], "Contact support"),
        ("period_text(%s, '2024-03-01')", [date(2024, 2, 1)], "1 – 29 February 2024"),
        ("period_text(%s, '2024-03-15')", [date(2024, 2, 15)], "15 February – 14 March 2024"),
        (
            "period_text(%s, '2025-01-15')",
            [date(2024, 12, 15)],
            "15 December 2024 – 14 January 2025",
        ),
        ("list_text(%s)", [["A"]], "A"),
        ("list_text(%s)", [["A", "B", "C"]], "A, B and C"),
        ("list_text(%s::text[])", [None], None),
        ("day_word(%s, true)", ["open"], "Today so far"),
        ("day_word(%s, false)", ["open"], "Not finished"),
        ("day_word(%s, false)", ["missing"], "Not counted yet"),
    ],
)
def test_words(module_db: Db, call: str, values: list[Any], text: str | None) -> None:
    assert value(module_db, f"select {call}", *values) == text


@pytest.mark.parametrize(
    ("now", "before", "days", "text"),
    [
        (112, 100, 21, "+12 % against the same 21 days of October"),
        (88, 100, 21, "−12 % against the same 21 days of October"),
        (100, 100, 1, "As much as in the same day of October"),
        (100001, 100000, 5, "About as much as in the same 5 days of October"),
        (9, 0, 5, "Up from none in the same 5 days of October"),
        (0, 0, 5, None),
        (9, 9, 0, None),
    ],
)
def test_change(module_db: Db, now: int, before: int, days: int, text: str | None) -> None:
    call = "select change_text(%s, %s, %s, 'October')"
    assert value(module_db, call, now, before, days) == text


def test_every_state_of_a_day_has_a_word(module_db: Db) -> None:
    states = ["before_start", "missing", "failed", "open", "complete", "sealed"]
    words = value(
        module_db, "select array_agg(day_word(s, false)) from unnest(%s::text[]) as s", states
    )
    assert all(words)
    assert len(set(words)) == len(states)
