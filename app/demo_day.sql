-- One day of demo use: what arrived on it, in the four sources. Safe to run again.
--
-- demo.tenants and demo.day hold, as JSON, what app/demo_tenants.sql and app/demo_calendar.sql said
-- of the tenants and of the day. A row is decided by the hashes a and b of its tenant, kind, day
-- and number; every choice takes other bits of them: `a >> 10 & 1023` is a number below 1024.

with today as (
  select d.*, d.day::timestamp at time zone 'UTC' as starts_at
  from jsonb_to_record(current_setting('demo.day')::jsonb) as d (
    seed bigint, as_of timestamptz, day date, mark text,
    office numeric, always numeric, monthly numeric, is_first boolean)
),

tenants as (
  select t.*
  from jsonb_to_recordset(current_setting('demo.tenants')::jsonb) as t (
    number integer, id uuid, shape text, opens_at_hour integer, joined_on date, stopped_on date,
    messages numeric, calls numeric, mails numeric, requests numeric)
),

-- What a row of a kind ends as: mostly the usual status, so many of 1024 one of the others.
kinds (kind, direction, usual, others_of_1024, others) as (
  values
  ('message', 'outbound', 'delivered', 72, 'sent sent sent sent undelivered undelivered read '
   'undelivered failed failed partially_delivered canceled queued accepted scheduled sending'),
  ('message', 'inbound', 'received', 4, 'receiving failed'),
  ('call', 'outbound', 'completed', 160, 'no-answer no-answer no-answer busy busy failed canceled '
   'queued initiated'),
  ('call', 'inbound', 'completed', 100, 'no-answer no-answer no-answer busy failed canceled '
   'ringing in-progress'),
  ('mail', 'outbound', 'delivered', 90, 'sent sent sent bounced bounced bounced deferred dropped '
   'rejected failed queued processing'),
  ('request', 'outbound', 'succeeded', 104, 'error error error cached cached cached cached '
   'not_sent not_sent pending')
),

-- How many rows of each kind a tenant gets: more on some days than on others, and what is left
-- after the decimal point is one more row by lot.
loads as (
  select
    d.*, t.*, h.hash,
    k.kind, k.direction, k.usual, k.others_of_1024, string_to_array(k.others, ' ') as others,
    floor(
      case k.kind
        when 'message' then t.messages * case k.direction when 'outbound' then 0.76 else 0.24 end
        when 'call' then t.calls * case k.direction when 'outbound' then 0.45 else 0.55 end
        when 'mail' then t.mails
        else t.requests
      end
      * case t.shape when 'office' then d.office when 'monthly' then d.monthly else d.always end
      * case t.shape when 'monthly' then 1 else 0.7 + (h.lot & 1023) * 0.6 / 1023 end
      + (h.lot >> 10 & 1023) / 1024.0
    )::integer as amount
  from today as d
  inner join tenants as t on d.day >= t.joined_on and (t.stopped_on is null or d.day < t.stopped_on)
  cross join kinds as k
  cross join lateral (
    select x.hash, hashint8extended(0, x.hash) as lot
    from hashtextextended(
      concat_ws(' ', k.kind, k.direction, t.id, d.day - date '2000-01-01'), d.seed) as x (hash)
  ) as h
),

-- When a row arrives. One in six comes at any hour, the others between opening and closing, most
-- at midday (in America, hence late in UTC). What is done on the first of the month is done by a
-- nightly job, and the largest tenant has a long call every midnight.
arrivals as (
  select
    l.*, h.*,
    l.starts_at + interval '1 millisecond' * case
      when l.shape = 'monthly' and l.is_first then 300000 + (h.a & 4194303)
      when h.is_night_call then 86280000 + (h.a & 65535)
      when (h.a >> 44 & 1023) < 170 then (h.a & 1048575) * 86399999 / 1048575
      else l.opens_at_hour * 3600000
        + ((h.a & 1048575) + (h.a >> 20 & 1048575)) * 17999999 / 1048575
    end as arrived_at
  from loads as l
  cross join lateral generate_series(1, l.amount) as g (n)
  cross join lateral (
    select
      hashint8extended(g.n, l.hash) as a,
      hashint8extended(-g.n, l.hash) as b,
      l.number = 1 and l.kind = 'call' and l.direction = 'inbound' and g.n = 1 as is_night_call
  ) as h
),

