-- 20 · Tenancy: who is asking, and which rows each login may touch.
--
-- A setting alone proves nothing: whoever can run SQL can set it. A request transaction therefore
-- begins with billing.enter(token). It sets, for that transaction only, whose session it is, which
-- tenant it claims and a stamp of the transaction; billing.session_of_transaction() believes none
-- of it that a live session does not confirm at that very statement. That function is the seam: a
-- host with an identity system of its own replaces its body and nothing else (docs/security.md).

set local role billing_identity;

-- An actor is a set of columns and not a type: a request that waits while a release is installed
-- goes on with the functions of before, and a type of before would be gone.

create function billing.live_session(
  p_token_sha256 bytea,
  out user_id uuid, out role data.user_role, out tenant_id uuid, out tenant_name text,
  out email text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
-- PL/pgSQL keeps the plan: policies ask several times in a statement. The clock and not now():
-- expiry, sign-out and disabling act at the next statement.
begin
  select u.id, u.role, u.tenant_id, t.name, u.email
  into user_id, role, tenant_id, tenant_name, email
  from data.sessions as s
  join data.users as u on u.id = s.user_id and u.disabled_at is null
  cross join data.settings as c
  left join data.tenants as t on t.id = u.tenant_id
  where s.token_sha256 = p_token_sha256
    and s.revoked_at is null
    and s.expires_at > clock_timestamp()
    and s.last_seen_at > clock_timestamp() - make_interval(mins => c.session_idle_minutes);
end $$;
comment on function billing.live_session(bytea) is
'The user of a live session: not signed out, not expired, not idle too long, user not disabled.';

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
  select s.* into user_id, role, tenant_id, tenant_name, email
  from billing.live_session(v_token_sha256) as s;
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
  out user_id uuid, out role data.user_role, out tenant_id uuid, out tenant_name text,
  out email text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
-- The seam. Who is asking in this transaction, proved now; error 42501 when nobody is.
declare
  v_session constant text := current_setting('app.session', true);
begin
  if coalesce(v_session, '') = '' then
    raise exception 'no session was entered in this transaction'
      using errcode = 'insufficient_privilege', hint = 'select billing.enter(''token'') first.';
  end if;
  if current_setting('app.transaction', true) is distinct from billing.transaction_stamp() then
    raise exception 'the session was entered in another transaction'
      using errcode = 'insufficient_privilege';
  end if;
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    -- under a fixed snapshot signing out would not act at the next statement
    raise exception 'a session is proved under READ COMMITTED only'
      using errcode = 'insufficient_privilege';
  end if;
  if v_session ~ '^[0-9a-f]{64}$' then
    select s.* into user_id, role, tenant_id, tenant_name, email
    from billing.live_session(decode(v_session, 'hex')) as s;
  end if;
  if user_id is null then
    raise exception 'the session is no longer live' using errcode = 'insufficient_privilege';
  end if;
end $$;
comment on function billing.session_of_transaction() is
'The actor of this transaction, proved at this statement; error 42501 when there is none.';

create function billing.current_tenant_id() returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_actor record;
begin
  select s.* into v_actor from billing.session_of_transaction() as s;
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
begin
  if (select s.role from billing.session_of_transaction() as s) is distinct from 'root' then
    raise exception 'root is needed' using errcode = 'insufficient_privilege';
  end if;
  return true;
end $$;
comment on function billing.is_root() is
'True in a transaction that entered a live root session; error 42501 otherwise.';
