-- 58 · Usage CSV: the days of a period as a file for spreadsheets.

set local role billing_owner;

create function billing.usage_csv(p_tenant_id uuid, p_day date, p_as_of timestamptz)
returns table (period_start date, csv text)
language sql stable parallel safe
begin atomic
  -- Dates, states and digits only: no cell that a spreadsheet could take for a formula.
  select
    r.period_start,
    concat(
      'date,state,',
      (select string_agg(m.json_name, ',' order by m.sort_order) from billing.metrics as m),
      e'\r\n',
      string_agg(concat(to_char(d.date, 'YYYY-MM-DD'), ',', d.state, ',', c.cells, e'\r\n'), ''
                 order by d.date))
  from billing.shown_period(usage_csv.p_day, usage_csv.p_as_of) as r
  join data.tenants as t on t.id = usage_csv.p_tenant_id
  cross join lateral billing.usage_between(t.id, r.period_start, r.shown_until) as d
  cross join lateral (
    select string_agg(coalesce(f.value, ''), ',' order by f.ordinality) as cells
    from json_each_text(d.metrics) with ordinality as f
  ) as c
  group by r.period_start;
end;
comment on function billing.usage_csv(uuid, date, timestamptz) is
'One row: the period around a UTC day (NULL: the current one) as CSV (RFC 4180), a line per UTC '
'day up to today; an empty cell is a day that was never counted. None for a period that is not '
'shown.';
