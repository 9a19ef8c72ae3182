-- 44 · Questionable rows: facts that are stored and not, or not surely, what they should be. Found
-- through indexes and the ledgers, never by reading a source through.

set local role billing_aggregator;

create function billing.unknown_tenants() returns setof uuid
language sql stable
as $$
  select s.tenant_id
  from billing.source_tenants() as s (tenant_id)
  where not exists (select from data.tenants as t where t.id = s.tenant_id);
$$;
comment on function billing.unknown_tenants() is 'Ids that have facts and are no tenant.';

create function billing.questionable_days(p_kind text)
returns table (first_day date, end_day date)
language sql stable
as $$
  -- newest first, by the day ledger; sealed days in as few ranges as there are
  select u.usage_date, u.usage_date + 1
  from data.usage_days as u
  where u.sealed_at is null
    and case p_kind
      when 'unclassified' then u.unclassified_rows > 0
      when 'estimated' then u.estimated_rows > 0
      when 'stuck' then u.pending_rows > 0 and u.usage_date < billing.utc_day(now()) - 3
      else false
    end
  union all
  select min(x.usage_date), max(x.usage_date) + 1
  from (
    select u.usage_date, u.usage_date - row_number() over (order by u.usage_date)::integer as island
    from data.usage_days as u
    where u.sealed_at is not null and p_kind = 'sealed'
  ) as x
  group by x.island
  order by 1 desc;
$$;
comment on function billing.questionable_days(text) is
'Ranges of UTC days in which questionable rows of a kind can be.';

create function billing.questionable_on(p_kind text, p_from date, p_until date)
returns table (
  tenant_id uuid, occurred_at timestamptz, source text, provider_id text, kind text, status text)
language sql stable
as $$
  -- tenants by the daily rows, rows by the tenant's index
  select s.tenant_id, s.occurred_at, s.source, s.provider_id, s.kind::text, s.status
  from data.billing_usage_daily as d
  cross join lateral (
    select x.*
    from billing.usage_source as x
    where x.tenant_id = d.tenant_id
      and x.occurred_at >= p_from::timestamp at time zone 'UTC'
      and x.occurred_at < p_until::timestamp at time zone 'UTC'
  ) as s
  where d.usage_date >= p_from and d.usage_date < p_until
    and case p_kind
      when 'unclassified' then d.unclassified_rows > 0 and s.outcome = 'unclassified'
      when 'stuck' then d.pending_rows > 0 and s.outcome = 'pending'
      when 'estimated' then d.estimated_rows > 0 and s.is_estimated and s.outcome = 'counted'
      else false
    end
  union all
  -- none should be there: whatever is left is found by the time alone
  select s.tenant_id, s.occurred_at, s.source, s.provider_id, s.kind::text, s.status
  from billing.usage_source as s
  where p_kind = 'sealed'
    and s.occurred_at >= p_from::timestamp at time zone 'UTC'
    and s.occurred_at < p_until::timestamp at time zone 'UTC';
$$;
comment on function billing.questionable_on(text, date, date) is
'The questionable rows of a kind in the UTC days [from, until).';

