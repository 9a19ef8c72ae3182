-- The demo's calendar: which days have to be loaded, how busy they are, how far the wishes scale
-- them. Answers a row per day, as JSON for app/demo_day.sql. Reads only.
--
-- demo.asked holds the wishes and the range that app/demo_tenants.sql gave, demo.tenants what it
-- says of the tenants.

with asked as (
  select
    a.*,
    least(now(), (a.last_day + 1)::timestamp at time zone 'UTC' - interval '1 microsecond') as as_of
  from jsonb_to_record(current_setting('demo.asked')::jsonb) as a (
    seed bigint, tenants integer, events numeric, first_day date, first_end date, last_day date
  )
),

tenants as (
  select t.*
  from jsonb_to_recordset(current_setting('demo.tenants')::jsonb) as t (
    number integer, id uuid, shape text, joined_on date, stopped_on date,
    messages numeric, calls numeric, mails numeric, requests numeric
  )
),

-- How busy a day is against an average one: by weekday for offices and for those that never close;
-- nearly all on the first of the month for some. The year adds a slow swell. The mark is the id of
-- a test message stored with a day: where it is, the day was loaded with these wishes.
calendar as (
  select
    d.day,
    md5(format('demo %s %s %s %s', a.seed, d.day, a.tenants, a.events)) as mark,
    w.swell * (array[1.22, 1.3, 1.26, 1.28, 1.18, 0.5, 0.26])[w.weekday] as office,
    w.swell * (array[0.98, 0.96, 0.97, 1, 1.05, 1.06, 0.98])[w.weekday] as always,
    case when extract(day from d.day) = 1 then 27 else 0.1 end as monthly
  from asked as a
  cross join lateral (
    select a.first_day + x.n as day
    from generate_series(0, greatest(a.last_day, a.first_end) - a.first_day) as x (n)
  ) as d
  cross join lateral (
    select
      extract(isodow from d.day)::integer as weekday,
      round(1 + 0.14 * sin(extract(doy from d.day)::double precision / 58)::numeric, 3) as swell
  ) as w
),

-- What the tenants would do by themselves in the first range, against what is wished for it.
shapes as (
  select
    t.shape,
    t.joined_on,
    t.stopped_on,
    sum(t.messages + t.calls * 1.125 + t.mails + t.requests) as rows_a_day
  from tenants as t
  group by t.shape, t.joined_on, t.stopped_on
),

expected as (
  select
    sum(g.rows_a_day * case g.shape
      when 'office' then c.office
      when 'monthly' then c.monthly
      else c.always
    end) as amount
  from asked as a
  inner join calendar as c on c.day <= a.first_end
  inner join shapes as g on c.day >= g.joined_on and (g.stopped_on is null or c.day < g.stopped_on)
),

-- The newest marked day may have been loaded before it was over; those before it are whole.
reached as (
  select max(c.day) as day
  from calendar as c
  inner join tenants as t on t.number = 1
  inner join data.messages as m on m.tenant_id = t.id and m.provider_id = c.mark
)

select
  jsonb_build_object(
    'seed', a.seed,
    'as_of', a.as_of,
    'day', c.day,
    'mark', c.mark,
    'office', c.office * f.factor,
    'always', c.always * f.factor,
    'monthly', c.monthly * f.factor,
    'is_first', extract(day from c.day) = 1
  ) as day
from asked as a
cross join expected as n
cross join reached as r
cross join lateral (
  -- a mark a day is there in any case
  select case
    when a.events is null then 1
    else greatest(0, a.events - (a.first_end - a.first_day + 1)) / n.amount
  end as factor
) as f
inner join calendar as c on c.day between coalesce(r.day, a.first_day) and a.last_day
order by c.day;
