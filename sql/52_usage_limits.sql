-- 52 · Usage limits: what a total means beside its limit, in numbers and in words. Limits are soft:
-- nothing is ever blocked (R25).

set local role billing_owner;

create function billing.share_of_limit(p_used bigint, p_limit bigint) returns numeric
language sql immutable parallel safe
as $$
  select case when p_limit > 0 then p_used * 100.0 / p_limit end;
$$;
comment on function billing.share_of_limit(bigint, bigint) is
'Percent of the limit, exact; NULL where there is nothing to compare with (unlimited, 0).';

-- The one place with thresholds: approaching from 80 %, over beyond 100 %; 100 % is within. In
-- whole numbers, since the overview compares every tenant with every limit of its plan.
create function billing.near_limit(p_limit bigint) returns bigint
language sql immutable parallel safe
as $$
  select nullif(p_limit, 0) - p_limit / 5;
$$;
comment on function billing.near_limit(bigint) is
'The least use that approaches a limit: 80 % of it, rounded up; NULL for unlimited and for 0.';

create function billing.limit_state(p_used bigint, p_limit bigint, p_has_plan boolean)
returns text
language sql immutable parallel safe
as $$
  select case
    when not p_has_plan then 'no_plan'
    when p_limit is null then 'unlimited'
    when p_used > p_limit then 'over'
    when p_limit = 0 then 'not_included'
    when p_used >= billing.near_limit(p_limit) then 'approaching'
    else 'normal'
  end;
$$;
comment on function billing.limit_state(bigint, bigint, boolean) is
'no_plan, unlimited, not_included (limit 0 and unused), normal, approaching (80 % and more) or '
'over (more than the limit; what is not included and used is over, too).';

create function billing.limit_word(p_state text, p_used bigint, p_limit bigint) returns text
language sql immutable parallel safe
as $$
  select case p_state
    when 'no_plan' then 'No plan'
    when 'unlimited' then 'Unlimited'
    when 'not_included' then 'Not included'
    when 'normal' then 'Within limit'
    when 'approaching' then 'Approaching'
    when 'over' then 'Over by ' || billing.number_text(p_used - p_limit)
  end;
$$;
comment on function billing.limit_word(text, bigint, bigint) is 'The limit''s state for people.';
