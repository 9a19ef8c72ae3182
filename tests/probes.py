"""Questions about a value of somebody else, in many forms and under all that the planner can be set
to. One asks for a value that only a foreign tenant has, its twin for one that nobody has: whoever
may see neither must not be able to tell them apart.
"""

import random
from dataclasses import dataclass
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.past import rows
from tests.people import Connection, People
from tests.plans import nodes

PLATFORM = {
    *("billing.metrics", "billing.usage_statuses", "billing.usage_calendar"),
    *("billing.usage_periods", "billing.overview_columns", "billing.overview_plans"),
    *("billing.usage_health", "billing.data_quality"),
}
"""Views without a tenant in them: what they tell is everybody's, or is asked of a function that
proves root itself."""

BOMB = "(select 1 / (random() * 0)::integer > 0)"
"""A condition of the attacker's own that goes off as soon as one row is let through to it."""

FORMS = {
    "equal": "select from {s} as s where s.{c} = {v}",
    "any": "select from {s} as s where s.{c} = any(array[{v}])",
    "not distinct": "select from {s} as s where s.{c} is not distinct from {v}",
    "in": "select from {s} as s where s.{c} in ({v}, {v})",
    "many": "select from {s} as s where s.{c} = any(array_fill({v}, array[12]))",
    "between": "select from {s} as s where s.{c} between {v} and {v}",
    "not beside": "select from {s} as s where s.{c} >= {v} and not s.{c} > {v}",
    "prefix": "select from {s} as s where s.{c}::text ^@ {v}::text",
    "either": "select from {s} as s where s.{c} = {v} or s.{c} = any(array[{v}])",
    "bomb": f"select from {{s}} as s where case when s.{{c}} = {{v}} then {BOMB} end",
    "cheap bomb": "select from {s} as s"
    f" where case when s.{{c}} = any(array[{{v}}]) then {BOMB} end",
    "join": "select from {s} as s join (values ({v}), ({v})) as w (x) on w.x = s.{c}",
    "outer join": "select from (values ({v})) as w (x) left join {s} as s on s.{c} = w.x",
    "exists": "select from (values ({v}), ({v})) as w (x)"
    " where exists (select from {s} as s where s.{c} = w.x)",
    "not in": "select from (values ({v})) as w (x) where w.x not in (select s.{c} from {s} as s)",
    "lateral": "select from unnest(array[{v}, {v}]) as w (x)"
    " cross join lateral (select from {s} as s where s.{c} = w.x limit 1) as l",
    "first": "select from {s} as s where s.{c} = {v} order by s.{c} limit 1",
    "greatest": "select max(s.{c}::text) from {s} as s where s.{c} <= {v} and s.{c} >= {v}",
    "grouped": "select count(*) from {s} as s group by s.{c} having s.{c} = {v}",
}
CALLS = {
    "call": "select from {s} as s",
    "call of whom it finds": "select from (select {v} as v offset 0) as w, lateral {s} as s",
    "call, then count": "select count(*) from {s} as s",
}
"""The same of a function that is told whose rows are meant."""
PREPARED = ("equal", "any", "between", "cheap bomb", "call")
"""Those that are asked as prepared statements, too."""

SETTINGS: dict[str, tuple[str, ...]] = {
    **{
        f"enable_{name}": ("on", "off")
        for name in (
            *("indexscan", "bitmapscan", "indexonlyscan", "seqscan", "hashjoin", "mergejoin"),
            *("nestloop", "material", "memoize", "sort", "hashagg", "incremental_sort"),
        )
    },
    "random_page_cost": ("4", "0", "1000"),
    "cpu_operator_cost": ("0.0025", "0", "1e-300", "100"),
    "cpu_tuple_cost": ("0.01", "0"),
    "cursor_tuple_fraction": ("0.1", "1"),
    "from_collapse_limit": ("8", "1"),
    "join_collapse_limit": ("8", "1"),
    "geqo_threshold": ("12", "2"),
    "plan_cache_mode": ("auto", "force_generic_plan", "force_custom_plan"),
    "constraint_exclusion": ("partition", "on"),
    "jit": ("off",),
}

EXPLAIN = "explain (analyze, timing off, costs off, buffers off, summary off, format json) "
STEP = (
    *("Node Type", "Subplan Name", "Relation Name", "Index Name", "Actual Rows", "Actual Loops"),
    *("Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter"),
    *("Heap Fetches", "Index Searches", "Exact Heap Blocks", "Lossy Heap Blocks"),
)
"""What a step of a plan tells of the rows that it met; one that is never executed has no loops."""
TABLES = {"tenants", "billing_usage_daily", "usage_restatements"}
"""Those with policies for the web. What a step above them meets has passed the policy."""

