-- 30 · Usage source: what one row of each of the host's tables contributes, and why it counts or
-- does not. The only file that knows those tables; a host with others rewrites this file
-- (docs/adopt.md).

set local role billing_owner;

-- Which provider status means what is written here and nowhere else (R14). Exact strings: anything
-- else, another case or NULL is unclassified – stored, not counted, shown. Test traffic never
-- counts (R19). One expression each, so that the planner inlines them; pages read the words here.

create function billing.message_outcome(p_status text, p_is_test boolean)
returns billing.usage_outcome
language sql immutable parallel safe
as $$
  select case
    when p_is_test then 'test'::billing.usage_outcome
    when p_status in ('delivered', 'sent', 'received', 'undelivered', 'read',
                      'partially_delivered') then 'counted'
    when p_status in ('failed', 'canceled') then 'not_counted'
    when p_status in ('queued', 'accepted', 'scheduled', 'sending', 'receiving') then 'pending'
    else 'unclassified'
  end;
$$;
comment on function billing.message_outcome(text, boolean) is
'Counted once delivery was attempted or the message came in.';

create function billing.call_outcome(p_status text, p_is_test boolean)
returns billing.usage_outcome
language sql immutable parallel safe
as $$
  select case
    when p_is_test then 'test'::billing.usage_outcome
    when p_status = 'completed' then 'counted'
    when p_status in ('no-answer', 'busy', 'failed', 'canceled') then 'not_counted'
    when p_status in ('in-progress', 'ringing', 'queued', 'initiated') then 'pending'
    else 'unclassified'
  end;
$$;
comment on function billing.call_outcome(text, boolean) is
'Counted once the leg was connected and has ended.';

create function billing.email_outcome(p_status text, p_is_test boolean)
returns billing.usage_outcome
language sql immutable parallel safe
as $$
  select case
    when p_is_test then 'test'::billing.usage_outcome
    when p_status in ('delivered', 'sent', 'deferred', 'bounced', 'dropped') then 'counted'
    when p_status in ('rejected', 'failed') then 'not_counted'
    when p_status in ('queued', 'processing') then 'pending'
    else 'unclassified'
  end;
$$;
comment on function billing.email_outcome(text, boolean) is
'Counted once accepted for sending, bounces and drops included.';

create function billing.ai_request_outcome(p_status text, p_is_test boolean)
returns billing.usage_outcome
language sql immutable parallel safe
as $$
  select case
    when p_is_test then 'test'::billing.usage_outcome
    when p_status in ('succeeded', 'error') then 'counted'
    when p_status in ('not_sent', 'cached') then 'not_counted'
    when p_status = 'pending' then 'pending'
    else 'unclassified'
  end;
$$;
comment on function billing.ai_request_outcome(text, boolean) is
'Counted once the request reached the model provider, errors included.';

-- In which order statuses come (R14): webhooks overtake each other, and a status only moves up
-- (file 31). From 10 on it is final: the first one stays. Every word above has a place here.
create function billing.status_rank(p_source text, p_status text) returns integer
language sql immutable parallel safe
as $$
  select case p_source
    when 'messages' then case
      when p_status in ('accepted', 'scheduled') then 0
      when p_status = 'queued' then 1
      when p_status in ('sending', 'receiving') then 2
      when p_status = 'sent' then 3
      when p_status in ('delivered', 'undelivered', 'failed', 'canceled', 'partially_delivered',
                        'received') then 10
      when p_status = 'read' then 11
    end
    when 'calls' then case
      when p_status in ('queued', 'initiated') then 0
      when p_status = 'ringing' then 1
      when p_status = 'in-progress' then 2
      when p_status in ('completed', 'busy', 'failed', 'no-answer', 'canceled') then 10
    end
    when 'emails' then case
      when p_status in ('queued', 'processing') then 0
      when p_status = 'sent' then 1
      when p_status = 'deferred' then 2
      when p_status in ('delivered', 'bounced', 'dropped', 'rejected', 'failed') then 10
    end
    when 'ai_requests' then case
      when p_status = 'pending' then 0
      when p_status in ('succeeded', 'error', 'not_sent', 'cached') then 10
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

-- One shape for every source. units is what the kind is counted in (messages, minutes, recipients,
-- requests), provider_units what the provider charges by (segments, seconds); both are what the
-- row contributes if its outcome is counted.
create view billing.usage_source with (security_invoker = true) as
select
  m.tenant_id,
  m.occurred_at,
  case m.channel
    when 'sms' then
      case m.direction
        when 'outbound' then 'sms_outbound'::billing.usage_kind
        else 'sms_inbound'
      end
    else
      case m.direction
        when 'outbound' then 'mms_outbound'::billing.usage_kind
        else 'mms_inbound'
      end
  end as kind,
  billing.message_outcome(m.status, m.is_test) as outcome,
  1 as units,
  -- the provider's value first; NULL or 0 counts 1 until it tells, visible as estimated (R13)
  case when m.num_segments > 0 then m.num_segments else 1 end as provider_units,
  m.channel = 'sms' and coalesce(m.num_segments, 0) = 0 as is_estimated,
  'messages' as source,
  m.provider_id,
  m.status
from data.messages as m
union all
select
  c.tenant_id,
  c.occurred_at,
  case c.direction
    when 'outbound' then 'voice_outbound'::billing.usage_kind
    else 'voice_inbound'
  end as kind,
  billing.call_outcome(c.status, c.is_test) as outcome,
  -- minutes per leg, rounded up (R12); bigint, so that the sum cannot overflow on the way
  ((coalesce(c.duration_seconds, 0)::bigint + 59) / 60)::integer as units,
  coalesce(c.duration_seconds, 0) as provider_units,
  false as is_estimated,
  'calls' as source,
  c.provider_id,
  c.status
