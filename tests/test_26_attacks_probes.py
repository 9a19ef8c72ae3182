"""Whether somebody else's row exists: nothing that a web login can ask tells it.

An operator that PostgreSQL calls leakproof may run before a policy, on everybody's rows. What came
of it shows: in an error that is raised or is not, in a step of a plan that is never executed, in
time.
"""

import pytest
from hypothesis import settings

from tests.past import rows
from tests.people import FOREIGN_NAME, FOREIGN_SEGMENTS, People, settle
from tests.probes import BOMB, Column, Prober, calls, columns, figures, sources
from tests.server import Db

PAIRS = settings().max_examples * 15
"""Questions asked at a time: 225, with the deep profile 4,500."""


@pytest.fixture(scope="module")
def people(module_db: Db) -> People:
    """Two tenants that differ in whatever can be told of them, beside forty others; and a planner
    that knows of everything but the tenants: what it estimates is no secret, and would send it
    other ways."""
    people = settle(module_db)
    for number, name in enumerate(figures(people)):
        rows(
            module_db,
            f"update data.billing_usage_daily set {name} = %s where tenant_id = %s",  # noqa: S608
            *(FOREIGN_SEGMENTS + number, people.foreign),
        )
    rows(module_db, "update data.settings set billing_from = current_date - 60")
    rows(
        module_db,
        "insert into data.billing_usage_daily (tenant_id, usage_date)"
        " values (%s, current_date - 20)",
        people.foreign,
    )
    rows(module_db, "update data.tenants set plan_code = 'starter' where id = %s", people.foreign)
    rows(
        module_db,
        "insert into data.tenants (name) select 'Other ' || n from generate_series(1, 40) as n",
    )
    rows(
        module_db,
        "insert into data.usage_restatements"
        " (tenant_id, usage_date, metric, old_value, new_value, restated_at, run_id)"
        " select %s, current_date - 40, 'ai_requests', 770001, 770002, now(), 990001",
        people.foreign,
    )
    rows(
        module_db, "update data.usage_restatements set run_id = 1 where tenant_id = %s", people.own
    )
    for column in (
        *("data.tenants alter id", "data.billing_usage_daily alter tenant_id"),
        "data.usage_restatements alter tenant_id",
    ):
        rows(module_db, f"alter table {column} set statistics 0")
    rows(module_db, "analyze")
    return people


def told(people: People, login: str, token: str | None, asked: list[Column]) -> list[str]:
    """What differs between somebody's and nobody's, asked in every form under every setting."""
    with people.db.connect(login) as connection:
        prober, differences = Prober(connection, token), list[str | None]()
        for number in range(PAIRS):
            if number % 5 == 0:
                prober.shuffle()
            differences.append(prober.differs(prober.draw.choice(asked)))
    return [difference for difference in differences if difference]


@pytest.mark.parametrize("is_entered", [False, True], ids=["nobody", "owner"])
def test_a_tenant_cannot_tell_what_others_have(people: People, is_entered: bool) -> None:
    token, asked = people.token() if is_entered else None, columns(people, "billing_tenant")
    assert told(people, "billing_tenant", token, asked) == []


@pytest.mark.parametrize("is_entered", [False, True], ids=["nobody", "owner"])
def test_nor_by_what_a_function_is_called_with(people: People, is_entered: bool) -> None:
    """Somebody's id, and a day on which only somebody else did anything."""
    token, asked = people.token() if is_entered else None, calls(people, "billing_tenant")
    assert {column.kind for column in asked} == {"uuid", "date"}
    assert told(people, "billing_tenant", token, asked) == []


def test_no_index_finds_a_tenants_rows_by_anything_else(people: People) -> None:
    """Of the table that functions look into by days: an index of days would find rows, or none,
    before the policy is asked. The one there is has a predicate that a tenant's policy lacks."""
    predicates = rows(
        people.db,
        "select i.indpred is not null, pg_get_expr(i.indpred, i.indrelid) from pg_index as i"
        " join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]"
        " where i.indrelid = 'data.billing_usage_daily'::regclass and a.attname <> 'tenant_id'",
    )
    assert predicates == [(True, "(counted_rows >= 0)")]
    query = "select from billing.usage_totals(current_date - 20, current_date - 19)"
    used = {}
    for login, role in {"billing_tenant": "owner", "billing_root": "root"}.items():
        with people.request(people.token(role), login) as connection:
            connection.execute("set enable_seqscan = off")
            plan = connection.execute(f"explain {query}".encode()).fetchall()
            used[login] = "billing_usage_daily_usage_date_idx" in str(plan)
    assert used == {"billing_tenant": False, "billing_root": True}


def test_nobody_can_tell_on_roots_connection(people: People) -> None:
    """But for the identity of a tenant, which an index finds before a policy is asked."""
    asked = [column for column in columns(people, "billing_root") if column.name != "tenant_id"]
    assert told(people, "billing_root", None, asked) == []


@pytest.mark.parametrize("login", ["billing_tenant", "billing_root"])
def test_everything_there_is_is_asked_about(people: People, login: str) -> None:
    """Each view and function with rows of tenants; each kind of column; each of their values."""
    asked = columns(people, login)
    assert {column.source for column in asked} == set(sources(people, login))
    kinds = {"uuid", "text", "bigint", "date", "timestamp with time zone"}
    assert {column.kind for column in asked} >= kinds
    assert {"tenant_name", "plan_code", "old_value", "run_id", "voice_minutes"} <= {
        column.name for column in asked
    }


def test_a_question_is_put_to_the_rows_and_not_to_the_policy_alone(people: People) -> None:
    """Canary: who may see the row is told, and by the very same questions."""
    root = people.token("root")
    assert told(people, "billing_root", root, columns(people, "billing_root"))


@pytest.mark.parametrize("column", ["tenant_usage.plan_code", "usage_restatements.run_id"])
def test_whether_something_is_missing_is_told_of_own_rows_only(people: People, column: str) -> None:
    """Asking costs nothing at all, hence comes before any policy; only others have such rows."""
    view, _, name = column.partition(".")
    query = f"select from {view} where case when {name} is null then {BOMB} end"
    with people.request(people.token()) as connection:
        assert connection.execute(query.encode()).fetchall() == []


@pytest.mark.parametrize("condition", ["= any('{%s}'::text[])", "^@ '%s'", "> '%s'", "= '%s'"])
@pytest.mark.parametrize("name", [FOREIGN_NAME, "Nope"])
def test_without_a_session_every_question_is_an_error(
    people: People, condition: str, name: str
) -> None:
    """As it was found: a list of names, and 42501 for those that exist."""
    with people.db.connect("billing_tenant") as connection:
        prober = Prober(connection, None)
        for setting in ("indexscan", "bitmapscan", "indexonlyscan"):
            connection.execute(f"set enable_{setting} = off".encode())
        query = "select from billing.tenant_usage as u where u.tenant_name " + condition % name
        assert prober.explained(query).startswith("42501")
