-- 65 · Release: what is installed, so that files and database can be compared.

set local role billing_owner;

create function billing.object_fingerprint() returns text
language sql stable
set search_path = pg_catalog
-- what the server writes definitions and the constants in them by
set quote_all_identifiers = off
set standard_conforming_strings = on
set datestyle = 'ISO, MDY'
set intervalstyle = postgres
set timezone = 'UTC'
set bytea_output = hex
set extra_float_digits = 1
as $$
  -- Everything that this folder creates, in words that survive dump and restore.
  select encode(sha256(convert_to(string_agg(x.line, e'\n' order by x.line collate "C"), 'UTF8')),
                'hex')
  from (
    select format('function %s owner %s %s', p.oid::regprocedure, p.proowner::regrole,
                  pg_get_functiondef(p.oid)) as line
    from pg_proc as p
    where p.pronamespace = 'billing'::regnamespace
    union all
    select format('view %s owner %s %s %s', c.oid::regclass, c.relowner::regrole, c.reloptions,
                  pg_get_viewdef(c.oid))
    from pg_class as c
    where c.relnamespace = 'billing'::regnamespace and c.relkind = 'v'
    union all
    select format('enum %s %s', e.enumtypid::regtype,
                  string_agg(e.enumlabel, ',' order by e.enumsortorder))
    from pg_enum as e
    join pg_type as t on t.oid = e.enumtypid and t.typnamespace = 'billing'::regnamespace
    group by e.enumtypid
    union all
    select format('trigger %s %s', t.tgenabled, pg_get_triggerdef(t.oid))
    from pg_trigger as t
    join pg_class as c on c.oid = t.tgrelid
    join pg_proc as p on p.oid = t.tgfoid
    where not t.tgisinternal
      and (c.relnamespace = 'data'::regnamespace or p.pronamespace = 'billing'::regnamespace)
    union all
    select format('policy %s', p) from pg_policies as p where p.schemaname = 'data'
    union all
    select format('table %s owner %s %s %s', c.oid::regclass, c.relowner::regrole,
                  c.relrowsecurity, c.relforcerowsecurity)
    from pg_class as c
    where c.relnamespace = 'data'::regnamespace and c.relkind in ('r', 'p')
    union all
    select format('grant %s %s %s %s', g.object, g.privilege_type, g.grantee::regrole,
                  g.is_grantable)
    from (
      select c.oid::regclass::text as object, a.*
      from pg_class as c
      cross join lateral aclexplode(c.relacl) as a
      where c.relnamespace in ('data'::regnamespace, 'billing'::regnamespace)
      union all
      select c.oid::regclass || '.' || t.attname, a.*
      from pg_class as c
      join pg_attribute as t on t.attrelid = c.oid and t.attacl is not null
      cross join lateral aclexplode(t.attacl) as a
      where c.relnamespace in ('data'::regnamespace, 'billing'::regnamespace)
      union all
      select p.oid::regprocedure::text, a.*
      from pg_proc as p
      cross join lateral aclexplode(p.proacl) as a
      where p.pronamespace = 'billing'::regnamespace
      union all
      select n.nspname, a.*
      from pg_namespace as n
      cross join lateral aclexplode(n.nspacl) as a
      where n.nspname in ('data', 'billing')
    ) as g
  ) as x;
$$;
comment on function billing.object_fingerprint() is
'Digest of the objects, grants, policies and triggers that are installed now.';

set local role billing_aggregator;

create function billing.installed_release(
  out source_fingerprint text, out plans_fingerprint text, out object_fingerprint text,
  out released_at timestamptz
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.source_fingerprint, r.plans_fingerprint, r.object_fingerprint, r.released_at
  from data.releases as r
  order by r.id desc
  limit 1;
$$;
comment on function billing.installed_release() is
'Fingerprints of the newest release, as recorded when it was installed.';

create function billing.applied_migrations(out migration_id text, out sha256 text)
returns setof record
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.migration_id, m.sha256 from data.applied_migrations as m order by m.migration_id;
$$;
comment on function billing.applied_migrations() is
'Every applied migration with the SHA-256 of its file.';