from data.calls as c
union all
select
  e.tenant_id,
  e.occurred_at,
  'email'::billing.usage_kind as kind,
  billing.email_outcome(e.status, e.is_test) as outcome,
  e.recipient_count as units,
  e.recipient_count as provider_units,
  false as is_estimated,
  'emails' as source,
  e.provider_id,
  e.status
from data.emails as e
union all
select
  a.tenant_id,
  a.occurred_at,
  'ai_request'::billing.usage_kind as kind,
  billing.ai_request_outcome(a.status, a.is_test) as outcome,
  1 as units,
  1 as provider_units,
  false as is_estimated,
  'ai_requests' as source,
  a.provider_id,
  a.status
from data.ai_requests as a;
comment on view billing.usage_source is
'A row per source row: whose, when, what kind, whether it counts, how much it contributes.';
comment on column billing.usage_source.kind is 'What was used; a row has exactly one kind.';
comment on column billing.usage_source.outcome is
'counted, pending, not_counted, test or unclassified.';
comment on column billing.usage_source.units is
'Messages, minutes, recipients or requests the row contributes if counted.';
comment on column billing.usage_source.provider_units is
'What the provider charges by: segments for messages, seconds for calls.';
comment on column billing.usage_source.is_estimated is
'The provider has not told the segments; taken as 1.';

-- Late facts (R3): file 29 says what the triggers do.
create trigger mark_late_insert after insert on data.messages
referencing new table as changed_rows for each statement execute function billing.mark_late_days();
create trigger mark_late_delete after delete on data.messages
referencing old table as changed_rows for each statement execute function billing.mark_late_days();
create trigger mark_late_update after update on data.messages
referencing old table as old_rows new table as changed_rows
for each statement execute function billing.mark_late_moves();
create trigger refuse_truncate before truncate on data.messages
for each statement execute function billing.refuse_truncate();
alter table data.messages enable always trigger refuse_truncate;

create trigger mark_late_insert after insert on data.calls
referencing new table as changed_rows for each statement execute function billing.mark_late_days();
create trigger mark_late_delete after delete on data.calls
referencing old table as changed_rows for each statement execute function billing.mark_late_days();
create trigger mark_late_update after update on data.calls
referencing old table as old_rows new table as changed_rows
for each statement execute function billing.mark_late_moves();
create trigger refuse_truncate before truncate on data.calls
for each statement execute function billing.refuse_truncate();
alter table data.calls enable always trigger refuse_truncate;

create trigger mark_late_insert after insert on data.emails
referencing new table as changed_rows for each statement execute function billing.mark_late_days();
create trigger mark_late_delete after delete on data.emails
referencing old table as changed_rows for each statement execute function billing.mark_late_days();
create trigger mark_late_update after update on data.emails
referencing old table as old_rows new table as changed_rows
for each statement execute function billing.mark_late_moves();
create trigger refuse_truncate before truncate on data.emails
for each statement execute function billing.refuse_truncate();
alter table data.emails enable always trigger refuse_truncate;

create trigger mark_late_insert after insert on data.ai_requests
referencing new table as changed_rows for each statement execute function billing.mark_late_days();
create trigger mark_late_delete after delete on data.ai_requests
referencing old table as changed_rows for each statement execute function billing.mark_late_days();
create trigger mark_late_update after update on data.ai_requests
referencing old table as old_rows new table as changed_rows
for each statement execute function billing.mark_late_moves();
create trigger refuse_truncate before truncate on data.ai_requests
for each statement execute function billing.refuse_truncate();
alter table data.ai_requests enable always trigger refuse_truncate;

-- Retention (R20): file 49 says when. Policies let the counting role delete rows of sealed days and
-- no others.
set local role billing_aggregator;

create function billing.purge_source_rows(p_from timestamptz, p_until timestamptz) returns bigint
language plpgsql
as $$
declare
  v_purged bigint;
begin
  -- what is remembered of a row is that its id was here (R18, file 32)
  with
  m as (delete from data.messages where occurred_at >= p_from and occurred_at < p_until
        returning 'messages' as source, tenant_id, provider_id),
  c as (delete from data.calls where occurred_at >= p_from and occurred_at < p_until
        returning 'calls' as source, tenant_id, provider_id),
  e as (delete from data.emails where occurred_at >= p_from and occurred_at < p_until
        returning 'emails' as source, tenant_id, provider_id),
  a as (delete from data.ai_requests where occurred_at >= p_from and occurred_at < p_until
        returning 'ai_requests' as source, tenant_id, provider_id)
  insert into data.purged_ids (tenant_id, id_digest)
  select x.tenant_id, billing.id_digest(x.source, x.tenant_id, x.provider_id)
  from (select m.* from m union all select c.* from c union all select e.* from e
        union all select a.* from a) as x;
  get diagnostics v_purged = row_count;
  return v_purged;
end $$;
comment on function billing.purge_source_rows(timestamptz, timestamptz) is
'Delete the source rows of [from, until), a sealed UTC day, and remember their ids; returns how '
'many.';

-- Facts of nobody: whoever has facts, found from tenant to tenant along the indexes that lead with
-- tenant_id, so that the cost grows with the tenants and not with the rows.
create function billing.source_tenants() returns setof uuid
language sql stable
set jit = off
as $$
  with recursive found as (
    (select s.tenant_id from billing.usage_source as s order by s.tenant_id limit 1)
    union all
    select (
      select s.tenant_id from billing.usage_source as s
      where s.tenant_id > f.tenant_id
      order by s.tenant_id limit 1)
    from found as f
    where f.tenant_id is not null
  )
  select f.tenant_id from found as f where f.tenant_id is not null;
$$;
comment on function billing.source_tenants() is 'Every tenant_id that has a source row.';
