-- The benchmark's data: drawn by hashing a seed, so the same for the same sizes; written set by set
-- and in the order of arrival, as a host's rows arrive.

create schema bench;

create table bench.tenants (rank integer primary key, id uuid not null);
comment on table bench.tenants is 'Tenants by how much they use; the first is the busiest.';

create function bench.add_tenants(p_first integer, p_last integer) returns void
language sql
as $$
  with drawn as (
    insert into bench.tenants (rank, id)
    select n, md5('bench ' || n)::uuid from generate_series(p_first, p_last) as n
    returning rank, id
  )
  insert into data.tenants (id, name, plan_code)
  select d.id, 'Tenant ' || d.rank, (array['starter', 'pro', 'elite', 'agency'])[1 + d.rank % 4]
  from drawn as d;
$$;

create function bench.status(p_hash bigint, p_usual text, p_others text[]) returns text
language sql immutable
as $$
  -- 7 of 8 as usual; the others in equal parts
  select case
    when p_hash & 7 > 0 then p_usual
    else p_others[1 + (p_hash >> 3 & 1023) % cardinality(p_others)]
  end;
$$;

create function bench.draw(
  p_seed bigint, p_from timestamptz, p_until timestamptz, p_rows integer, p_tenants integer,
  out tenant_id uuid, out occurred_at timestamptz, out is_test boolean, out a bigint, out b bigint,
  out provider_id text
)
returns setof record
language sql stable
as $$
  -- Tenant n has 1/n of the first one's rows (Zipf). One row in 200 comes late, by up to 3 days.
  select
    (array(select t.id from bench.tenants as t where t.rank <= p_tenants order by t.rank))[
      floor(exp((h.a & 4294967295) / 4294967296.0 :: float8 * ln(p_tenants + 1 :: float8)))::integer],
    p_from + (p_until - p_from) * ((n - 0.5 :: float8) / p_rows)
      - case when (h.a >> 32 & 1023) % 200 = 0 then interval '3 days' else interval '0' end
        * ((h.b & 65535) / 65536.0 :: float8),
    (h.a >> 42 & 127) = 0,
    h.a >> 32 & 2147483647,
    h.b >> 16 & 2147483647,
    lpad(to_hex(h.a), 16, '0') || lpad(to_hex(h.b), 16, '0')
  from generate_series(1, p_rows) as n
  cross join lateral (
    select hashint8extended(n, p_seed) as a, hashint8extended(-n, p_seed) as b offset 0
  ) as h;
$$;

create function bench.add_rows(
  p_from timestamptz, p_until timestamptz, p_rows integer, p_tenants integer
) returns void
language plpgsql
as $$
-- 11 messages, 2 calls, 5 e-mails and 2 AI requests of every 20 rows. One message in 14 comes as
-- queued and is updated afterwards, in the room that the page keeps for that.
declare
  v_seed constant bigint := hashtextextended(p_from::text, 0);
begin
  insert into data.messages (
    tenant_id, occurred_at, num_segments, channel, direction, is_test, status, provider_id)
  select d.tenant_id, d.occurred_at, 1 + (d.b & 3) / 3,
    case when d.a & 31 > 0 then 'sms' else 'mms' end::data.message_channel,
    case when d.a >> 5 & 3 > 0 then 'outbound' else 'inbound' end::data.direction,
    d.is_test,
    case when d.b % 14 = 0 then 'queued'
      else bench.status(d.b, 'delivered', '{sent,failed,undelivered,queued,unheard-of}') end,
    'SM' || d.provider_id
  from bench.draw(v_seed, p_from, p_until, p_rows * 11 / 20, p_tenants) as d;
  update data.messages
  set status = 'delivered'
  where occurred_at >= p_from and occurred_at < p_until and status = 'queued';

  insert into data.calls (
    tenant_id, occurred_at, duration_seconds, direction, is_test, status, provider_id)
  select d.tenant_id, d.occurred_at, d.a & 511,
    case when d.a >> 9 & 1 > 0 then 'outbound' else 'inbound' end::data.direction,
    d.is_test, bench.status(d.b, 'completed', '{busy,no-answer,in-progress}'),
    'CA' || d.provider_id
  from bench.draw(v_seed + 1, p_from, p_until, p_rows * 2 / 20, p_tenants) as d;

  insert into data.emails (
    tenant_id, occurred_at, recipient_count, is_test, status, provider_id)
  select d.tenant_id, d.occurred_at, 1 + (d.a & 15) / 12,
    d.is_test, bench.status(d.b, 'delivered', '{bounced,deferred,rejected,processing}'),
    'EM' || d.provider_id
  from bench.draw(v_seed + 2, p_from, p_until, p_rows * 5 / 20, p_tenants) as d;

  insert into data.ai_requests (
    tenant_id, occurred_at, is_test, status, provider_id, feature, model)
  select d.tenant_id, d.occurred_at,
    d.is_test, bench.status(d.b, 'succeeded', '{error,cached,not_sent,pending}'),
    'AI' || d.provider_id, 'sms_ai', 'swift-2'
  from bench.draw(v_seed + 3, p_from, p_until, p_rows * 2 / 20, p_tenants) as d;
end $$;

create function bench.add_day(p_day date, p_rows integer, p_tenants integer) returns void
language plpgsql
as $$
-- Three hours at a time, so that updates come soon after their rows.
declare
  v_from timestamptz;
begin
  for v_hour in 0 .. 21 by 3 loop
    v_from := p_day::timestamp at time zone 'UTC' + make_interval(hours => v_hour);
    perform bench.add_rows(v_from, v_from + interval '3 hours', p_rows / 8, p_tenants);
  end loop;
  perform brin_summarize_new_values(i.indexrelid)
  from pg_index as i
  join pg_class as c on c.oid = i.indexrelid
  join pg_am as a on a.oid = c.relam and a.amname = 'brin'
  where i.indrelid in (
    'data.messages'::regclass, 'data.calls'::regclass, 'data.emails'::regclass,
    'data.ai_requests'::regclass);
end $$;
