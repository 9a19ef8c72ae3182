-- 58 · Overview words: what root may ask the overview for, and how its answers read.

set local role billing_owner;

create function billing.column_value(
  p_column text, p_sms_outbound_count bigint, p_voice_minutes bigint, p_emails_sent bigint,
  p_ai_requests bigint
) returns bigint
language sql immutable parallel safe
as $$
  select case p_column
    when 'smsOutboundCount' then p_sms_outbound_count
    when 'voiceMinutes' then p_voice_minutes
    when 'emailsSent' then p_emails_sent
    when 'aiRequests' then p_ai_requests
  end;
$$;
comment on function billing.column_value is
'The figure of a column by its JSON name; NULL for a column that is no metric.';

create function billing.search_key(p_text text) returns text
language sql immutable parallel safe
as $$
  -- Upper case of lower case: ẞ and ß become SS, both forms of a small sigma one, and a dotted or
  -- dotless i an I, in whatever language; ICU's rules and not those of the database's collation.
  -- Plain ASCII, as most names are, gets the same in a twentieth of the time.
  select case
    when octet_length(p_text) = char_length(p_text) then upper(p_text collate "C")
    else normalize(replace(
      upper(lower(normalize(p_text, nfkc) collate "und-x-icu") collate "und-x-icu"),
      u&'I\0307', 'I'), nfc) collate "C"
  end;
$$;
comment on function billing.search_key(text) is
'What two spellings of a text have in common: case, composed or decomposed letters, compatible '
'forms such as full-width ones make no difference, accents do.';

create function billing.overview_metric(p_sort text) returns text
language sql immutable parallel safe
as $$
  select coalesce(
    case when billing.column_value(p_sort, 0, 0, 0, 0) is not null then p_sort end,
    'smsOutboundCount');
$$;
comment on function billing.overview_metric(text) is
'The metric that trend, change and share are shown for: the one that is sorted by, else SMS.';

-- Growth is told from these on, in one place: by a fifth, and by so much that it is not noise.
create function billing.is_growing(p_used bigint, p_before bigint) returns boolean
language sql immutable parallel safe
as $$
  select coalesce(p_used >= p_before * 1.2 and p_used - p_before >= 10, false);
$$;
comment on function billing.is_growing(bigint, bigint) is
'Whether use grew by 20 % and more, and by 10 and more, against the same days before.';

create function billing.growth_text(p_used bigint, p_before bigint) returns text
language sql immutable parallel safe
as $$
  select case
    when p_used is null or p_before is null then null
    when p_used = p_before then '0 %'
    when p_before = 0 then 'new'
    when abs(p_used - p_before) * 100 < p_before then 'about 0 %'
    else case when p_used > p_before then '+' else '−' end
      || billing.number_text(floor(abs(p_used - p_before) * 100.0 / p_before)) || ' %'
  end;
$$;
comment on function billing.growth_text(bigint, bigint) is
'The change of use for people; NULL where there is nothing to compare with.';

create function billing.require_choice(p_what text, p_value text, p_choices text[]) returns void
language plpgsql immutable
as $$
begin
  if p_value is not null and p_value <> all (p_choices) then
    raise exception '%: there is no "%"; choose one of %', p_what, left(p_value, 60),
      array_to_string(p_choices, ', ')
      using errcode = 'invalid_parameter_value';
  end if;
end $$;
comment on function billing.require_choice(text, text, text[]) is
'Error 22023 with the choices there are, unless the value is one of them or NULL.';

create view billing.overview_plans with (security_invoker = true) as
select p.code, p.label, p.sort_order from data.plans as p
union all
select 'none', 'No plan', null;
comment on view billing.overview_plans is
'What one can filter by: every plan, and none for tenants without one. Order by sort_order.';