GHOST = """
update data.tenants set name = 'Nobody Ltd', plan_code = 'elite' where id = {foreign};
update data.billing_usage_daily set ({figures}) = row ({others})
where tenant_id = {foreign};
update data.usage_restatements
set usage_date = usage_date - 20, metric = 'emails_sent', old_value = old_value + 9,
  new_value = new_value + 9, run_id = run_id + 9, restated_at = restated_at - interval '1 hour'
where tenant_id = {foreign}
"""
"""Makes the foreign tenant one that there is not, until the transaction is rolled back."""


@dataclass(frozen=True)
class Column:
    """What can be asked of one column: a value of the foreign tenant alone, and one of nobody."""

    source: str
    name: str
    kind: str
    hit: str
    miss: str


def sources(people: People, login: str) -> list[str]:
    """All that a login may select from, whoever adds to it: views, tables, and functions of SQL
    that return rows of tenants, for the days up to now."""
    relations = rows(
        people.db,
        "select format('%%I.%%I', n.nspname, c.relname) from pg_class as c"
        " join pg_namespace as n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^(pg_|information_schema)'"
        " and has_schema_privilege(%s, n.oid, 'usage')"
        " and has_any_column_privilege(%s, c.oid, 'select') order by 1",
        *(login, login),
    )
    functions = rows(
        people.db,
        "select format('billing.%%I(%%s)', p.proname, string_agg(case"
        "  when t.type <> 'date'::regtype then 'now()'"
        "  when p.proargnames[t.n] ~ 'until' then 'current_date + 1'"
        "  else 'current_date - 5' end, ', ' order by t.n))"
        " from pg_proc as p join pg_language as l on l.oid = p.prolang and l.lanname = 'sql'"
        " cross join lateral unnest(p.proargtypes::oid[]) with ordinality as t (type, n)"
        " where p.pronamespace = 'billing'::regnamespace and p.proretset and not p.prosecdef"
        " and has_function_privilege(%s, p.oid, 'execute') and 'tenant_id' = any(p.proargnames)"
        " group by p.oid having bool_and(t.type in ('date'::regtype, 'timestamptz'::regtype))"
        " order by 1",
        login,
    )
    return [*(name for name in relations if name not in PLATFORM), *functions]


def calls(people: People, login: str) -> list[Column]:
    """Every function of tenants' rows that is told whose: the foreign tenant's, or nobody's. And
    every one that is told the day: one on which only the foreign tenant did anything, or nobody."""
    by_tenant, by_day = (
        {"uuid": "{v}", "from": "current_date - 5", "until": "current_date + 1"},
        {"uuid": "", "from": "{v}", "until": "({v} + 1)"},
    )
    tenants, days = (
        (f"'{people.foreign}'::uuid", f"'{uuid4()}'::uuid"),
        ("(current_date - 20)", "(current_date - 25)"),
    )
    return [
        *(Column(call, "", "uuid", *tenants) for call in called(people, login, by_tenant)),
        *(Column(call, "", "date", *days) for call in called(people, login, by_day)),
    ]


def called(people: People, login: str, arguments: dict[str, str]) -> list[str]:
    """Calls of all functions of SQL that return rows and take what is given."""
    functions = rows(
        people.db,
        "select format('billing.%%I(%%s)', p.proname, string_agg(case"
        "  when t.type = 'uuid'::regtype then %s when t.type <> 'date'::regtype then 'null'"
        "  when p.proargnames[t.n] ~ 'until' then %s else %s end, ', ' order by t.n))"
        " from pg_proc as p join pg_language as l on l.oid = p.prolang and l.lanname = 'sql'"
        " cross join lateral unnest(p.proargtypes::oid[]) with ordinality as t (type, n)"
        " where p.pronamespace = 'billing'::regnamespace and p.proretset and not p.prosecdef"
        " and has_function_privilege(%s, p.oid, 'execute')"
        " group by p.oid order by 1",
        *(arguments["uuid"], arguments["until"], arguments["from"], login),
    )
    return [call for call in functions if "{v}" in call and "(," not in call]


