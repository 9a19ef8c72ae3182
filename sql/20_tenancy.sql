-- 20 · Tenancy: who is asking, and whether that is proved.
--
-- A setting alone proves nothing: whoever can run SQL can set it. A request transaction therefore
-- begins with billing.enter(token). It sets, for that transaction only, whose session it is, which
-- tenant it claims and a stamp of the transaction; billing.session_of_transaction() believes none
-- of it that a live session does not confirm at that very statement. That function is the seam: a
-- host with an identity system of its own replaces its body and nothing else (docs/security.md).

set local role billing_owner;

-- The clock and not now(): expiry, sign-out and disabling act at the next statement.
create view billing.live_sessions with (security_invoker = true) as
select s.token_sha256, u.id as user_id, u.role, u.tenant_id, t.name as tenant_name, u.email
from data.sessions as s
join data.users as u on u.id = s.user_id and u.disabled_at is null
cross join data.settings as c
left join data.tenants as t on t.id = u.tenant_id
where s.revoked_at is null
  and s.expires_at > clock_timestamp()
  and s.last_seen_at > clock_timestamp() - make_interval(mins => c.session_idle_minutes);
comment on view billing.live_sessions is
'Sessions not signed out, not expired, not idle too long, their users not disabled.';

set local role billing_identity;

-- An actor is a set of columns and not a type: a request that waits while a release is installed
-- goes on with the functions of before, and a type of before would be gone.

create function billing.transaction_stamp() returns text
language sql stable
as $$
  select pg_catalog.pg_backend_pid() || '/'
    || extract(epoch from pg_catalog.transaction_timestamp());
$$;
comment on function billing.transaction_stamp() is
'Differs from transaction to transaction, so that a context left behind is known as stale.';

create function billing.enter(
  p_token text,
  out user_id uuid, out role data.user_role, out tenant_id uuid, out tenant_name text,
  out email text
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token_sha256 constant bytea := sha256(convert_to(coalesce(p_token, ''), 'UTF8'));
begin
  select s.user_id, s.role, s.tenant_id, s.tenant_name, s.email
  into user_id, role, tenant_id, tenant_name, email
  from billing.live_sessions as s
  where s.token_sha256 = v_token_sha256;
  if user_id is null then
    raise exception 'no live session' using errcode = 'insufficient_privilege';
  end if;
  -- each web login serves one kind of user, whatever the application does
  if session_user = 'billing_tenant' and tenant_id is null then
    raise exception 'a root session has no tenant' using errcode = 'insufficient_privilege';
  end if;
  if session_user = 'billing_tenant' and role not in ('owner', 'admin') then
    raise exception 'owner or admin is needed' using errcode = 'insufficient_privilege';
  end if;
  if session_user = 'billing_root' and role <> 'root' then
    raise exception 'root is needed' using errcode = 'insufficient_privilege';
  end if;
  perform set_config('app.tenant_id', coalesce(tenant_id::text, ''), true),
    set_config('app.session', encode(v_token_sha256, 'hex'), true),
    set_config('app.transaction', billing.transaction_stamp(), true);
end $$;
comment on function billing.enter(text) is
'Begin a request: prove the session of this token for the rest of this transaction. Error 42501 '
'when there is no live session, or when it is of the wrong kind for this login.';

create function billing.session_of_transaction(
  out user_id uuid, out role data.user_role, out tenant_id uuid
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
-- The seam. Who is asking in this transaction, proved now; error 42501 when nobody is. Every policy
-- asks it: PL/pgSQL keeps its plan, and there is one query in it.
declare
  v_session constant text := current_setting('app.session', true);
  v_is_of_now constant boolean :=
    current_setting('app.transaction', true) = billing.transaction_stamp();
  -- under a fixed snapshot signing out would not act at the next statement
  v_is_fresh constant boolean :=
    current_setting('transaction_isolation') in ('read committed', 'read uncommitted');
begin
  -- a regular expression for 64 hexadecimal digits would take a third of the time of the proof
  if v_is_of_now and v_is_fresh and length(v_session) = 64
    and translate(v_session, '0123456789abcdef', '') = '' then
    select s.user_id, s.role, s.tenant_id
    into user_id, role, tenant_id
    from billing.live_sessions as s
    where s.token_sha256 = decode(v_session, 'hex');
  end if;
  if user_id is null then
    raise exception '%', case
        when coalesce(v_session, '') = '' then 'no session was entered in this transaction'
        when v_is_of_now is not true then 'the session was entered in another transaction'
        when not v_is_fresh then 'a session is proved under READ COMMITTED only'
        else 'the session is no longer live'
      end
      using errcode = 'insufficient_privilege', hint = 'select billing.enter(''token'') first.';
  end if;
end $$;
comment on function billing.session_of_transaction() is
'The actor of this transaction, proved at this statement; error 42501 when there is none.';

create function billing.current_tenant_id() returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_actor constant record := billing.session_of_transaction();
begin
  if v_actor.tenant_id is null
    or current_setting('app.tenant_id', true) is distinct from v_actor.tenant_id::text then
    raise exception 'app.tenant_id is not the tenant of this session'
      using errcode = 'insufficient_privilege';
  end if;
  if coalesce(v_actor.role not in ('owner', 'admin'), true) then
    raise exception 'owner or admin is needed' using errcode = 'insufficient_privilege';
  end if;
  return v_actor.tenant_id;
end $$;
comment on function billing.current_tenant_id() is
'The tenant whose rows this transaction may see: the claim app.tenant_id, if the live session of '
'an owner or admin of that very tenant confirms it; error 42501 otherwise.';

create function billing.is_root() returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_actor constant record := billing.session_of_transaction();
begin
  if v_actor.role is distinct from 'root' then
    raise exception 'root is needed' using errcode = 'insufficient_privilege';
  end if;
  return true;
end $$;
comment on function billing.is_root() is
'True in a transaction that entered a live root session; error 42501 otherwise.';
