-- 32 · Purged ids: a provider's id is unique for ever, also after its row was given up (R18). A
-- repeated webhook would otherwise be a new fact, of a day that still counts.
--
-- While nothing has been given up, the memory has no page, and asking for that is all that a writer
-- pays.

set local role billing_aggregator;

create function billing.id_digest(p_source text, p_tenant_id uuid, p_provider_id text) returns uuid
language sql stable parallel safe
as $$
  select encode(
    substr(sha256(convert_to(p_source || ' ' || p_tenant_id || ' ' || p_provider_id, 'UTF8')), 1, 16),
    'hex')::uuid;
$$;
comment on function billing.id_digest(text, uuid, text) is
'What is remembered of a fact that was given up: 128 bits from which its id cannot be read.';

create function billing.require_new_id(p_source text, p_tenant_id uuid, p_provider_id text)
returns void
language plpgsql stable
as $$
begin
  if exists (
    select from data.purged_ids as p
    where p.id_digest = billing.id_digest(p_source, p_tenant_id, p_provider_id)
      and p.tenant_id = p_tenant_id
  ) then
    raise exception '% % of tenant % was given up with the rows of its day: it is not taken again',
      p_source, p_provider_id, p_tenant_id
      using errcode = 'object_not_in_prerequisite_state',
      hint = 'A provider''s id is unique for ever; this fact is in the numbers already.';
  end if;
end $$;
comment on function billing.require_new_id(text, uuid, text) is
'Error 55000 when the row of this id was given up by retention.';

create function billing.refuse_purged_ids() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
-- the plan is made when the memory is small, and used when it is large
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_id record;
begin
  -- a fixed snapshot does not see what was purged while this statement waited for the row: error
  -- 40001, since sealing writes the row that is locked here
  if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
    perform from data.settings for share;
  end if;
  select r.tenant_id, r.provider_id into v_id
  from changed_rows as r
  join data.purged_ids as p
    on p.id_digest = billing.id_digest(tg_table_name, r.tenant_id, r.provider_id)
    and p.tenant_id = r.tenant_id
  limit 1;
  if found then
    perform billing.require_new_id(tg_table_name, v_id.tenant_id, v_id.provider_id);
  end if;
  return null;
end $$;
comment on function billing.refuse_purged_ids() is
'Statement trigger for INSERT: error 55000 when the row of one of the ids was given up.';

create function billing.refuse_purged_id() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.require_new_id(tg_table_name, new.tenant_id, new.provider_id);
  return null;
end $$;
comment on function billing.refuse_purged_id() is
'Row trigger for a fact that is given another id or tenant: the same.';

grant execute on function billing.refuse_purged_ids() to billing_owner;
grant execute on function billing.refuse_purged_id() to billing_owner;

set local role billing_owner;

create trigger refuse_purged_ids after insert on data.messages
referencing new table as changed_rows for each statement
when (pg_relation_size('data.purged_ids'::regclass) > 0)
execute function billing.refuse_purged_ids();
alter table data.messages enable always trigger refuse_purged_ids;
create trigger refuse_purged_id after update of tenant_id, provider_id on data.messages
for each row when (pg_relation_size('data.purged_ids'::regclass) > 0)
execute function billing.refuse_purged_id();
alter table data.messages enable always trigger refuse_purged_id;

create trigger refuse_purged_ids after insert on data.calls
referencing new table as changed_rows for each statement
when (pg_relation_size('data.purged_ids'::regclass) > 0)
execute function billing.refuse_purged_ids();
alter table data.calls enable always trigger refuse_purged_ids;
create trigger refuse_purged_id after update of tenant_id, provider_id on data.calls
for each row when (pg_relation_size('data.purged_ids'::regclass) > 0)
execute function billing.refuse_purged_id();
alter table data.calls enable always trigger refuse_purged_id;

create trigger refuse_purged_ids after insert on data.emails
referencing new table as changed_rows for each statement
when (pg_relation_size('data.purged_ids'::regclass) > 0)
execute function billing.refuse_purged_ids();
alter table data.emails enable always trigger refuse_purged_ids;
create trigger refuse_purged_id after update of tenant_id, provider_id on data.emails
for each row when (pg_relation_size('data.purged_ids'::regclass) > 0)
execute function billing.refuse_purged_id();
alter table data.emails enable always trigger refuse_purged_id;

create trigger refuse_purged_ids after insert on data.ai_requests
referencing new table as changed_rows for each statement
when (pg_relation_size('data.purged_ids'::regclass) > 0)
execute function billing.refuse_purged_ids();
alter table data.ai_requests enable always trigger refuse_purged_ids;
create trigger refuse_purged_id after update of tenant_id, provider_id on data.ai_requests
for each row when (pg_relation_size('data.purged_ids'::regclass) > 0)
execute function billing.refuse_purged_id();
alter table data.ai_requests enable always trigger refuse_purged_id;
