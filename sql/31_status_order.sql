-- 31 · Status order: webhooks come late and out of order, and a fact's status only moves up (R14),
-- whoever writes it and by whichever statement. File 30 says in which order the statuses come. What
-- a writer tells with a status that is not taken changes nothing that was told before.
--
-- Always, in replica role too: a copy of another database may bring its statuses out of order.

set local role billing_aggregator;

create function billing.settle_status(
  p_source text, p_tenant_id uuid, p_occurred_at timestamptz, p_provider_id text,
  p_old text, p_new text
) returns text
language plpgsql
as $$
-- Which of two statuses a fact has from now on. An unknown word is never lost: it is taken where
-- nothing is decided yet, gives way to any other word, and is noted where something is.
declare
  v_old constant integer := billing.status_rank(p_source, p_old);
  v_new constant integer := billing.status_rank(p_source, p_new);
  v_old_outcome constant billing.usage_outcome := billing.outcome_of(p_source, p_old);
begin
  if p_new is null or p_new = p_old then
    return p_old;
  end if;
  if v_old is null or v_new > v_old or (v_new is null and v_old_outcome = 'pending') then
    return p_new;
  end if;
  -- a final one that comes after another is a contradiction; one that is overtaken is none
  if v_new is null
    or (v_new >= 10 and (v_new = v_old or billing.outcome_of(p_source, p_new) <> v_old_outcome))
  then
    insert into data.contradicted_facts (
      tenant_id, occurred_at, source, provider_id, kept_status, refused_status)
    values (p_tenant_id, p_occurred_at, p_source, p_provider_id, p_old, left(p_new, 200))
    on conflict do nothing;
  end if;
  return p_old;
end $$;
comment on function billing.settle_status(text, uuid, timestamptz, text, text, text) is
'The later one of two statuses of a fact; notes the other one if it contradicts it.';

create function billing.keep_message() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_status constant text := billing.settle_status(
    'messages', old.tenant_id, old.occurred_at, old.provider_id, old.status, new.status);
begin
  -- 0 segments is what a provider says that does not know yet (R13)
  if old.num_segments > 0
    and (coalesce(new.num_segments, 0) = 0 or v_status is distinct from new.status) then
    new.num_segments := old.num_segments;
  end if;
  new.status := v_status;
  return new;
end $$;
comment on function billing.keep_message() is
'Row trigger: keeps a later status, and segments that were told.';

create function billing.keep_call() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_status constant text := billing.settle_status(
    'calls', old.tenant_id, old.occurred_at, old.provider_id, old.status, new.status);
begin
  if new.duration_seconds is null or v_status is distinct from new.status then
    new.duration_seconds := coalesce(old.duration_seconds, new.duration_seconds);
  end if;
  new.status := v_status;
  return new;
end $$;
comment on function billing.keep_call() is
'Row trigger: keeps a later status, and a duration that was told.';

create function billing.keep_email() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_status constant text := billing.settle_status(
    'emails', old.tenant_id, old.occurred_at, old.provider_id, old.status, new.status);
begin
  if v_status is distinct from new.status then
    new.recipient_count := old.recipient_count;
  end if;
  new.status := v_status;
  return new;
end $$;
comment on function billing.keep_email() is
'Row trigger: keeps a later status, and the recipients told with it.';

create function billing.keep_ai_request() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  new.status := billing.settle_status(
    'ai_requests', old.tenant_id, old.occurred_at, old.provider_id, old.status, new.status);
  return new;
end $$;
comment on function billing.keep_ai_request() is 'Row trigger: keeps a later status.';

grant execute on function billing.keep_message() to billing_owner;
grant execute on function billing.keep_call() to billing_owner;
grant execute on function billing.keep_email() to billing_owner;
grant execute on function billing.keep_ai_request() to billing_owner;

set local role billing_owner;

create trigger keep_status before update on data.messages for each row
when (new.status is distinct from old.status or new.num_segments is distinct from old.num_segments)
execute function billing.keep_message();
alter table data.messages enable always trigger keep_status;

create trigger keep_status before update on data.calls for each row
when (
  new.status is distinct from old.status
  or new.duration_seconds is distinct from old.duration_seconds)
execute function billing.keep_call();
alter table data.calls enable always trigger keep_status;

-- recipients alone are told anew; only with a status that is not taken they stay
create trigger keep_status before update on data.emails for each row
when (new.status is distinct from old.status)
execute function billing.keep_email();
alter table data.emails enable always trigger keep_status;

create trigger keep_status before update on data.ai_requests for each row
when (new.status is distinct from old.status)
execute function billing.keep_ai_request();
alter table data.ai_requests enable always trigger keep_status;
