-- 59 · Usage chart: 30 days of a summary document, ready to be drawn and to be read as a table.

set local role billing_owner;

create function billing.usage_chart(
  p_tenant_id uuid, p_today date, p_as_of_text text, p_summary jsonb
)
returns table (chart json)
language sql stable parallel safe
begin atomic
  with day as (
    select
      (d.point ->> 'date')::date as date,
      d.point ->> 'state' as state,
      billing.day_word(
        d.point ->> 'state', (d.point ->> 'date')::date = usage_chart.p_today) as word,
      r.usage_date is not null as is_restated,
      d.point
    from jsonb_array_elements(usage_chart.p_summary -> 'dailyUsage') as d (point)
    left join (
      select distinct x.usage_date
      from data.usage_restatements as x
      where x.tenant_id = usage_chart.p_tenant_id
    ) as r on r.usage_date = (d.point ->> 'date')::date
  )
  select json_build_object(
    'period', to_char(min(d.date), 'FMDD FMMonth') || ' – ' || to_char(max(d.date), 'FMDD FMMonth'),
    'today', case when bool_or(d.date = usage_chart.p_today)
      then 'Today so far, as of ' || usage_chart.p_as_of_text end,
    'days', json_agg(json_build_object(
      'text', to_char(d.date, 'FMDD Mon'),
      'month', to_char(d.date, 'FMMonth'),
      'is_first', extract(day from d.date) = 1,
      'is_today', d.date = usage_chart.p_today,
      'gap', billing.gap_word(d.state)) order by d.date),
    'series', (
      select json_agg(json_build_object(
        'number', m.series,
        'label', m.label,
        'unit', m.unit,
        'points', (
          select json_agg(json_build_object(
            'value', (e.point ->> m.json_name)::bigint,
            'tip', to_char(e.date, 'FMDy FMDD FMMonth: ') || case
              when e.point ->> m.json_name is null then lower(left(e.word, 1)) || substr(e.word, 2)
              else billing.number_text((e.point ->> m.json_name)::numeric) || ' '
                || case e.point ->> m.json_name when '1' then m.unit_singular else m.unit end
                || case when e.state = 'open' then ' so far' else '' end
            end) order by e.date)
          from day as e)
      ) order by m.series)
      from billing.metrics as m
      where m.series is not null),
    'columns', (
      select json_agg(
        json_build_object('name', m.json_name, 'label', m.short_label, 'unit', m.unit)
        order by m.sort_order)
      from billing.metrics as m
      where m.on_card),
    'rows', json_agg(json_build_object(
      'day', d.date,
      'date', to_char(d.date, 'FMDy FMDD FMMonth'),
      'is_restated', d.is_restated,
      'word', d.word,
      'cells', (
        select json_agg(billing.number_text((d.point ->> m.json_name)::numeric)
                        order by m.sort_order)
        from billing.metrics as m
        where m.on_card)) order by d.date desc)
  )
  from day as d;
end;
comment on function billing.usage_chart(uuid, date, text, jsonb) is
'One row: the 30 days of a summary document for the chart and, newest first, for the table.';
