-- 24 · Users: people who may sign in, looked after by the operator.

set local role billing_identity;

create function billing.add_user(
  p_email text, p_role text, p_tenant_id uuid, p_password_hash text
) returns uuid
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_constraint text;
begin
  if p_tenant_id is not null
    and not exists (select from data.tenants as t where t.id = p_tenant_id) then
    raise exception 'there is no tenant %', p_tenant_id using errcode = 'invalid_parameter_value';
  end if;
  if billing.find_user(p_email) is not null then
    raise unique_violation;
  end if;
  insert into data.users (tenant_id, role, email, password_hash)
  values (p_tenant_id, p_role::data.user_role, normalize(btrim(p_email), nfc), p_password_hash)
  returning id into v_user_id;
  return v_user_id;
exception
  when unique_violation then
    raise exception 'there is a user % already', p_email using errcode = 'duplicate_object';
  when invalid_text_representation then
    raise exception 'there is no role %', p_role
      using errcode = 'invalid_parameter_value', hint = 'One of: root, owner, admin, member.';
  when check_violation or not_null_violation then
    get stacked diagnostics v_constraint = constraint_name;
    raise exception '%', case v_constraint
        when 'users_root_has_no_tenant' then
          case p_role
            when 'root' then 'a root user belongs to no tenant'
            else format('a user of role %s needs a tenant', p_role)
          end
        when 'users_email_fits' then 'an e-mail address has at most 320 characters'
        when 'users_email_is_visible' then
          format('the e-mail address %s contains white space or invisible characters', p_email)
        when 'users_email_has_at' then format('%s is not an e-mail address', p_email)
        else 'an e-mail address and a role are needed'
      end
      using errcode = 'invalid_parameter_value';
end $$;
comment on function billing.add_user(text, text, uuid, text) is
'Add a user. Errors: 42710 there is one, 22023 unknown tenant, bad e-mail address, unknown role, '
'role and tenant that do not fit; each in words of its own.';

create function billing.require_new_user(p_email text, p_role text, p_tenant_id uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- adding is what knows every reason; it is undone
begin
  perform billing.add_user(p_email, p_role, p_tenant_id, '');
  raise exception 'it can be added' using errcode = 'TRIED';
exception when sqlstate 'TRIED' then
  null;
end $$;
comment on function billing.require_new_user(text, text, uuid) is
'The errors of billing.add_user before anybody is asked for a password; adds nobody.';

create function billing.require_user(p_email text) returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id constant uuid := billing.find_user(p_email);
begin
  if v_user_id is null then
    raise exception 'there is no user %', coalesce(p_email, 'NULL')
      using errcode = 'invalid_parameter_value';
  end if;
  return v_user_id;
end $$;
comment on function billing.require_user(text) is 'The user of an e-mail; error 22023 without one.';

create function billing.end_sessions(p_user_id uuid) returns void
language sql
as $$
  update data.sessions as s
  set revoked_at = clock_timestamp()
  where s.user_id = p_user_id and s.revoked_at is null;
  delete from data.known_devices as d where d.user_id = p_user_id;
$$;
comment on function billing.end_sessions(uuid) is
'End every session of a user and forget the devices.';

create function billing.set_password(p_email text, p_password_hash text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id constant uuid := billing.require_user(p_email);
begin
  update data.users as u set password_hash = p_password_hash where u.id = v_user_id;
  perform billing.end_sessions(v_user_id);
end $$;
comment on function billing.set_password(text, text) is
'Give a user another password and end the sessions. Error 22023: no such user.';

create function billing.disable_user(p_email text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id constant uuid := billing.require_user(p_email);
  v_roots uuid[];
begin
  -- locked, so that two of them cannot disable each other at the same time
  select array_agg(r.id) into v_roots
  from (
    select u.id from data.users as u
    where u.role = 'root' and u.disabled_at is null
    order by u.id
    for update
  ) as r;
  if v_roots = array[v_user_id] then
    raise exception 'user % is the last active root user', p_email
      using errcode = 'object_not_in_prerequisite_state',
      hint = 'Add or enable another root user first.';
  end if;
  update data.users as u
  set disabled_at = clock_timestamp()
  where u.id = v_user_id and u.disabled_at is null;
  perform billing.end_sessions(v_user_id);
end $$;
comment on function billing.disable_user(text) is
'Keep a user from signing in and end the sessions. Errors: 22023 no such user, 55000 this is the '
'last active root user.';

create function billing.enable_user(p_email text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update data.users as u set disabled_at = null where u.id = billing.require_user(p_email);
end $$;
comment on function billing.enable_user(text) is
'Let a disabled user sign in again, with the password of before. Error 22023: no such user.';

create function billing.list_users(
  out email text, out role text, out tenant_name text, out tenant_id uuid,
  out created_at timestamptz, out disabled_at timestamptz
)
returns setof record
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select u.email, u.role::text, t.name, u.tenant_id, u.created_at, u.disabled_at
  from data.users as u
  left join data.tenants as t on t.id = u.tenant_id
  order by u.role, t.name, u.email;
$$;
comment on function billing.list_users() is 'Everybody who may or might sign in; no hashes.';

create function billing.issue_session(
  p_email text, p_token_sha256 bytea, p_minutes integer,
  out user_id uuid, out role data.user_role, out tenant_id uuid, out tenant_name text,
  out email text
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform billing.open_session(billing.require_user(p_email), p_token_sha256, p_minutes);
  select s.user_id, s.role, s.tenant_id, s.tenant_name, s.email
  into user_id, role, tenant_id, tenant_name, email
  from billing.live_sessions as s
  where s.token_sha256 = p_token_sha256;
  if user_id is null then
    raise exception 'user % is disabled', p_email using errcode = 'invalid_parameter_value';
  end if;
end $$;
comment on function billing.issue_session(text, bytea, integer) is
'Open a session without a password, for trying things by hand. Error 22023: no such active user.';

create function billing.prune_identity() returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from data.sessions as s where s.expires_at < now() - interval '30 days';
  delete from data.sign_in_attempts as a where a.attempted_at < now() - interval '7 days';
  delete from data.known_devices as d where d.signed_in_at < now() - interval '180 days';
end $$;
comment on function billing.prune_identity() is
'Delete sessions that expired 30 days ago, attempts of 7 days ago and devices of 180 days ago; the '
'nightly run calls it.';
