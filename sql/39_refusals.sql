-- 39 · Refusals: what ranges, days and tenants have to be, asked before anything is written.

set local role billing_aggregator;

create function billing.require_range(p_from date, p_until date) returns void
language plpgsql stable
as $$
-- Error 22023 unless [from, until) is a range of 1 to 3660 days.
begin
  if p_from is null or p_until is null or not (isfinite(p_from) and isfinite(p_until)) then
    raise exception 'a range of days needs two dates' using errcode = 'invalid_parameter_value';
  end if;
  if p_from >= p_until then
    raise exception 'the range [%, %) holds no day', to_char(p_from, 'YYYY-MM-DD'),
      to_char(p_until, 'YYYY-MM-DD')
      using errcode = 'invalid_parameter_value',
      hint = 'The end is not part of the range: one day D is (D, D + 1).';
  end if;
  if p_until - p_from > 3660 then
    raise exception 'the range [%, %) has % days, more than 3660 at once',
      to_char(p_from, 'YYYY-MM-DD'), to_char(p_until, 'YYYY-MM-DD'), p_until - p_from
      using errcode = 'invalid_parameter_value';
  end if;
end $$;
comment on function billing.require_range(date, date) is
'Error 22023 unless [from, until) is a range of 1 to 3660 days.';

create function billing.require_unsealed(p_day date) returns void
language plpgsql stable
as $$
declare
  v_sealed_at constant timestamptz := (
    select u.sealed_at from data.usage_days as u where u.usage_date = p_day);
begin
  if v_sealed_at is not null then
    raise exception 'day % is sealed: its source rows were given up on %, its numbers stay',
      to_char(p_day, 'YYYY-MM-DD'), to_char(v_sealed_at at time zone 'UTC', 'YYYY-MM-DD')
      using errcode = 'object_not_in_prerequisite_state';
  end if;
end $$;
comment on function billing.require_unsealed(date) is
'Error 55000 when the day''s source rows were given up.';

create function billing.require_countable(p_from date, p_until date) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
-- Refuse a range [from, until) that cannot be counted whole, before anything is written:
-- 22023 bad range, 22008 future day, 55000 sealed day.
declare
  v_today constant date := billing.utc_day(clock_timestamp());
  v_sealed date;
begin
  if isfinite(p_from) and p_from < p_until and p_until > v_today + 1 then
    raise exception 'day % lies in the future: today is % (UTC)',
      to_char(greatest(p_from, v_today + 1), 'YYYY-MM-DD'), to_char(v_today, 'YYYY-MM-DD')
      using errcode = 'datetime_field_overflow';
  end if;
  perform billing.require_range(p_from, p_until);
  select min(u.usage_date) into v_sealed
  from data.usage_days as u
  where u.usage_date >= p_from and u.usage_date < p_until and u.state = 'sealed';
  perform billing.require_unsealed(v_sealed);
end $$;
comment on function billing.require_countable(date, date) is
'Errors 22023, 22008 or 55000 unless every day of [from, until) can be counted.';

create function billing.require_tenant(p_tenant_id uuid) returns void
language plpgsql stable
as $$
begin
  if not exists (select from data.tenants as t where t.id = p_tenant_id) then
    raise exception 'there is no tenant %', coalesce(p_tenant_id::text, 'NULL')
      using errcode = 'invalid_parameter_value';
  end if;
end $$;
comment on function billing.require_tenant(uuid) is 'Error 22023 unless there is such a tenant.';
