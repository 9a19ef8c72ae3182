"""docs/schema.md: what the comments in the database say, as a page. `make docs` writes it anew."""

from typing import Any

from app import release
from app.settings import ROOT
from tests.past import rows
from tests.server import Db, Server

PAGE = ROOT / "docs/schema.md"
HEAD = """# Schema

Generated from the comments in the database by `make docs`; `make check` says when it is out of
date. Change `migrations/` and `sql/`, never this page. Who may read what is in
[security.md](security.md).
"""
RELATIONS = """
select c.relname, obj_description(c.oid, 'pg_class')
from pg_class as c
where c.relnamespace = %s::regnamespace and c.relkind = any (%s)
order by c.relname
"""
COLUMNS = """
select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
  col_description(a.attrelid, a.attnum)
from pg_attribute as a
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""
TYPES = """
select t.typname, string_agg(e.enumlabel, ', ' order by e.enumsortorder), obj_description(t.oid)
from pg_type as t
join pg_enum as e on e.enumtypid = t.oid
where t.typnamespace in ('data'::regnamespace, 'billing'::regnamespace)
group by t.oid
order by t.typname
"""
FUNCTIONS = """
select p.proname || '(' || pg_get_function_arguments(p.oid) || ')',
  obj_description(p.oid, 'pg_proc'),
  (select string_agg(distinct a.grantee::regrole::text, ', ' order by a.grantee::regrole::text)
   from aclexplode(p.proacl) as a
   join pg_roles as r on r.oid = a.grantee and r.rolcanlogin
   where a.grantee not in (p.proowner, 'billing_aggregator'::regrole, 'billing_deploy'::regrole))
from pg_proc as p
where p.pronamespace = 'billing'::regnamespace and p.prokind = 'f'
order by 1
"""


def cell(text: str | None) -> str:
    return (text or "").replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")


def table(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    marks = "|".join("---" for _ in head)
    body = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"| {' | '.join(head)} |\n|{marks}|\n{body}"


def relations(db: Db, schema: str, kinds: str) -> str:
    parts: list[str] = []
    for name, comment in rows(db, RELATIONS, schema, list(kinds)):
        columns = [
            (
                f"`{column}`",
                f"{kind}{'' if required or schema == 'billing' else ', null'}",
                cell(text),
            )
            for column, kind, required, text in rows(db, COLUMNS, f"{schema}.{name}")
        ]
        described = any(text for _, _, text in columns)
        head = ("column", "type", "meaning") if described else ("column", "type")
        lines: list[tuple[str, ...]] = [line[: len(head)] for line in columns]
        parts.append(f"### {schema}.{name}\n\n{cell(comment)}\n\n{table(head, lines)}")
    return "\n".join(parts)


def page(db: Db) -> str:
    """The whole page for what is installed in a database."""
    functions: list[Any] = [row for row in rows(db, FUNCTIONS) if row[2]]
    kinds = [(f"`{name}`", cell(labels), cell(text)) for name, labels, text in rows(db, TYPES)]
    return "\n".join(
        (
            HEAD,
            "## Tables\n\nState, in schema `data`; moved by migrations only.\n",
            relations(db, "data", "rp"),
            "## Views\n\nIn schema `billing`; the only thing the application reads.\n",
            relations(db, "billing", "v"),
            "## Functions that a login may call\n",
            table(
                ("function", "meaning", "may be called by"),
                [(f"`{cell(name)}`", cell(text), cell(who)) for name, text, who in functions],
            ),
            "## Enumerated types\n",
            table(("type", "values", "meaning"), kinds),
        )
    )


if __name__ == "__main__":
    own = Server()
    try:
        database = own.create("schema_page")
        release.migrate(database.settings(), lambda _: None)
        PAGE.write_text(page(database))
    finally:
        own.end()
