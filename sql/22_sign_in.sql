-- 22 · Signing in: sessions and throttling. The token itself never reaches a table; passwords
-- reach the database as argon2id hashes only.

set local role billing_identity;

create function billing.email_key(p_email text) returns text
language sql immutable parallel safe
as $$
  -- the expression of the index users_email_key, whatever the database's own collation is
  select lower(btrim(normalize(p_email, nfkc)) collate "und-x-icu") collate "C";
$$;
comment on function billing.email_key(text) is
'What two spellings of one e-mail address have in common: case, Unicode form, width and outer '
'spaces make no difference.';

create function billing.find_user(p_email text) returns uuid
language sql stable
as $$
  select u.id
  from data.users as u
  where billing.email_key(u.email) = billing.email_key(p_email) collate "C"  -- as the index has it
  order by u.created_at, u.id
  limit 1;
$$;
comment on function billing.find_user(text) is
'The user of an e-mail address, or NULL; of two from before addresses were compared like this, the '
'older.';

create function billing.networks_of(
  p_address inet, out address inet, out network inet
)
language sql immutable
as $$
  -- whoever has one IPv6 address has its whole /64, and many have a /48
  select
    case family(p_address) when 6 then network(set_masklen(p_address, 64)) else p_address end,
    network(set_masklen(p_address, case family(p_address) when 6 then 48 else 24 end));
$$;
comment on function billing.networks_of(inet) is
'What throttling counts an address as: itself (IPv6: its /64), and its /24 (IPv6: its /48).';

create function billing.known_device(p_email text, p_device_sha256 bytea) returns bytea
language sql stable
as $$
  select d.token_sha256
  from data.known_devices as d
  join data.users as u on u.id = d.user_id
  where d.token_sha256 = p_device_sha256
    and d.signed_in_at > clock_timestamp() - interval '180 days'
    and u.id = billing.find_user(p_email) and u.disabled_at is null;
$$;
comment on function billing.known_device(text, bytea) is
'The device itself if this user has signed in there within 180 days, else NULL.';

