"""Every right there is, as literal lines: what is added to the database is written down, or fails.

After a change that is meant: `python -m tests.test_71_catalogue` writes catalogue.txt anew; the
diff is what a reviewer reads.
"""

from difflib import unified_diff
from pathlib import Path

from app import release
from tests.server import Db, Server

KEPT = Path(__file__).with_name("catalogue.txt")

QUERY = """
with
object as (
  select 'schema' as kind, n.oid, n.nspname::text as name, n.nspowner as owner,
    coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl
  from pg_namespace as n
  where n.nspname in ('data', 'billing', 'yoyo', 'public')
  union all
  select case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end,
    c.oid, c.oid::regclass::text, c.relowner,
    coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char",
                                  c.relowner))
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace and n.nspname in ('data', 'billing')
  where c.relkind not in ('i', 'I', 'c', 't')
  union all
  select 'column', 0, format('%s.%s', c.oid::regclass, a.attname), c.relowner, a.attacl
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace and n.nspname in ('data', 'billing')
  join pg_attribute as a on a.attrelid = c.oid and a.attacl is not null
  union all
  select 'function', p.oid, p.oid::regprocedure::text, p.proowner,
    coalesce(p.proacl, acldefault('f', p.proowner))
  from pg_proc as p
  join pg_namespace as n on n.oid = p.pronamespace and n.nspname in ('data', 'billing')
  union all
  select 'type', t.oid, t.oid::regtype::text, t.typowner,
    coalesce(t.typacl, acldefault('T', t.typowner))
  from pg_type as t
  join pg_namespace as n on n.oid = t.typnamespace and n.nspname in ('data', 'billing')
  left join pg_class as c on c.oid = t.typrelid
  where t.typelem = 0 and (c.oid is null or c.relkind = 'c')
  union all
  select 'database', d.oid, '', d.datdba, coalesce(d.datacl, acldefault('d', d.datdba))
  from pg_database as d
  where d.datname = current_database()
)
select concat_ws(' ', o.kind, o.name, 'belongs to', o.owner::regrole,
  case o.kind
    when 'table' then (
      select concat_ws(' ', case when c.relrowsecurity then 'row security' end,
                       case when c.relforcerowsecurity then 'forced' end)
      from pg_class as c where c.oid = o.oid)
    when 'view' then (select c.reloptions::text from pg_class as c where c.oid = o.oid)
    when 'function' then (
      select concat_ws(' ',
        case when p.prosecdef then 'definer' else 'invoker' end,
        case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
        case p.proparallel when 's' then 'parallel-safe' when 'r' then 'parallel-restricted' end,
        case when p.proleakproof then 'leakproof' end, array_to_string(p.proconfig, '; '))
      from pg_proc as p where p.oid = o.oid)
  end)
from object as o
where o.kind not in ('column', 'database')
union all
select concat_ws(' ', g.who, 'may', g.rights, o.kind, o.name)
from object as o
cross join lateral (
  select case a.grantee when 0 then 'everybody' else a.grantee::regrole::text end as who,
    string_agg(lower(a.privilege_type) || case when a.is_grantable then ' and lend' else '' end,
               ', ' order by a.privilege_type) as rights
  from aclexplode(o.acl) as a
  where a.grantee <> o.owner
  group by a.grantee
) as g
union all
select format('policy %s on %s.%s: %s %s to %s using (%s) check (%s)', p.policyname, p.schemaname,
  p.tablename, lower(p.permissive), lower(p.cmd), array_to_string(p.roles, ', '), p.qual,
  p.with_check)
from pg_policies as p
union all
select concat_ws(' ', 'role', r.rolname, case when r.rolcanlogin then 'logs in' end,
  case when r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication
    then 'IS TOO POWERFUL' end,
  (select 'is a member of ' || string_agg(g.rolname, ', ' order by g.rolname)
   from pg_auth_members as m join pg_roles as g on g.oid = m.roleid where m.member = r.oid),
  (select string_agg(c.setting, '; ' order by s.setdatabase, c.setting)
   from pg_db_role_setting as s cross join unnest(s.setconfig) as c (setting)
   where s.setrole = r.oid))
from pg_roles as r
where r.rolname like 'billing%'
union all
select format('by default %s of %s: %s', d.defaclobjtype, d.defaclrole::regrole, d.defaclacl)
from pg_default_acl as d
"""


def catalogue(db: Db) -> list[str]:
    """Owners, properties, rights, policies and roles; an owner's own rights go without saying."""
    with db.connect() as connection:
        connection.execute("set search_path = pg_catalog")
        return sorted(line.rstrip() for (line,) in connection.execute(QUERY))


def test_every_right_is_written_down(server: Server) -> None:
    now = catalogue(server.database("installed"))
    diff = unified_diff(KEPT.read_text().splitlines(), now, "written down", "in the database", n=0)
    assert not list(diff)


if __name__ == "__main__":
    own = Server()
    try:
        database = own.create("catalogue")
        release.migrate(database.settings(), lambda _: None)
        KEPT.write_text("\n".join(catalogue(database)) + "\n")
    finally:
        own.end()
