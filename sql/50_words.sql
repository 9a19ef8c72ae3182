-- 50 · Words: numbers, dates and prices for people. Pages show them as they are. Stable, as what
-- they call is: only then does the planner inline them.

set local role billing_owner;

create function billing.number_text(p_number numeric) returns text
language sql stable parallel safe
as $$
  select to_char(p_number, 'FM999,999,999,999,999,999,990');
$$;
comment on function billing.number_text(numeric) is 'A whole number for people: 1,234,567.';

create function billing.share_text(p_share numeric) returns text
language sql stable parallel safe
as $$
  -- never rounded over a threshold: 79.9 is 79 % and normal, 100.4 is over
  select case
    when p_share > 100 and p_share < 101 then 'just over 100 %'
    when p_share > 0 and p_share < 1 then 'under 1 %'
    else billing.number_text(floor(p_share)) || ' %'
  end;
$$;
comment on function billing.share_text(numeric) is 'The percentage for people.';

create function billing.list_text(p_items text[]) returns text
language sql stable parallel safe
as $$
  select coalesce(nullif(array_to_string(p_items[:cardinality(p_items) - 1], ', '), '') || ' and ', '')
    || p_items[cardinality(p_items)];
$$;
comment on function billing.list_text(text[]) is 'A, B and C; NULL for none.';

create function billing.period_text(p_start date, p_end date) returns text
language sql stable parallel safe
as $$
  -- p_end is exclusive, people read inclusive dates
  select to_char(p_start, case
      when date_trunc('month', p_start::timestamp) = date_trunc('month', (p_end - 1)::timestamp)
        then 'FMDD'
      when extract(year from p_start) = extract(year from p_end - 1) then 'FMDD FMMonth'
      else 'FMDD FMMonth YYYY' end)
    || ' – ' || to_char(p_end - 1, 'FMDD FMMonth YYYY');
$$;
comment on function billing.period_text(date, date) is
'The period [p_start, p_end) for people, with inclusive dates: 1 – 30 November 2026.';

create function billing.price_text(p_price numeric, p_currency text) returns text
language sql stable parallel safe
as $$
  select coalesce(
    case p_currency when 'USD' then '$' when 'EUR' then '€' when 'GBP' then '£'
      else p_currency || ' ' end
    || to_char(p_price, 'FM999,999,999,990.00') || ' per month',
    'Contact support');
$$;
comment on function billing.price_text(numeric, text) is
'A plan''s price for people; NULL is "Contact support".';

create function billing.change_text(p_now bigint, p_before bigint, p_days integer, p_month text)
returns text
language sql stable parallel safe
as $$
  select case
    when coalesce(p_days, 0) = 0 then null
    when p_before = 0 and p_now = 0 then null
    when p_before = 0 then 'Up from none in'
    when p_now = p_before then 'As much as in'
    when abs(p_now - p_before) * 200 < p_before then 'About as much as in'
    else case when p_now > p_before then '+' else '−' end
      || billing.number_text(round(abs(p_now - p_before) * 100.0 / p_before)) || ' % against'
  end || ' the same ' || case p_days when 1 then 'day' else p_days || ' days' end
    || ' of ' || p_month;
$$;
comment on function billing.change_text(bigint, bigint, integer, text) is
'The change against the same days of the previous period, for people; NULL where there is none.';

create function billing.day_word(p_state text, p_is_today boolean) returns text
language sql immutable parallel safe
as $$
  select case p_state
    when 'complete' then 'Complete'
    when 'sealed' then 'Complete, archived'
    when 'open' then case when p_is_today then 'Today so far' else 'Not finished' end
    when 'failed' then 'Counting failed, will be tried again'
    when 'missing' then 'Not counted yet'
    when 'before_start' then 'Before billing began'
  end;
$$;
comment on function billing.day_word(text, boolean) is 'The state of a day for people.';

create function billing.gap_word(p_state text) returns text
language sql immutable parallel safe
as $$
  select case p_state
    when 'failed' then 'Failed'
    when 'missing' then 'Not counted'
    when 'before_start' then 'Before billing'
  end;
$$;
comment on function billing.gap_word(text) is
'What stands in a chart where a day has no number; NULL where it has one.';