def columns(people: People, login: str) -> list[Column]:
    """Every column of what a login may read that there are leakproof operators for."""
    kinds = dict(
        rows(
            people.db,
            "select oprleft, format_type(oprleft, null) from pg_operator"
            " join pg_proc on pg_proc.oid = oprcode"
            " where proleakproof and oprname = '=' and oprleft = oprright",
        )
    )
    found = list[Column]()
    with people.db.connect(autocommit=False) as connection:
        typed = list[tuple[str, str, str]]()
        for source in sources(people, login):
            query = f"select * from {source} limit 0"  # noqa: S608
            there = connection.execute(query.encode()).description or []
            assert "tenant_id" in {column.name for column in there}, source
            typed += [(source, c.name, kinds[c.type_code]) for c in there if c.type_code in kinds]
        hits = [foreigners(connection, people, source, name) for source, name, _ in typed]
        haunt(connection, people)
        for (source, name, kind), foreign in zip(typed, hits, strict=True):
            nobodys = foreigners(connection, people, source, name) - foreign
            if name == "tenant_id":
                nobodys = {f"'{uuid4()}'"}
            if foreign and nobodys:
                hit, miss = min(foreign), min(nobodys)
                found.append(Column(source, name, kind, f"{hit}::{kind}", f"{miss}::{kind}"))
        connection.rollback()
    return found


def foreigners(connection: Connection, people: People, source: str, name: str) -> set[str]:
    """What is in a column of the foreign tenant's rows and of no other's, as quoted literals."""
    query = (
        f"select quote_literal({name}::text) from {source} group by {name}"  # noqa: S608
        f" having {name} is not null and bool_and(tenant_id = %s)"
    )
    return {text for (text,) in connection.execute(query.encode(), [people.foreign])}


def figures(people: People) -> list[str]:
    """The columns of the daily rows that hold use."""
    return rows(
        people.db,
        "select attname from pg_attribute where attrelid = 'data.billing_usage_daily'::regclass"
        " and atttypid = 'bigint'::regtype and attname <> 'id' order by attnum",
    )


def haunt(connection: Connection, people: People) -> None:
    names = figures(people)
    connection.execute(
        sql.SQL(GHOST).format(
            foreign=sql.Literal(people.foreign),
            figures=sql.SQL(", ").join(map(sql.Identifier, names)),
            others=sql.SQL(", ").join(sql.SQL("{} + 99").format(sql.Identifier(n)) for n in names),
        )
    )


class Prober:
    """One connection of a web login that asks, and notes all that it could be told by."""

    def __init__(self, connection: Connection, token: str | None) -> None:
        self.connection, self.token = connection, token
        connection.prepare_threshold = None
        self.draw = random.Random(1)  # noqa: S311 - not a secret
        self.settings = dict[str, str]()

    def shuffle(self) -> None:
        """Other settings for the planner, from now on."""
        self.settings = {name: self.draw.choice(values) for name, values in SETTINGS.items()}
        for setting in self.settings.items():
            self.connection.execute("select set_config(%s, %s, false)", setting)

    def differs(self, column: Column) -> str | None:
        """Asks for both values in one form; how the answers differ, if they do."""
        form = self.draw.choice(list(FORMS) if column.name else list(CALLS))
        prepared = form in PREPARED and self.draw.random() < 0.3
        answers = list[str]()
        for _ in range(2):  # a table may be analyzed between the first two
            answers = [
                self.told(column, form, literal, prepared=prepared)
                for literal in (column.hit, column.miss)
            ]
            if len(set(answers)) == 1:
                return None
        return "\n\n".join([f"{form}, {column}\n{self.settings}", *answers])

    def told(self, column: Column, form: str, literal: str, *, prepared: bool) -> str:
        template = (FORMS | CALLS)[form].replace("{s}", column.source)
        if not prepared:
            return self.explained(template.format(c=column.name, v=literal))
        asked = template.format(c=column.name, v="$1")
        self.connection.execute(f"prepare asked ({column.kind}) as {asked}".encode())
        told = self.explained(f"execute asked ({literal})")
        self.connection.execute("deallocate asked")
        return told

    def explained(self, question: str) -> str:
        """SQLSTATE, or each step of the plan with what it read: all but times and estimates."""
        try:
            with self.connection.transaction(force_rollback=True):
                if self.token:
                    self.connection.execute("select billing.enter(%s)", [self.token])
                ((plan,),) = self.connection.execute(f"{EXPLAIN} {question}".encode()).fetchall()
        except psycopg.Error as error:
            return f"{error.sqlstate} {error.diag.message_primary}"
        first, *others = nodes(plan[0]["Plan"])
        steps = [s for s in others if "Subplan Name" in s or s.get("Relation Name") in TABLES]
        return "\n".join(str([step.get(key) for key in STEP]) for step in (first, *steps))
