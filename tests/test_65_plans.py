"""plans.sql: the one place where a plan's label, price and limits are written."""

import re
from pathlib import Path
from typing import Any

import pytest

from app import check
from app.errors import REFUSED, USAGE, Problem
from app.settings import ROOT
from tests.past import rows, value
from tests.releases import migrate
from tests.server import Db

STARTER = "(1, 'starter', 'Starter', 29.00, 'USD', 500, 250, 2000, 0),"


def plans(db: Db) -> list[Any]:
    return rows(db, "select p.*, p.xmin::text from data.plans as p order by p.sort_order")


def edit(checkout: Path, old: str, new: str) -> None:
    path = checkout / "plans.sql"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_the_plans_are_those_of_the_file(db: Db) -> None:
    """NULL is unlimited, 0 not included, a price of NULL is "Contact support" (R25)."""
    assert rows(
        db,
        "select code, label, monthly_base_price::text, currency, max_sms_per_month,"
        " max_voice_minutes_per_month, max_emails_per_month, max_ai_requests_per_month"
        " from data.plans order by sort_order",
    ) == [
        ("starter", "Starter", "29.00", "USD", 500, 250, 2000, 0),
        ("pro", "Pro", "99.00", "USD", 2500, 1000, 10000, 500),
        ("elite", "Elite", "249.00", "USD", 10000, 5000, 50000, 5000),
        ("agency", "Agency", None, "USD", None, None, None, None),
    ]


def test_a_second_migrate_writes_no_row(db: Db) -> None:
    before = plans(db)
    assert migrate(db) == []
    assert plans(db) == before


@pytest.mark.parametrize(
    ("new", "column", "expected"),
    [
        (STARTER.replace("29.00", "31.50"), "monthly_base_price::text", "31.50"),
        (STARTER.replace("29.00", "null"), "monthly_base_price", None),
        (STARTER.replace("'Starter'", "'Basic'"), "label", "Basic"),
        (STARTER.replace("500", "0"), "max_sms_per_month", 0),
        (STARTER.replace("250", "null"), "max_voice_minutes_per_month", None),
        (STARTER.replace(" 0)", " 7)"), "max_ai_requests_per_month", 7),
    ],
)
def test_a_change_is_taken_over(
    db: Db, checkout: Path, new: str, column: str, expected: object
) -> None:
    """Of that row and no other; the release of the plans is recorded."""
    others = plans(db)[1:]
    edit(checkout, STARTER, new)
    assert [str(t.object) for t in check.check(db.settings()) if t.kind == "stale"] == [
        "plans.sql is not taken over yet"
    ]
    assert migrate(db)[-1].startswith("plans: ")
    assert value(db, f"select {column} from data.plans where code = 'starter'") == expected  # noqa: S608
    assert plans(db)[1:] == others
    assert not [t for t in check.check(db.settings()) if t.kind == "stale"]


def test_what_somebody_changed_by_hand_is_put_right(db: Db) -> None:
    rows(db, "update data.plans set max_sms_per_month = 1 where code = 'pro'")
    assert migrate(db) == ["plans: 1 changed"]
    assert value(db, "select max_sms_per_month from data.plans where code = 'pro'") == 2500


def test_a_plan_that_nobody_has_may_go_and_come_back(db: Db, checkout: Path) -> None:
    edit(checkout, STARTER, "")
    assert migrate(db) == ["plans: 1 changed"]
    assert rows(db, "select code from data.plans order by sort_order") == ["pro", "elite", "agency"]
    edit(checkout, "(2, 'pro'", f"{STARTER}(2, 'pro'")
    assert migrate(db) == ["plans: 1 changed"]


def test_a_host_has_plans_of_its_own(db: Db, checkout: Path) -> None:
    """Codes, too, are written in plans.sql only."""
    edit(checkout, STARTER, STARTER.replace("'starter'", "'team_2026'"))
    assert migrate(db) == ["plans: 2 changed"]
    assert rows(db, "select code from data.plans order by sort_order")[0] == "team_2026"


def test_a_plan_in_use_cannot_go(db: Db, checkout: Path) -> None:
    """Nothing of the file is taken over, and the tenant keeps its plan."""
    rows(db, "insert into data.tenants (name, plan_code) values ('Acme', 'starter')")
    before, releases = plans(db), value(db, "select count(*) from data.releases")
    edit(checkout, STARTER, "")
    edit(checkout, "99.00", "1.00")
    with pytest.raises(Problem, match=r"plan that it no longer names is in use.*starter") as no:
        migrate(db)
    assert no.value.exit_code == REFUSED
    assert plans(db) == before
    assert value(db, "select count(*) from data.releases") == releases
    assert value(db, "select plan_code from data.tenants") == "starter"


@pytest.mark.parametrize(
    "broken",
    [
        STARTER.replace("29.00", "29,00"),
        STARTER.replace("500", "'many'"),
        STARTER.replace("500", "-1"),
        STARTER.replace("'USD'", "'dollars'"),
        STARTER.replace("'USD'", "null"),
        STARTER.replace("'starter'", "'Gold plan'"),
        STARTER.replace("'starter'", "'pro'"),
        STARTER.replace("29.00", "-1"),
        STARTER.replace("29.00", "1e12"),
        STARTER[:-1],
    ],
)
def test_a_broken_file_is_refused_whole(db: Db, checkout: Path, broken: str) -> None:
    before = plans(db)
    edit(checkout, STARTER, broken)
    with pytest.raises(Problem, match=r"^plans\.sql was not taken over: \w") as refusal:
        migrate(db)
    assert refusal.value.exit_code == USAGE
    assert plans(db) == before


def test_prices_and_limits_are_written_nowhere_else() -> None:
    """In no file that ships: a label, price or cap of a plan beside plans.sql would drift."""
    plan = re.compile(r"^ *\(\d, '\w+', '(\w+)', (.*?)\),?$", re.MULTILINE)
    written = plan.findall((ROOT / "plans.sql").read_text())
    labels = {label for label, _ in written}
    said = re.findall(r"[\d.]+", " ".join(rest for _, rest in written))
    # small caps and ten thousand are bounds of something else as well
    numbers = {number for number in said if "." in number or float(number) > 2000} - {"10000"}
    assert labels == {"Starter", "Pro", "Elite", "Agency"}
    assert numbers == {"29.00", "99.00", "249.00", "2500", "5000", "50000"}
    for folder in ("app", "sql", "templates", "migrations"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".sql", ".html", ".js"}:
                words = re.findall(r"""['"](\w+)['"]|(?<![\d.])([\d.]+)(?!\d)""", path.read_text())
                assert not {word for pair in words for word in pair} & (labels | numbers), path
