"""An upgrade of a database that holds what is refused now: it goes through, and says so."""

from pathlib import Path

import pytest
from psycopg import errors

from app import bootstrap, migrations
from tests.past import rows, value
from tests.releases import migrate
from tests.server import Db

BLANK = (
    "insert into data.messages (tenant_id, occurred_at, channel, direction, provider_id, status)"
    " values (gen_random_uuid(), now(), 'sms', 'outbound', %s, 'queued')"
)
RULES = "select rule, object from source_findings order by object"


@pytest.fixture
def before(empty_db: Db, checkout: Path) -> Db:
    """The tables as they were before these migrations; the next release has them."""
    later = [*(checkout / "migrations").glob("001[56]_*")]
    assert len(later) == 4
    for path in later:
        path.rename(path.with_suffix(".later"))
    with empty_db.connect() as connection:
        bootstrap.create_roles(connection, empty_db.settings(), lambda _: None)
        migrations.apply(connection, empty_db.conninfo())
    for path in later:
        path.with_suffix(".later").rename(path)
    return empty_db


def test_rows_that_are_there_stop_no_upgrade(before: Db) -> None:
    """R18: the rule holds from now on; `billing check` names the table until they are mended."""
    for bad in ("", " x"):
        rows(before, BLANK, bad)
    assert "rebuilt schema billing" in migrate(before)
    finding = ("id_not_checked", "messages_provider_id_visible on data.messages")
    assert rows(before, RULES, login="billing_operator") == [finding]
    with pytest.raises(errors.CheckViolation):
        rows(before, BLANK, "\t")
    what = value(before, "select what_to_do from source_findings", login="billing_operator")
    found, validate = what.partition("(")[2].split("), then: ")
    assert len(rows(before, found)) == 2
    rows(before, found.replace("select *", "delete"))
    rows(before, validate)
    assert rows(before, RULES, login="billing_operator") == []


def test_a_sound_database_is_known_to_be(before: Db) -> None:
    rows(before, BLANK, "fine")
    migrate(before)
    assert rows(before, RULES, login="billing_operator") == []
    query = "select count(*) from pg_constraint where not convalidated"
    assert value(before, query) == 0
