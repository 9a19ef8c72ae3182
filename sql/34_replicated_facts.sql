-- 34 · Replicated facts: what is written in replica role – by logical replication, or by a session
-- with session_replication_role = replica – fires none of the triggers of files 29 and 30, and
-- replication fires no statement trigger at all. Row triggers for that role alone mark every row,
-- whatever its day. And what is refused elsewhere is refused there: triggers that refuse or keep
-- something always fire. A stream that stops is noticed; a wrong number is not.

set local role billing_aggregator;

create function billing.mark_replicated() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    perform billing.require_new_id(tg_table_name, new.tenant_id, new.provider_id);
  end if;
  if tg_op <> 'DELETE' then
    insert into data.late_day_markers (tenant_id, usage_date)
    values (new.tenant_id, (new.occurred_at at time zone 'UTC')::date);
  end if;
  if tg_op <> 'INSERT' then
    insert into data.late_day_markers (tenant_id, usage_date)
    select old.tenant_id, (old.occurred_at at time zone 'UTC')::date
    where case tg_op
      when 'UPDATE' then (old.tenant_id, old.occurred_at) is distinct from
        (new.tenant_id, new.occurred_at)
      -- giving up the rows of a sealed day changes no number (R20)
      else not exists (
        select from data.usage_days as u
        where u.sealed_at is not null
          and u.usage_date = (old.occurred_at at time zone 'UTC')::date)
    end;
  end if;
  return null;
end $$;
comment on function billing.mark_replicated() is
'Row trigger in replica role: marks where the row was and where it is now.';

create function billing.mark_replicated_tenant() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into data.new_tenants (tenant_id) values (new.id);
  return null;
end $$;
comment on function billing.mark_replicated_tenant() is
'Row trigger in replica role: the next run looks for facts that came before the tenant.';

grant execute on function billing.mark_replicated() to billing_owner;
grant execute on function billing.mark_replicated_tenant() to billing_owner;

set local role billing_owner;

create trigger mark_replicated after insert on data.tenants
for each row execute function billing.mark_replicated_tenant();
alter table data.tenants enable replica trigger mark_replicated;

create trigger mark_replicated after insert or update or delete on data.messages
for each row execute function billing.mark_replicated();
alter table data.messages enable replica trigger mark_replicated;
create trigger mark_replicated after insert or update or delete on data.calls
for each row execute function billing.mark_replicated();
alter table data.calls enable replica trigger mark_replicated;
create trigger mark_replicated after insert or update or delete on data.emails
for each row execute function billing.mark_replicated();
alter table data.emails enable replica trigger mark_replicated;
create trigger mark_replicated after insert or update or delete on data.ai_requests
for each row execute function billing.mark_replicated();
alter table data.ai_requests enable replica trigger mark_replicated;
