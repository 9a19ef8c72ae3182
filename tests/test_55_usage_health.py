"""How old and how whole the numbers are: decided by the ledgers, not by a scheduler."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.past import rows, value
from tests.server import Db

HOUR = timedelta(hours=1)


class Book:
    """The ledgers in a transaction, in which time stands still. Days are told as days ago."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def do(self, query: str, *values: object) -> None:
        self.connection.execute(query.encode(), values)

    def read(self, columns: str) -> Any:
        query = f"select {columns} from usage_health"  # noqa: S608
        row = self.connection.execute(query.encode()).fetchone()
        assert row is not None
        return row if len(row) > 1 else row[0]

    def run(self, outcome: str = "succeeded", error: str | None = None) -> None:
        self.do(
            "insert into usage_runs (as_of, started_at, finished_at, rows_changed, source_rows,"
            " days_counted, days_failed, trigger, started_by, outcome, error)"
            " values (now(), now(), now(), 7, 9, 2, 1, 'test', 'test', %s, %s)",
            outcome,
            error,
        )

    def day(self, *ago: int, counted_after: timedelta | None = 24 * HOUR, **entry: object) -> None:
        """Enter these days as counted so long after they began, or as never counted."""
        self.run()
        for number in ago:
            self.do(
                "insert into usage_days (usage_date, run_id, counted_at)"
                " select date, max(id), date::timestamp at time zone 'UTC' + %s"
                " from usage_runs, utc_day(now() - %s) as date group by date",
                counted_after,
                timedelta(days=number),
            )
            if entry:
                self.do(
                    f"update usage_days set {', '.join(f'{column} = %s' for column in entry)}"  # noqa: S608
                    " where usage_date = utc_day(now() - %s)",
                    *entry.values(),
                    timedelta(days=number),
                )


@pytest.fixture
def book(module_db: Db) -> Iterator[Book]:
    """Billing began ten days ago; nothing was ever counted."""
    with module_db.connect(autocommit=False) as connection:
        book = Book(connection)
        book.do("update settings set billing_from = utc_day(now()) - 10")
        yield book
        connection.rollback()


def test_nothing_was_ever_counted(book: Book) -> None:
    """R22: all days are missing, none has failed; the data is as old as billing."""
    assert book.read("today - billing_from, complete_through, missing_days, failed_days") == (
        10, None, 11, 0,
    )  # fmt: skip
    assert book.read("is_stale, late_days, last_run_id, last_run_at, pending_rows") == (
        True, 0, None, None, 0,
    )  # fmt: skip
    assert 10 * 24 * HOUR <= book.read("data_age") < 11 * 24 * HOUR


def test_a_new_database_is_not_stale(book: Book) -> None:
    """R23: on the day that billing begins there is nothing yet that could be complete."""
    book.do("update settings set billing_from = utc_day(now())")
    assert book.read("complete_through, missing_days, is_stale") == (None, 1, False)
    book.do("update settings set billing_from = utc_day(now()) + 3")
    assert book.read("complete_through, missing_days, data_age") == (None, 0, 0 * HOUR)


def test_complete_through_is_the_last_day_before_the_first_hole(book: Book) -> None:
    book.day(10, 9, 8, 6, 5, 4, 3, 2, 1)
    book.day(0, counted_after=0 * HOUR)
    assert book.read("today - complete_through, missing_days") == (8, 1)
    book.day(7)
    assert book.read("today - complete_through, missing_days") == (1, 0)


def test_a_clock_that_steps_back_over_midnight_makes_no_hole(book: Book) -> None:
    """R28: then even today is complete already, and nothing is missing."""
    book.day(*range(11))
    assert book.read("complete_through = today, missing_days, is_stale") == (True, 0, False)


@pytest.mark.parametrize(
    ("counted_after", "entry", "expected"),
    [
        (24 * HOUR, {}, (1, 0)),
        (timedelta(hours=24, microseconds=-1), {}, (6, 0)),  # open: cut just before its end
        (None, {"last_error": "broken"}, (6, 1)),  # failed
        (24 * HOUR, {"last_error": "broken"}, (1, 1)),  # a failed recount keeps its number
        (24 * HOUR, {"sealed_at": "2025-03-01"}, (1, 0)),
    ],
)
def test_what_is_a_hole(
    book: Book, counted_after: timedelta | None, entry: dict[str, str], expected: tuple[int, int]
) -> None:
    """R22: open, failed and missing days are; complete and sealed ones are not."""
    book.day(10, 9, 8, 7, 6, 4, 3, 2, 1)
    book.day(5, counted_after=counted_after, **entry)
    book.day(0, counted_after=0 * HOUR)
    assert book.read("today - complete_through, failed_days") == expected
    assert book.read("missing_days") == 0


def test_stale_is_a_matter_of_age_alone(book: Book) -> None:
    """A run that says it succeeded a moment ago does not make old numbers fresh."""
    book.day(10, 9, 8, 7, 6, 5, 4, 3)
    book.run()
    assert 2 * 24 * HOUR <= book.read("data_age") < 3 * 24 * HOUR
    assert book.read("is_stale, last_run_outcome") == (True, "succeeded")
    book.day(2, 1)
    book.run("failed", "broken")
    assert 0 * HOUR <= book.read("data_age") < 24 * HOUR
    assert book.read("is_stale, last_run_outcome") == (False, "failed")


@pytest.mark.parametrize(("hours", "is_stale"), [(48, True), (72, False)])
def test_stale_after_is_a_setting(book: Book, hours: int, is_stale: bool) -> None:
    book.day(10, 9, 8, 7, 6, 5, 4, 3)
    book.do("update settings set stale_after_hours = %s", hours)
    assert book.read("is_stale") is is_stale


def test_late_days_are_days_not_markers(book: Book) -> None:
    """R3: three markers on two days; one of a day that was never counted has nothing to correct."""
    book.day(5, 2)
    for ago in (5, 5, 2, 11):
        book.do("insert into late_day_markers select gen_random_uuid(), utc_day(now()) - %s", ago)
    assert book.read("late_days") == 2


def test_the_last_run_is_shown_as_it_ended(book: Book) -> None:
    book.run()
    book.run("partial", "2025-03-02: broken")
    assert book.read(
        "last_run_at = as_of, last_run_trigger, last_run_outcome, last_run_error, last_run_days,"
        " last_run_rows_changed"
    ) == (True, "test", "partial", "2025-03-02: broken", 2, 7)


def test_rows_that_may_still_change_are_summed(book: Book) -> None:
    """R13, R14: pending, unclassified and estimated rows since billing_from."""
    book.day(11, 3, 2, source_rows=9, counted_rows=4, pending_rows=3, unclassified_rows=2)
    book.do("update usage_days set estimated_rows = 1")
    assert book.read("pending_rows, unclassified_rows, estimated_rows") == (6, 4, 2)


def test_the_operator_reads_it_and_a_tenant_does_not(module_db: Db) -> None:
    assert value(module_db, "select count(*) from usage_health", login="billing_operator") == 1
    with pytest.raises(errors.InsufficientPrivilege):
        rows(module_db, "select * from usage_health", login="billing_tenant")