-- Some come late: they happened up to nine days before, yet not before the tenant was there. What
-- lies in the future waits for the next load. A few statuses are words that nobody knows.
events as materialized (
  select
    r.kind, r.direction, r.shape, r.id, r.a, r.b, r.is_night_call,
    case
      when (r.a >> 55 & 127) = 0 and r.day - s.late_days >= r.joined_on and not r.is_night_call
        then r.arrived_at - interval '24 hours' * s.late_days
      else r.arrived_at
    end as occurred_at,
    lpad(to_hex(r.a), 16, '0') || lpad(to_hex(r.b), 16, '0') as provider_id,
    (r.b >> 40 & 1023) < 10 as is_test,
    case
      when r.is_night_call then r.usual
      when (r.b >> 50 & 4095) = 0 then null
      when (r.b >> 50 & 4095) = 1 then upper(r.usual collate "C")
      when (r.b >> 50 & 4095) = 2 then 'rerouted'
      when (r.b & 1023) < r.others_of_1024
        then r.others[1 + (r.b >> 10 & 1023) % cardinality(r.others)]
      else r.usual
    end as status
  from arrivals as r
  cross join lateral (select 1 + (r.b >> 30 & 1023)::integer % 9 as late_days) as s
  where r.arrived_at <= r.as_of
),

new_messages as (
  insert into data.messages (
    tenant_id, occurred_at, num_segments, channel, direction, is_test, status, provider_id)
  -- the mark that the day was loaded
  select
    t.id, d.starts_at as occurred_at, 1, 'sms'::data.message_channel, 'outbound'::data.direction,
    true, 'delivered', d.mark
  from today as d
  inner join tenants as t on t.number = 1
  union all
  select
    e.id, e.occurred_at,
    -- some the provider has not told yet, which is 0 or nothing
    case when (e.b >> 30 & 1023) < 12 then 0 when (e.b >> 30 & 1023) >= 24
      then (array[1, 1, 1, 1, 2, 2, 3])[1 + (e.b >> 30 & 1023) % 7] end,
    c.channel::data.message_channel, e.direction::data.direction, e.is_test, e.status,
    upper(left(c.channel, 1) collate "C") || 'M' || e.provider_id
  from events as e
  cross join lateral (
    select case when (e.b >> 20 & 1023) < 41 then 'mms' else 'sms' end as channel
  ) as c
  where e.kind = 'message'
  order by occurred_at
  on conflict do nothing
  returning 1
),

-- A row per leg: one call in eight is put through. What still goes on has no duration yet.
new_calls as (
  insert into data.calls (
    tenant_id, occurred_at, duration_seconds, direction, is_test, status, provider_id)
  select
    e.id, e.occurred_at,
    case
      when e.is_night_call then 420 + (e.b & 255)
      when e.status in ('busy', 'no-answer', 'canceled', 'failed') then 0
      -- minutes, and for one in a hundred an hour
      when e.status in ('completed', 'COMPLETED')
        then (12 + (e.b >> 30 & 1023) * (e.b >> 30 & 1023) / 2100)
        * case when (e.b >> 23 & 127) = 0 then 12 else 1 end
    end,
    case l.leg when 1 then e.direction else 'outbound' end::data.direction,
    e.is_test, e.status,
    'CA' || case l.leg when 1 then e.provider_id else md5(e.provider_id) end
  from events as e
  cross join lateral generate_series(1, case when (e.b >> 20 & 7) = 0 then 2 else 1 end) as l (leg)
  where e.kind = 'call'
  order by e.occurred_at
  on conflict do nothing
  returning 1
),

new_emails as (
  insert into data.emails (tenant_id, occurred_at, recipient_count, is_test, status, provider_id)
  select
    e.id, e.occurred_at,
    -- a few go to many, statements of the month always do
    case
      when e.shape = 'monthly' then 20 + (e.b >> 30 & 1023) % 21
      when (e.b >> 20 & 1023) < 820 then 1
      when (e.b >> 20 & 1023) < 980 then 2 + (e.b >> 30 & 1023) % 3
      else 8 + (e.b >> 30 & 1023) % 33
    end,
    e.is_test, e.status, 'EM' || e.provider_id
  from events as e
  where e.kind = 'mail'
  order by e.occurred_at
  on conflict do nothing
  returning 1
),

new_requests as (
  insert into data.ai_requests (
    tenant_id, occurred_at, is_test, status, provider_id, feature, model)
  select
    e.id, e.occurred_at, e.is_test, e.status, 'AI' || e.provider_id,
    (array['sms_ai', 'sms_ai', 'sms_ai', 'support_ai', 'support_ai', 'call_summary',
           'review_reply', 'quote_draft'])[1 + (e.b >> 20 & 7)],
    (array['swift-2', 'swift-2', 'swift-2', 'swift-3', 'swift-3', 'deep-1', 'deep-1',
           null])[1 + (e.b >> 23 & 7)]
  from events as e
  where e.kind = 'request'
  order by e.occurred_at
  on conflict do nothing
  returning 1
)

select (select count(*) from new_messages) + (select count(*) from new_calls)
  + (select count(*) from new_emails) + (select count(*) from new_requests) as rows_inserted;
