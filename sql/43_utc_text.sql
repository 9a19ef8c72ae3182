-- 43 · Days and instants as text, for every program outside: timestamptz and date reach from 4713
-- BC beyond the year 290000, what programs call a date does not.

set local role billing_aggregator;

create function billing.day_text(p_day date) returns text
language sql immutable parallel safe
as $$
  select to_char(p_day, 'YYYY-MM-DD') || case when extract(year from p_day) < 0 then ' BC' else '' end;
$$;
comment on function billing.day_text(date) is
'A day as YYYY-MM-DD, with BC behind it where it is one, whatever DateStyle is; PostgreSQL reads '
'it back.';

create function billing.utc_text(p_instant timestamptz) returns text
language sql immutable parallel safe
as $$
  select to_char(x.instant, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || case when extract(year from x.instant) < 0 then ' BC' else '' end
  from (select p_instant at time zone 'UTC' as instant) as x;
$$;
comment on function billing.utc_text(timestamptz) is
'An instant as ISO 8601 in UTC, with BC behind it where it is one, whatever the session''s time '
'zone and DateStyle are; PostgreSQL reads it back.';
