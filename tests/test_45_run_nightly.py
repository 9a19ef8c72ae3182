"""Late facts are picked up by themselves; once a night the last days are recounted regardless."""

from typing import Any

import pytest

from tests import facts, hosts
from tests.oracle import Email
from tests.past import (
    add_tenants,
    at,
    bill_from,
    day,
    last_run,
    nightly,
    numbers,
    rows,
    run,
    send,
    value,
    versions,
)
from tests.server import Db


@pytest.fixture
def tenants(db: Db) -> list[Any]:
    """Five tenants with an SMS on each of 14 days, all of them counted."""
    bill_from(db)
    tenants = add_tenants(db, 5)
    for tenant in tenants:
        send(db, tenant, *[at(number) for number in range(1, 15)])
    assert run(db, at(14)) == 0
    return tenants


def forget_markers(db: Db) -> None:
    rows(db, "delete from late_day_markers")


def test_late_facts_recount_their_tenants_and_nobody_else(db: Db, tenants: list[Any]) -> None:
    """R3: four late (tenant, day) pairs write four rows; the days stay complete all along."""
    late = [(tenants[0], 1), (tenants[1], 1), (tenants[2], 2), (tenants[0], 9)]
    before = versions(db)
    for tenant, number in late:
        send(db, tenant, at(number))
    assert run(db, at(14, "12:05")) == 0
    after = versions(db)
    assert {key for key in after if after[key] != before[key]} == {
        (tenant, day(number)) for tenant, number in late
    }
    assert last_run(db, "days_counted, rows_changed") == (4, 4)
    assert value(db, "select count(*) from late_day_markers") == 0
    sums = "select usage_date, source_rows from usage_days where usage_date in (%s, %s)"
    assert rows(db, sums, day(1), day(2)) == [(day(1), 7), (day(2), 6)]


def test_few_late_tenants_do_not_count_the_whole_day(db: Db, tenants: list[Any]) -> None:
    """R3: a change without a marker stays unseen while only the marked tenants are recounted."""
    send(db, tenants[0], at(1))
    forget_markers(db)
    send(db, tenants[1], at(1))
    run(db, at(14, "12:05"))
    assert (numbers(db)[tenants[0], day(1)], numbers(db)[tenants[1], day(1)]) == (1, 2)


@pytest.mark.parametrize(("marked", "is_whole"), [(200, False), (201, True)])
def test_many_late_tenants_count_the_day_whole(
    db: Db, tenants: list[Any], marked: int, is_whole: bool
) -> None:
    """R3: above 200 marked tenants one pass over the day is cheaper."""
    send(db, tenants[0], at(1))
    forget_markers(db)
    rows(
        db,
        "insert into late_day_markers select gen_random_uuid(), %s from generate_series(1, %s)",
        day(1),
        marked,
    )
    assert run(db, at(14, "12:05")) == 0
    assert numbers(db)[tenants[0], day(1)] == 1 + is_whole
    assert value(db, "select count(*) from late_day_markers") == 0


def test_a_late_fact_is_due_until_it_is_counted(db: Db, tenants: list[Any]) -> None:
    """R3, R6: a fact that commits after the run has looked carries its own marker."""
    with db.connect(hosts.current.writer) as writer, writer.transaction():
        facts.insert(writer, Email(tenants[0], at(5)))
        assert run(db, at(14, "12:05")) == 0
    sent = "select emails_sent from billing_usage_daily where tenant_id = %s and usage_date = %s"
    assert value(db, sent, tenants[0], day(5)) == 0
    assert run(db, at(14, "12:10")) == 0
    assert value(db, sent, tenants[0], day(5)) == 1


def test_the_night_recounts_the_last_days_without_markers(db: Db, tenants: list[Any]) -> None:
    """R3: the second net reaches settings.nightly_window_days back, and no further."""
    rows(db, "update settings set nightly_window_days = 3")
    for number in (10, 11, 13):
        send(db, tenants[0], at(number))
    forget_markers(db)
    assert nightly(db, at(14, "13:00")) == 0
    found = numbers(db)
    assert [found[tenants[0], day(number)] for number in (10, 11, 12, 13)] == [1, 2, 1, 2]
    assert rows(db, "select trigger, rows_changed from usage_runs order by id desc limit 2") == [
        ("nightly recount", 2),
        ("nightly", 0),
    ]


def test_the_night_recounts_ten_days_by_itself(db: Db, tenants: list[Any]) -> None:
    """R3: as installed, a receipt that is 9 days late is found even without its marker."""
    send(db, tenants[0], at(4), at(3))
    forget_markers(db)
    nightly(db, at(14, "13:00"))
    assert (numbers(db)[tenants[0], day(4)], numbers(db)[tenants[0], day(3)]) == (2, 1)


def test_the_night_prunes_markers_that_are_never_due(db: Db, tenants: list[Any]) -> None:
    """A fact before billing_from is stored, not counted, and its marker does not stay for ever."""
    send(db, tenants[0], at(0), at(-400))
    assert run(db, at(14, "12:05")) == 0
    assert value(db, "select count(*) from late_day_markers") == 2
    assert nightly(db, at(14, "13:00")) == 0
    assert value(db, "select count(*) from late_day_markers") == 0
    assert value(db, "select min(usage_date) from billing_usage_daily") == day(1)


@pytest.mark.usefixtures("tenants")
def test_the_night_alone_says_what_early_runs_say(db: Db) -> None:
    """R4: it needs none before it; a run five minutes after midnight comes to the same."""
    days = "select usage_date, state from usage_days order by usage_date"
    run(db, at(15, "00:05"))
    early = numbers(db), rows(db, days)
    for table in ("usage_days", "billing_usage_daily"):
        rows(db, f"delete from {table}")  # noqa: S608
    assert nightly(db, at(15, "04:00")) == 0
    assert (numbers(db), rows(db, days)) == early


def test_first_complete_at_is_set_once_and_by_night(db: Db, tenants: list[Any]) -> None:
    """The first nightly run that finds the day complete; later recounts do not move it."""
    firsts = (
        "select first_complete_at from usage_days where usage_date between %s and %s order by 1"
    )
    assert rows(db, firsts, day(13), day(14)) == [None, None]
    nightly(db, at(14, "13:00"))
    assert rows(db, firsts, day(13), day(14)) == [at(14, "13:00"), None]
    send(db, tenants[0], at(13))
    nightly(db, at(15, "04:00"))
    assert rows(db, firsts, day(13), day(14)) == [at(14, "13:00"), at(15, "04:00")]


def test_the_night_without_anything_new_writes_no_number(db: Db, tenants: list[Any]) -> None:
    """R1: a recount of unchanged days leaves every daily row as it is."""
    assert len(tenants) * 14 == len(before := versions(db))
    nightly(db, at(14, "13:00"))
    nightly(db, at(14, "14:00"))
    assert versions(db) == before
    assert last_run(db, "days_counted, rows_changed") == (10, 0)
