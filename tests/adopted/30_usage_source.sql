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

-- In which order they come; final from 10 on. File 31 asks here and in outcome_of.
create function billing.status_rank(p_source text, p_status text) returns integer
language sql immutable parallel safe
as $$
  select case p_source
    when 'messages' then case
      when p_status in ('ACCEPTD', 'TIMED') then 0
      when p_status = 'ENROUTE' then 1
      when p_status in ('SENDING', 'INCOMING') then 2
      when p_status = 'SUBMITTED' then 3
      when p_status in ('DELIVRD', 'UNDELIV', 'REJECTD', 'WITHDRAWN', 'PARTIAL', 'MO') then 10
      when p_status = 'SEEN' then 11
    end
    when 'calls' then case
      when p_status in ('waiting', 'dialling') then 0
      when p_status = 'alerting' then 1
      when p_status = 'talking' then 2
      when p_status in ('hung-up', 'engaged', 'broken', 'unanswered', 'abandoned') then 10
    end
    when 'emails' then case
      when p_status in ('waiting', 'working') then 0
      when p_status = 'out' then 1
      when p_status = 'later' then 2
      when p_status in ('opened', 'returned', 'suppressed', 'refused', 'broken') then 10
    end
    when 'ai_requests' then case
      when p_status = 'thinking' then 0
      when p_status in ('answered', 'errored', 'unsent', 'remembered') then 10
    end
  end;
$$;
comment on function billing.status_rank(text, text) is
'How far a fact of a source has come with a status: final from 10 on, NULL for an unknown one.';

create function billing.outcome_of(p_source text, p_status text) returns billing.usage_outcome
language sql immutable parallel safe
as $$
  select case p_source
    when 'messages' then billing.message_outcome(p_status, false)
    when 'calls' then billing.call_outcome(p_status, false)
    when 'emails' then billing.email_outcome(p_status, false)
    when 'ai_requests' then billing.ai_request_outcome(p_status, false)
  end;
$$;
comment on function billing.outcome_of(text, text) is
'What a status of a source means, test traffic aside.';

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
  v_marked date[];
begin
  if tg_op = 'UPDATE' then
    v_marked := billing.days_to_mark(array(
      select (r.happened_at at time zone 'UTC')::date from old_rows as r
      where r.happened_at >= v_today
      union
      select (r.happened_at at time zone 'UTC')::date from changed_rows as r
      where r.happened_at >= v_today));
    insert into data.late_day_markers (tenant_id, usage_date)
    select shop.tenant_of(r.account_no), (r.happened_at at time zone 'UTC')::date
    from old_rows as r
    where r.happened_at < v_today or (r.happened_at at time zone 'UTC')::date = any (v_marked)
    union
    select shop.tenant_of(r.account_no), (r.happened_at at time zone 'UTC')::date
    from changed_rows as r
    where r.happened_at < v_today or (r.happened_at at time zone 'UTC')::date = any (v_marked);
  else
    v_marked := billing.days_to_mark(array(
      select distinct (r.happened_at at time zone 'UTC')::date from changed_rows as r
      where r.happened_at >= v_today));
    insert into data.late_day_markers (tenant_id, usage_date)
    select distinct shop.tenant_of(r.account_no), (r.happened_at at time zone 'UTC')::date
    from changed_rows as r
    where r.happened_at < v_today or (r.happened_at at time zone 'UTC')::date = any (v_marked);
  end if;
  return null;
end $$;
comment on function billing.mark_late_facts() is
'Marks days of what changed.';
grant execute on function billing.mark_late_facts() to billing_owner;

-- What replication writes fires triggers for each row only.
create function billing.mark_replicated_facts() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into data.late_day_markers (tenant_id, usage_date)
  select shop.tenant_of(r.account_no), (r.happened_at at time zone 'UTC')::date
  from (values (old.account_no, old.happened_at), (new.account_no, new.happened_at))
    as r (account_no, happened_at)
  where r.account_no is not null;
  return null;
end $$;
comment on function billing.mark_replicated_facts() is 'Marks the days of a replicated row.';
grant execute on function billing.mark_replicated_facts() to billing_owner;

-- A status only moves up (R14), as in file 31.
create function billing.keep_text() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_state constant text := billing.settle_status(
    'messages', shop.tenant_of(old.account_no), old.happened_at, old.carrier_ref,
    old.state, new.state);
begin
  if old.parts > 0 and (coalesce(new.parts, 0) = 0 or v_state is distinct from new.state) then
    new.parts := old.parts;
  end if;
  new.state := v_state;
  return new;
end $$;
comment on function billing.keep_text() is 'Keeps a later status, and parts that were told.';
grant execute on function billing.keep_text() to billing_owner;

create function billing.keep_event() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_state constant text := billing.settle_status(
    case old.topic when 'call' then 'calls' when 'mail' then 'emails' else 'ai_requests' end,
    shop.tenant_of(old.account_no), old.happened_at, old.ref, old.state, new.state);
begin
  if new.amount is null or v_state is distinct from new.state then
    new.amount := coalesce(old.amount, new.amount);
  end if;
  new.state := v_state;
  return new;
end $$;
comment on function billing.keep_event() is 'Keeps a later status, and an amount that was told.';
grant execute on function billing.keep_event() to billing_owner;

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
create trigger billing_replicated after insert or update or delete on shop.texts
for each row execute function billing.mark_replicated_facts();
create trigger billing_status before update on shop.texts for each row
when (new.state is distinct from old.state or new.parts is distinct from old.parts)
execute function billing.keep_text();

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
create trigger billing_replicated after insert or update or delete on shop.events
for each row execute function billing.mark_replicated_facts();
create trigger billing_status before update on shop.events for each row
when (new.state is distinct from old.state or new.amount is distinct from old.amount)
execute function billing.keep_event();

-- Whoever makes a partition gives it these triggers. And only the owner of a table says in which
-- role a trigger fires.
set local role billing_aggregator;
grant execute on function billing.mark_replicated_facts() to shop_owner;
grant execute on function billing.keep_event() to shop_owner;
set local role shop_owner;
alter table shop.texts enable always trigger billing_truncate;
alter table shop.texts enable replica trigger billing_replicated;
alter table shop.texts enable always trigger billing_status;
alter table shop.events enable always trigger billing_truncate;
alter table shop.events enable replica trigger billing_replicated;
alter table shop.events enable always trigger billing_status;

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