create function billing.questionable_rows(
  p_kind text, p_limit integer default 100, p_offset bigint default 0
)
returns table (
  tenant_id uuid, occurred_at timestamptz, source text, provider_id text, kind text, status text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
  v_days record;
  v_found bigint;
  v_left bigint := p_limit::bigint;
  v_skip bigint := p_offset;
begin
  perform billing.require_operator_or_root();
  if p_limit is null or p_limit < 0 or p_offset is null or p_offset < 0 then
    raise exception 'a limit and an offset of 0 or more are needed'
      using errcode = 'invalid_parameter_value';
  end if;
  case
    when p_kind in ('unclassified', 'stuck', 'estimated', 'sealed') then
      -- no more days than it takes
      for v_days in select d.first_day, d.end_day from billing.questionable_days(p_kind) as d loop
        exit when v_left = 0;
        return query
        select q.*
        from billing.questionable_on(p_kind, v_days.first_day, v_days.end_day) as q
        order by q.tenant_id, q.occurred_at, q.source, q.provider_id
        limit v_left offset v_skip;
        get diagnostics v_found = row_count;
        v_left := v_left - v_found;
        if v_found > 0 then
          v_skip := 0;
        elsif v_skip > 0 then
          v_skip := v_skip - (
            select count(*)
            from billing.questionable_on(p_kind, v_days.first_day, v_days.end_day));
        end if;
      end loop;
    when p_kind = 'contradicted' then
      return query
      select s.tenant_id, s.occurred_at, s.source, s.provider_id, s.kind::text,
        format('%s, then %s', s.status, c.refused_status)
      from data.contradicted_facts as c
      join billing.usage_source as s
        on s.tenant_id = c.tenant_id and s.occurred_at = c.occurred_at
        and s.source = c.source and s.provider_id = c.provider_id and s.status = c.kept_status
      order by c.noted_at desc, s.tenant_id, s.source, s.provider_id, c.refused_status
      limit p_limit offset p_offset;
    when p_kind in ('future', 'ancient') then
      return query
      select s.tenant_id, s.occurred_at, s.source, s.provider_id, s.kind::text, s.status
      from billing.usage_source as s
      where (p_kind = 'ancient' or s.occurred_at >= date_trunc('day', now(), 'UTC')
             + interval '24 hours')
        and (p_kind = 'future' or s.occurred_at < timestamptz '2000-01-01 00:00:00+00')
      order by s.occurred_at, s.tenant_id, s.source, s.provider_id
      limit p_limit offset p_offset;
    when p_kind = 'orphaned' then
      return query
      select s.tenant_id, s.occurred_at, s.source, s.provider_id, s.kind::text, s.status
      from billing.unknown_tenants() as t
      join billing.usage_source as s on s.tenant_id = t
      order by s.tenant_id, s.occurred_at, s.source, s.provider_id
      limit p_limit offset p_offset;
    else
      raise exception 'there is no kind % of questionable rows', coalesce(p_kind, 'NULL')
        using errcode = 'invalid_parameter_value',
        hint = 'One of: unclassified, orphaned, sealed, contradicted, stuck, future, ancient, '
          'estimated.';
  end case;
end $$;
comment on function billing.questionable_rows(text, integer, bigint) is
'Rows to look at. unclassified: a status that nobody has classified (R14); orphaned: of no known '
'tenant, counted once it is added; sealed: of a day whose rows were given up, never counted (R21); '
'contradicted: another status came after a final one (R14); stuck: pending for more than three '
'days; future: dated after today, counted when that day has come (R32); ancient: dated before '
'2000; estimated: counted with 1 segment until the provider tells (R13). Errors: 22023 unknown '
'kind, 42501 no root session.';

create function billing.note_orphaned_facts() returns void
language plpgsql
as $$
begin
  delete from data.orphaned_facts;
  insert into data.orphaned_facts (
    tenant_id, found_at, occurred_at, source_rows, source, provider_id, status)
  select t.id, now(), f.occurred_at, n.source_rows, f.source, f.provider_id, f.status
  from billing.unknown_tenants() as t (id)
  cross join lateral (
    select s.occurred_at, s.source, s.provider_id, s.status
    from billing.usage_source as s
    where s.tenant_id = t.id
    order by s.occurred_at, s.source, s.provider_id limit 1
  ) as f
  cross join lateral (
    select count(*)::integer as source_rows
    from (select from billing.usage_source as s where s.tenant_id = t.id limit 1000) as x
  ) as n;
end $$;
comment on function billing.note_orphaned_facts() is
'Write down which unknown tenants have facts, for pages that must not look themselves.';

create function billing.example_text(
  p_tenant_id uuid, p_occurred_at timestamptz, p_source text, p_provider_id text, p_status text
) returns text
language sql stable
as $$
  select format('tenant %s, %s, %s %s, status %s', p_tenant_id,
    billing.day_text(billing.utc_day(p_occurred_at)), p_source, p_provider_id,
    coalesce(quote_literal(p_status), 'none'));
$$;
comment on function billing.example_text(uuid, timestamptz, text, text, text) is
'One questionable fact for people: enough to find it by.';

create function billing.read_data_quality(p_live boolean default false)
returns table (kind text, source_rows bigint, example text, command text, meaning text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.require_operator_or_root();
  return query
  select k.kind, k.source_rows,
    coalesce(k.noted, (
      select billing.example_text(
        r.tenant_id, r.occurred_at, r.source, r.provider_id, r.status)
      from billing.questionable_rows(k.kind, 1) as r)),
    'billing quality ' || k.kind, k.meaning
  from (
    select 1 as place, 'unclassified' as kind, coalesce(sum(u.unclassified_rows), 0)::bigint
      as source_rows, null as noted,
      'Nobody has said whether this status counts; it does not until then.' as meaning
    from data.usage_days as u
    where u.sealed_at is null
    union all
    select 2, 'orphaned',
      case when p_live then (select count(*) from billing.questionable_rows('orphaned', 1000))
        else (select coalesce(sum(o.source_rows), 0) from data.orphaned_facts as o) end,
      case when not p_live then (
        select billing.example_text(
          o.tenant_id, o.occurred_at, o.source, o.provider_id, o.status)
        from data.orphaned_facts as o order by o.tenant_id limit 1) end,
      'No such tenant is known; counted as soon as it is added.'
    union all
    select x.place, x.kind, (select count(*) from billing.questionable_rows(x.kind, 1000)), null,
      x.meaning
    from (values
      (3, 'sealed', 'Its day was sealed before it was stored; never counted.'),
      (4, 'contradicted', 'Another status came after the final one; the first one counts.'),
      (6, 'future', 'Dated after today; counted when that day has come.'),
      (7, 'ancient', 'Dated before 2000; never counted.')
    ) as x (place, kind, meaning)
    union all
    select 5, 'stuck', coalesce(sum(u.pending_rows), 0)::bigint, null,
      'Pending for more than three days; not counted until a final status comes.'
    from data.usage_days as u
    where u.sealed_at is null and u.usage_date < billing.utc_day(now()) - 3
    union all
    select 8, 'estimated', coalesce(sum(u.estimated_rows), 0)::bigint, null,
      'Counted as one segment until the provider tells how many.'
    from data.usage_days as u
    where u.sealed_at is null
  ) as k
  where k.source_rows > 0
  order by k.place;
end $$;
comment on function billing.read_data_quality(boolean) is
'What may be wrong with the facts: how many rows (1000 stands for that many or more where they are '
'not summed in the ledger), one of them, and the command that lists them. Unknown tenants as the '
'last nightly run found them, or looked for now if live.';

grant execute on function billing.read_data_quality(boolean) to billing_owner;

set local role billing_owner;

create view billing.data_quality with (security_invoker = true) as
select q.kind, q.source_rows, q.example, q.command, q.meaning
from billing.read_data_quality() as q;
comment on view billing.data_quality is
'A row per kind of questionable facts that there are: number, example, command, what it means.';
