"""Loading demo data: the same rows for a seed and a day whenever they are loaded."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import sql

from app.demo import DemoResult, load_demo
from app.errors import REFUSED, Problem
from tests.demo_data import TABLES, TODAY, each_source, load, rows, stored, value
from tests.server import Db, Server


@pytest.fixture
def other_db(server: Server) -> Iterator[Db]:
    database = server.create("test_demo_other", "installed")
    yield database
    server.drop(database)


def test_a_second_load_adds_nothing(db: Db) -> None:
    first = load(db, days=10, today=TODAY)
    before = stored(db)
    again = load(db, days=10, today=TODAY)
    assert (first.tenants, first.first_day, first.last_day) == (40, date(2024, 4, 13), TODAY)
    assert first.rows_inserted == sum(before[0].values()) > 5_000
    assert again == DemoResult(40, first.first_day, TODAY, 0)
    assert stored(db) == before


@pytest.mark.parametrize("hour", [0, 20])
def test_days_that_had_not_come_are_completed(db: Db, hour: int) -> None:
    """What a load at that hour three days ago would have left out is added, and nothing else."""
    load(db, days=10, today=TODAY)
    whole = stored(db)
    cut_at = datetime(2024, 4, 19, hour, tzinfo=UTC)
    with db.connect() as connection:
        for table in TABLES:
            statement = sql.SQL("delete from {} where occurred_at >= %s")
            connection.execute(statement.format(sql.Identifier("data", table)), [cut_at])
    left = stored(db)
    topped_up = load(db, days=10, today=TODAY)
    assert topped_up.rows_inserted == sum(whole[0].values()) - sum(left[0].values()) > 1_000
    assert stored(db) == whole


def test_an_interrupted_load_goes_on(db: Db, other_db: Db) -> None:
    def interrupt(done: int, total: int, loaded: int) -> None:
        assert total == 6
        assert loaded > 0
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(db, days=6, today=TODAY, progress=interrupt)
    load(db, days=6, today=TODAY)
    load(other_db, days=6, today=TODAY)
    assert stored(db) == stored(other_db)


def test_the_first_day_stays(db: Db) -> None:
    load(db, days=6, today=TODAY)
    tenants = stored(db)[2]
    later = load(db, days=2, today=TODAY + timedelta(days=2))
    assert (later.first_day, later.last_day) == (date(2024, 4, 17), date(2024, 4, 24))
    assert value(db, "select count(distinct occurred_at::date) from data.messages") == 8
    assert stored(db)[2] == tenants
    assert load(db, today=TODAY).rows_inserted == 0
    more = load(db, tenants=60, today=TODAY + timedelta(days=2))
    assert more.rows_inserted > 0
    assert value(db, "select min(occurred_at)::date from data.messages") == later.first_day


def test_a_day_is_the_same_in_another_range(db: Db, other_db: Db) -> None:
    """But for tenants whose story depends on the range."""
    load(db, days=12, today=TODAY)
    load(other_db, days=20, today=TODAY + timedelta(days=3))
    query = """
      select m.* from data.messages as m join data.tenants as t on t.id = m.tenant_id
      where t.name !~ '^(Juniper|Copperfield|Saltmarsh)' and m.occurred_at::date = %s"""
    mine, other = (set(rows(a_db, query, TODAY)) for a_db in (db, other_db))
    assert len(mine) > 500
    assert mine <= other
    assert len(other - mine) < 20  # what came late, in the three days after


def test_another_seed_is_another_world(db: Db, other_db: Db) -> None:
    load(db, days=2, today=TODAY)
    assert load(other_db, days=2, today=TODAY, seed=2).rows_inserted > 0
    ids = [set(rows(a_db, "select id from data.tenants")) for a_db in (db, other_db)]
    assert [len(known) for known in ids] == [40, 40]
    assert not ids[0] & ids[1]


def test_nothing_lies_in_the_future(db: Db) -> None:
    result = load(db, days=2)
    assert result.last_day == value(db, "select (now() at time zone 'UTC')::date")
    assert not any(each_source(db, "select count(*) from {} where occurred_at > now()").values())
    assert load(db, days=2, today=date(9999, 12, 31)).last_day <= result.last_day + timedelta(1)


@pytest.mark.parametrize(("tenants", "days", "events"), [(40, 30, 3_000), (300, 20, 30_000)])
def test_events_scale_the_total(db: Db, tenants: int, days: int, events: int) -> None:
    result = load(db, tenants=tenants, days=days, events=events, today=TODAY)
    assert result.rows_inserted == pytest.approx(events, rel=0.05)
    assert value(db, "select count(*) from data.tenants") == tenants
    # a later load goes on at the same pace
    later = load(db, tenants=tenants, events=events, today=TODAY + timedelta(days=7))
    assert later.rows_inserted == pytest.approx(events / days * 7, rel=0.25)


@pytest.mark.parametrize(
    ("wish", "value"),
    [
        ("tenants", 0),
        ("tenants", 100_001),
        ("days", 0),
        ("days", 3_661),
        ("events", 0),
        ("events", 100_000_001),
        ("seed", 2**63),
    ],
)
def test_wishes_out_of_range_are_refused(wish: str, value: int) -> None:
    wishes: dict[str, Any] = {wish: value}
    with pytest.raises(ValueError, match=rf"^{wish} must be between [^.]*\.$"):
        load_demo("host=nowhere.invalid", **wishes)


def test_tenants_of_somebody_are_left_alone(db: Db) -> None:
    """Demo data come to nobody's own tenants; whoever adds some to demo data may go on."""
    adding = "insert into data.tenants (name) values (%s) returning id"
    rows(db, adding, "Own Inc")
    before = stored(db)
    with pytest.raises(Problem, match=r"a database without tenants.* is 1, 'Own Inc'") as said:
        load(db, days=2, today=TODAY)
    assert said.value.exit_code == REFUSED
    assert stored(db) == before
    rows(db, "delete from data.tenants returning id")
    load(db, days=2, today=TODAY)
    rows(db, adding, "Own Inc")
    assert load(db, days=2, today=TODAY + timedelta(days=1)).rows_inserted > 0
    with pytest.raises(Problem, match=r"those of the same seed: here are 41, "):
        load(db, days=2, today=TODAY, seed=2)