create function billing.require_overview(
  p_plan text, p_status text, p_show text, p_sort text, p_dir text
) returns void
language plpgsql stable
as $$
begin
  perform billing.require_choice('plan', p_plan, array(
    select p.code from billing.overview_plans as p order by p.sort_order));
  perform billing.require_choice('status', p_status, array['active', 'suspended']);
  perform billing.require_choice('show', p_show, array['over', 'near', 'growing', 'quiet']);
  perform billing.require_choice('sort', p_sort, array(
    select c.name from billing.overview_columns as c order by c.sort_order));
  perform billing.require_choice('dir', p_dir, array['asc', 'desc']);
end $$;
comment on function billing.require_overview(text, text, text, text, text) is
'Error 22023 with a sentence unless every choice is one that there is; NULL is no choice.';

create view billing.overview_columns with (security_invoker = true) as
select c.sort_order, c.name, c.label, c.is_number, c.dir
from (values
  (1, 'tenantName', 'Tenant', false, 'asc'),
  (2, 'plan', 'Plan', false, 'asc'),
  (3, 'status', 'Status', false, 'asc'),
  (1000, 'peakShare', 'Peak of limit', true, 'desc'),
  (1001, 'change', 'Change', true, 'desc')
) as c (sort_order, name, label, is_number, dir)
union all
select 100 + m.sort_order, m.json_name, m.short_label, true, 'desc'
from billing.metrics as m
where m.on_card;
comment on view billing.overview_columns is
'The columns that the overview can be sorted by, and the direction that a first click means.';

create function billing.overview_direction(p_sort text, p_dir text) returns text
language sql stable
as $$
  select coalesce(p_dir, (select c.dir from billing.overview_columns as c where c.name = p_sort));
$$;
comment on function billing.overview_direction(text, text) is
'The direction asked for, else the usual one of the column.';

create function billing.peak_word(p_limit_state text, p_peak_share numeric) returns text
language sql immutable parallel safe
as $$
  select case p_limit_state
    when 'no_plan' then 'No plan'
    when 'unlimited' then 'Unlimited'
    when 'approaching' then 'Near'
    when 'over' then case when p_peak_share > 100 then 'Over' else 'Not in plan' end
  end;
$$;
comment on function billing.peak_word(text, numeric) is
'The worst state of a tenant''s limits for people; NULL within them. A tenant that is within all '
'its limits and over all the same has used something that its plan does not include.';

create function billing.overview_entry(
  p_tenant_id uuid, p_tenant_name text, p_plan_code text, p_plan_label text, p_status text,
  p_sms_outbound_count bigint, p_voice_minutes bigint, p_emails_sent bigint, p_ai_requests bigint,
  p_peak_share numeric, p_limit_state text, p_metric text, p_used bigint, p_used_before bigint
) returns json
language sql immutable parallel safe
as $$
  select json_build_object(
    'tenantId', p_tenant_id,
    'tenantName', p_tenant_name,
    'plan', p_plan_code,
    'planLabel', p_plan_label,
    'status', p_status,
    'totalsForPeriod', json_build_object(
      'smsOutboundCount', p_sms_outbound_count,
      'voiceMinutes', p_voice_minutes,
      'emailsSent', p_emails_sent,
      'aiRequests', p_ai_requests),
    'peakSharePercent', round(p_peak_share, 2),
    'limitState', p_limit_state,
    'change', case when p_used_before is not null then json_build_object(
      'metric', p_metric, 'completeDays', p_used, 'sameDaysBefore', p_used_before) end);
$$;
comment on function billing.overview_entry is
'A tenant in the shape of GET /api/admin/billing/usage/tenants.';

create function billing.share_of_all_text(p_part bigint, p_whole bigint) returns text
language sql immutable parallel safe
as $$
  select case
    when p_part = 0 or p_whole = 0 then '0 %'
    when p_part * 1000.0 < p_whole then 'under 0.1 %'
    else to_char(p_part * 100.0 / p_whole, 'FM990.0') || ' %'
  end;
$$;
comment on function billing.share_of_all_text(bigint, bigint) is
'A part of the platform''s use for people, to a tenth of a percent.';
