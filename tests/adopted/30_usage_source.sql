-- 30 · Usage source: what a row of the shop contributes and why it counts; who its tenants are;
-- what marks late facts.

set local role billing_owner;

-- Which provider status means what (R14); pages read the words here.

create function billing.message_outcome(p_status text, p_is_test boolean)
returns billing.usage_outcome
language sql immutable parallel safe
as $$
  select case
    when p_is_test then 'test'::billing.usage_outcome
    when p_status in ('SUBMITTED', 'DELIVRD', 'UNDELIV', 'SEEN', 'PARTIAL', 'MO') then 'counted'
    when p_status in ('REJECTD', 'WITHDRAWN') then 'not_counted'
    when p_status in ('ENROUTE', 'ACCEPTD', 'TIMED', 'SENDING', 'INCOMING') then 'pending'
    else 'unclassified'
  end;
$$;
comment on function billing.message_outcome(text, boolean) is 'The words of the carrier.';

create function billing.call_outcome(p_status text, p_is_test boolean)
returns billing.usage_outcome
language sql immutable parallel safe
as $$
  select case
    when p_is_test then 'test'::billing.usage_outcome
    when p_status = 'hung-up' then 'counted'
    when p_status in ('engaged', 'broken', 'unanswered', 'abandoned') then 'not_counted'
    when p_status in ('waiting', 'dialling', 'alerting', 'talking') then 'pending'
    else 'unclassified'
  end;
$$;
comment on function billing.call_outcome(text, boolean) is 'The words of the telephone company.';

create function billing.email_outcome(p_status text, p_is_test boolean)
returns billing.usage_outcome
language sql immutable parallel safe
as $$
  select case
    when p_is_test then 'test'::billing.usage_outcome
    when p_status in ('out', 'opened', 'later', 'returned', 'suppressed') then 'counted'
    when p_status in ('refused', 'broken') then 'not_counted'
    when p_status in ('waiting', 'working') then 'pending'
    else 'unclassified'
  end;
$$;
comment on function billing.email_outcome(text, boolean) is 'The words of the mail service.';

create function billing.ai_request_outcome(p_status text, p_is_test boolean)
returns billing.usage_outcome
language sql immutable parallel safe
as $$
  select case
    when p_is_test then 'test'::billing.usage_outcome
    when p_status in ('answered', 'errored') then 'counted'
    when p_status in ('unsent', 'remembered') then 'not_counted'
    when p_status = 'thinking' then 'pending'
    else 'unclassified'
  end;
$$;
comment on function billing.ai_request_outcome(text, boolean) is 'The words of the assistant.';

create view billing.usage_source with (security_invoker = true) as
select
  shop.tenant_of(t.account_no) as tenant_id,
  t.happened_at as occurred_at,
  case
    when t.with_media and t.inbound then 'mms_inbound'::billing.usage_kind
    when t.with_media then 'mms_outbound'
    when t.inbound then 'sms_inbound'
    else 'sms_outbound'
  end as kind,
  billing.message_outcome(t.state, t.sandbox) as outcome,
  1 as units,
  case when t.parts > 0 then t.parts else 1 end::integer as provider_units,
  not t.with_media and coalesce(t.parts, 0) = 0 as is_estimated,
  'messages' as source,
  t.carrier_ref as provider_id,
  t.state as status
from shop.texts as t
union all
select
  shop.tenant_of(e.account_no) as tenant_id,
  e.happened_at as occurred_at,
  case e.topic
    when 'mail' then 'email'::billing.usage_kind
    when 'assistant' then 'ai_request'
    else case when e.inbound then 'voice_inbound'::billing.usage_kind else 'voice_outbound' end
  end as kind,
  case e.topic
    when 'call' then billing.call_outcome(e.state, e.sandbox)
    when 'mail' then billing.email_outcome(e.state, e.sandbox)
    else billing.ai_request_outcome(e.state, e.sandbox)
  end as outcome,
  case e.topic
    when 'call' then ((coalesce(e.amount, 0)::bigint + 59) / 60)::integer
    when 'mail' then coalesce(e.amount, 1)
    else 1
  end as units,
  case e.topic when 'assistant' then 1 else coalesce(e.amount, 0) end as provider_units,
  false as is_estimated,
  case e.topic when 'call' then 'calls' when 'mail' then 'emails' else 'ai_requests' end as source,
  e.ref as provider_id,
  e.state as status