create function billing.begin_sign_in(
  p_email text, p_address inet, p_device_sha256 bytea,
  out attempt_id bigint, out password_hash text, out retry_after_seconds integer
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Every attempt is written down as failed before its password is looked at, so that guesses made
-- side by side count, too. In 15 minutes an account has 5 failures from wherever it has not signed
-- in yet, an address (IPv6: /64) 30, its network (/24, IPv6: /48) 150. A device where the user has
-- signed in has 5 of its own instead: neither can others use it up, nor does it add to theirs.
declare
  v_email_sha256 constant bytea := sha256(convert_to(billing.email_key(p_email), 'UTF8'));
  v_since constant timestamptz := clock_timestamp() - interval '15 minutes';
  v_from constant record := billing.networks_of(p_address);
  v_device constant bytea := billing.known_device(p_email, p_device_sha256);
begin
  perform
    pg_advisory_xact_lock(billing.lock_class('sign-in'), hashtext(billing.email_key(p_email))),
    pg_advisory_xact_lock(billing.lock_class('address'), hashtext(v_from.network::text));
  select ceil(extract(epoch from max(x.attempted_at) - v_since))::integer
  into retry_after_seconds
  from (
    (select a.attempted_at
     from data.sign_in_attempts as a
     where a.email_sha256 = v_email_sha256 and not a.succeeded and a.attempted_at > v_since
       and a.device_sha256 is not distinct from v_device
     order by a.attempted_at desc offset 4 limit 1)
    union all
    (select a.attempted_at
     from data.sign_in_attempts as a
     where v_device is null and a.address = v_from.address
       and not a.succeeded and a.attempted_at > v_since
     order by a.attempted_at desc offset 29 limit 1)
    union all
    (select a.attempted_at
     from data.sign_in_attempts as a
     where v_device is null and a.network = v_from.network
       and not a.succeeded and a.attempted_at > v_since
     order by a.attempted_at desc offset 149 limit 1)
  ) as x;
  if retry_after_seconds is not null then
    return;
  end if;
  insert into data.sign_in_attempts (
    attempted_at, address, network, succeeded, email_sha256, device_sha256)
  values (
    clock_timestamp(), v_from.address, v_from.network, false, v_email_sha256, v_device)
  returning id into attempt_id;
  select u.password_hash into password_hash
  from data.users as u
  where u.id = billing.find_user(p_email) and u.disabled_at is null;
end $$;
comment on function billing.begin_sign_in(text, inet, bytea) is
'Enter an attempt to sign in, from a device with this token or NULL. retry_after_seconds: '
'throttled, nothing else is told. Otherwise the hash to check the password against, NULL for an '
'unknown or disabled user.';

create function billing.finish_sign_in(
  p_attempt_id bigint, p_email text, p_token_sha256 bytea, p_device_sha256 bytea,
  p_new_password_hash text,
  out user_id uuid, out role data.user_role, out tenant_id uuid, out tenant_name text,
  out email text
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- The password was right: mark the attempt, renew the hash if its parameters are outdated, open a
-- session, know the device by its new token. The attempt has to be this e-mail's own.
declare
  v_user_id uuid;
  v_device bytea;
begin
  update data.sign_in_attempts as a
  set succeeded = true
  where a.id = p_attempt_id and not a.succeeded
    and a.email_sha256 = sha256(convert_to(billing.email_key(p_email), 'UTF8'))
  returning a.device_sha256 into v_device;
  if not found then
    raise exception 'there is no such attempt' using errcode = 'insufficient_privilege';
  end if;
  update data.users as u
  set password_hash = coalesce(p_new_password_hash, u.password_hash)
  where u.id = billing.find_user(p_email) and u.disabled_at is null
  returning u.id into v_user_id;
  if v_user_id is null then
    return;
  end if;
  perform billing.open_session(v_user_id, p_token_sha256, null),
    billing.know_device(v_user_id, v_device, p_device_sha256);
  select s.user_id, s.role, s.tenant_id, s.tenant_name, s.email
  into user_id, role, tenant_id, tenant_name, email
  from billing.live_sessions as s
  where s.token_sha256 = p_token_sha256;
end $$;
comment on function billing.finish_sign_in(bigint, text, bytea, bytea, text) is
'Open a session after the password was checked, and know the device by p_device_sha256 since; '
'returns who signed in, or NULLs when the user was disabled meanwhile.';

create function billing.know_device(p_user_id uuid, p_before bytea, p_now bytea) returns void
language sql
as $$
  -- ten at most: each may guess
  delete from data.known_devices as d
  where d.token_sha256 = p_before or d.token_sha256 in (
    select e.token_sha256 from data.known_devices as e
    where e.user_id = p_user_id and e.token_sha256 is distinct from p_before
    order by e.signed_in_at desc offset 9);
  insert into data.known_devices (token_sha256, user_id, signed_in_at)
  values (p_now, p_user_id, clock_timestamp());
$$;
comment on function billing.know_device(uuid, bytea, bytea) is
'Note that a user signed in on a device: a new token for the one of before, NULL if it was not '
'known. Of more than ten, those of longest ago are forgotten.';

create function billing.open_session(
  p_user_id uuid, p_token_sha256 bytea, p_minutes integer
) returns void
language sql
as $$
  insert into data.sessions (token_sha256, user_id, created_at, last_seen_at, expires_at)
  select p_token_sha256, p_user_id, n.now, n.now,
    n.now + coalesce(make_interval(mins => p_minutes), make_interval(hours => c.session_max_hours))
  from data.settings as c
  cross join (select clock_timestamp() as now) as n;
$$;
comment on function billing.open_session(uuid, bytea, integer) is
'Open a session for some minutes, or for settings.session_max_hours.';

create function billing.touch_session(
  p_token text,
  out user_id uuid, out role data.user_role, out tenant_id uuid, out tenant_name text,
  out email text
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
-- Written at most once a minute: reading pages must not turn into a stream of writes.
declare
  v_token_sha256 constant bytea := sha256(convert_to(coalesce(p_token, ''), 'UTF8'));
begin
  select s.user_id, s.role, s.tenant_id, s.tenant_name, s.email
  into user_id, role, tenant_id, tenant_name, email
  from billing.live_sessions as s
  where s.token_sha256 = v_token_sha256;
  if user_id is not null then
    update data.sessions as s
    set last_seen_at = clock_timestamp()
    where s.token_sha256 = v_token_sha256
      and s.last_seen_at < clock_timestamp() - interval '1 minute';
  end if;
end $$;
comment on function billing.touch_session(text) is
'Note that the session is in use, so that it does not end idle; returns whose it is, or NULLs.';

create function billing.sign_out(p_token text, p_everywhere boolean) returns integer
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  with own as (
    select s.user_id, s.token_sha256
    from data.sessions as s
    where s.token_sha256 = sha256(convert_to(coalesce(p_token, ''), 'UTF8'))
      and s.revoked_at is null
  ),
  forgotten as (
    delete from data.known_devices as d
    using own as o
    where p_everywhere and d.user_id = o.user_id
  ),
  ended as (
    update data.sessions as s
    set revoked_at = clock_timestamp()
    from own as o
    where s.revoked_at is null
      and (s.token_sha256 = o.token_sha256 or (p_everywhere and s.user_id = o.user_id))
    returning 1
  )
  select count(*)::integer from ended;
$$;
comment on function billing.sign_out(text, boolean) is
'End the session of this token, or every session of its user and forget the devices; returns '
'sessions ended.';

create function billing.record_audit(
  p_token text, p_event text, p_tenant_id uuid, p_detail jsonb
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_actor record;
begin
  select s.user_id, s.role, s.tenant_id into v_actor
  from billing.live_sessions as s
  where s.token_sha256 = sha256(convert_to(coalesce(p_token, ''), 'UTF8'));
  if v_actor.user_id is null then
    raise exception 'no live session' using errcode = 'insufficient_privilege';
  end if;
  if v_actor.role <> 'root' and p_tenant_id <> v_actor.tenant_id then
    raise exception 'this is not the tenant of the session' using errcode = 'insufficient_privilege';
  end if;
  insert into data.audit_events (occurred_at, actor_id, tenant_id, event, detail)
  values (clock_timestamp(), v_actor.user_id, p_tenant_id, p_event, coalesce(p_detail, '{}'));
end $$;
comment on function billing.record_audit(text, text, uuid, jsonb) is
'Append an audit row for the user of a live session, about the own tenant unless it is root.';
