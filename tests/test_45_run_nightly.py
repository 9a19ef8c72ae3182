"""Late facts are picked up by themselves; once a night past days are recounted regardless, whoever
comes first."""

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
    """R3: the second net."""
    for number in (4, 10, 13):
        send(db, tenants[0], at(number))
    forget_markers(db)
    assert nightly(db, at(14, "13:00")) == 0
    found = numbers(db)
    assert [found[tenants[0], day(number)] for number in (4, 10, 12, 13)] == [2, 2, 1, 2]
    assert rows(db, "select trigger, rows_changed from usage_runs order by id desc limit 2") == [
        ("nightly recount", 3),
        ("nightly", 0),
    ]


def test_in_the_end_every_day_is_recounted(db: Db, tenants: list[Any]) -> None:
    """R3: settings.nightly_window_days every night, older days in turn, 30 a night in all."""
    for last in (40, 70, 100):
        run(db, at(last, "00:05"))
    assert nightly(db, at(100)) == 0
    slipped_in = (1, 5, 40, 70, 95)
    for number in slipped_in:
        send(db, tenants[0], at(number, "13:00"))
    forget_markers(db)
    found: dict[int, int] = {}
    for night in range(1, 6):
        assert nightly(db, at(100 + night, "04:00")) == 0
        sent = numbers(db)
        for number in slipped_in:
            if sent.get((tenants[0], day(number)), 0) > (number < 15):
                found.setdefault(number, night)
    assert found[95] == 1, "the last ten days come every night"
    assert found.keys() == set(slipped_in), "twenty older ones a night"


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
    assert rows(db, firsts, day(13), day(14)) == [at(14), None]
    nightly(db, at(14, "13:00"))
    assert rows(db, firsts, day(13), day(14)) == [at(14), None]
    send(db, tenants[0], at(13))
    nightly(db, at(15, "04:00"))
    assert rows(db, firsts, day(13), day(14)) == [at(14), at(15, "04:00")]


def test_the_night_without_anything_new_writes_no_number(db: Db, tenants: list[Any]) -> None:
    """R1: a recount of unchanged days leaves every daily row as it is."""
    assert len(tenants) * 14 == len(before := versions(db))
    nightly(db, at(14, "13:00"))
    nightly(db, at(14, "14:00"))
    assert versions(db) == before
    night = "select days_counted, rows_changed from usage_runs where is_nightly order by id desc"
    assert rows(db, night)[0] == (13, 0)


NIGHTS = "select as_of, started_by from usage_runs where is_nightly order by id"


@pytest.mark.usefixtures("tenants")
def test_the_nights_work_is_done_by_whoever_comes_first(db: Db) -> None:
    """R4: once a day from 04:00 on; a scheduler that sleeps through that minute misses nothing."""
    for clock in ("00:05", "03:59"):
        run(db, at(15, clock))
    assert rows(db, NIGHTS) == [(at(14), "billing_operator")]
    rows(db, "select run_usage('pg_cron', %s)", at(15, "09:30"), login="billing_aggregator")
    run(db, at(15, "09:35"))
    run(db, at(16, "03:59"))
    assert rows(db, NIGHTS)[1:] == [(at(15, "09:30"), "billing_aggregator")]
    run(db, at(16, "04:00"))
    assert rows(db, NIGHTS)[2:] == [(at(16, "04:00"), "billing_operator")]


@pytest.mark.usefixtures("tenants")
def test_a_clock_that_was_ahead_holds_up_no_night(db: Db) -> None:
    rows(db, "update usage_runs set as_of = %s where is_nightly", at(300))
    run(db, at(15, "04:05"))
    assert rows(db, NIGHTS)[-1] == (at(15, "04:05"), "billing_operator")


def test_a_fresh_installation_publishes_its_past(db: Db) -> None:
    """What it shows; the recount of the night waits until the back-fill is through."""
    bill_from(db)
    add_tenants(db, 1)
    published = "select count(first_complete_at) from usage_days"
    assert (run(db, at(40)), value(db, published), rows(db, NIGHTS)) == (10, 29, [])
    assert (run(db, at(40)), value(db, published)) == (0, 39)
    assert rows(db, NIGHTS) == [(at(40), "billing_operator")]


def test_days_settle_until_the_night(db: Db) -> None:
    """R4: a day is published from settings.nightly_hour_utc after its end, when it is complete."""
    bill_from(db)
    add_tenants(db, 1)
    run(db, at(3, "03:00"))
    published = "select max(usage_date) from usage_days where first_complete_at is not null"
    assert value(db, published) == day(1)
    run(db, at(3, "04:00"))
    assert value(db, published) == day(2)


def test_nothing_is_published_before_there_is_a_tenant(db: Db) -> None:
    """What the first facts say is no correction of zeros that nobody was told."""
    bill_from(db)
    run(db, at(3))
    assert value(db, "select count(first_complete_at) from usage_days") == 0
    (tenant,) = add_tenants(db, 1)
    send(db, tenant, at(1))
    run(db, at(3, "12:05"))
    assert value(db, "select count(first_complete_at) from usage_days") == 2
    assert value(db, "select count(*) from data.usage_restatements") == 0