from shop.events as e
where e.topic in ('call', 'mail', 'assistant');
comment on view billing.usage_source is
'A row per source row: whose, when, what kind, whether it counts, how much it contributes.';

-- Tenants: the accounts of the shop as they change; "update shop.accounts set company = company"
-- brings in those that are there already.
create policy aggregator_mirrors_tenants on data.tenants
for all to billing_aggregator using (true) with check (true);
grant insert, update on data.tenants to billing_aggregator;

set local role billing_aggregator;

create function billing.mirror_accounts() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into data.tenants as t (id, status, plan_code, name)
  select
    shop.tenant_of(a.account_no),
    case when a.closed_on is null then 'active' else 'suspended' end::data.tenant_status,
    case a.tier when 'S' then 'starter' when 'M' then 'pro' when 'L' then 'elite' end,
    a.company
  from changed_rows as a
  on conflict (id) do update set
    status = excluded.status, plan_code = excluded.plan_code, name = excluded.name;
  return null;
end $$;
comment on function billing.mirror_accounts() is 'An account of the shop is a tenant.';
grant execute on function billing.mirror_accounts() to billing_owner;

-- Late facts (R3), as in file 29 with the names of the shop.
create function billing.mark_late_facts() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_today constant timestamptz := date_trunc('day', clock_timestamp(), 'UTC');
begin
  if tg_op = 'UPDATE' then
    insert into data.late_day_markers (tenant_id, usage_date)
    select shop.tenant_of(r.account_no), (r.happened_at at time zone 'UTC')::date
    from old_rows as r
    where r.happened_at < v_today
    union
    select shop.tenant_of(r.account_no), (r.happened_at at time zone 'UTC')::date
    from changed_rows as r
    where r.happened_at < v_today;
  else
    insert into data.late_day_markers (tenant_id, usage_date)
    select distinct shop.tenant_of(r.account_no), (r.happened_at at time zone 'UTC')::date
    from changed_rows as r
    where r.happened_at < v_today;
  end if;
  return null;
end $$;
comment on function billing.mark_late_facts() is 'Marks the past days of what changed.';
grant execute on function billing.mark_late_facts() to billing_owner;

set local role billing_owner;

create trigger billing_new_accounts after insert on shop.accounts
referencing new table as changed_rows
for each statement execute function billing.mirror_accounts();
create trigger billing_changed_accounts after update on shop.accounts
referencing new table as changed_rows
for each statement execute function billing.mirror_accounts();

create trigger billing_insert after insert on shop.texts
referencing new table as changed_rows for each statement execute function billing.mark_late_facts();
create trigger billing_delete after delete on shop.texts
referencing old table as changed_rows for each statement execute function billing.mark_late_facts();
create trigger billing_update after update on shop.texts
referencing old table as old_rows new table as changed_rows
for each statement execute function billing.mark_late_facts();
create trigger billing_truncate before truncate on shop.texts
for each statement execute function billing.refuse_truncate();

create trigger billing_insert after insert on shop.events
referencing new table as changed_rows
for each statement execute function billing.mark_late_facts();
create trigger billing_delete after delete on shop.events
referencing old table as changed_rows
for each statement execute function billing.mark_late_facts();
create trigger billing_update after update on shop.events
referencing old table as old_rows new table as changed_rows
for each statement execute function billing.mark_late_facts();
create trigger billing_truncate before truncate on shop.events
for each statement execute function billing.refuse_truncate();

-- Retention (R20) and facts of nobody, as in the file that this one replaces.
set local role billing_aggregator;

create function billing.purge_source_rows(p_from timestamptz, p_until timestamptz) returns bigint
language plpgsql
as $$
begin
  raise exception 'the shop keeps its rows: days are not sealed from here'
    using errcode = 'object_not_in_prerequisite_state';
end $$;
comment on function billing.purge_source_rows(timestamptz, timestamptz) is
'The shop gives up its rows itself, or not at all.';

create function billing.source_tenants() returns setof uuid
language sql stable
as $$
  select shop.tenant_of(a.account_no) from shop.accounts as a;
$$;
comment on function billing.source_tenants() is 'Rows of the shop belong to accounts, always.';
