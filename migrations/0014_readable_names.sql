-- Names and e-mail addresses that people can read, and sign in with. Not validated where rows from
-- before break a rule: `billing check` tells then, and an upgrade goes on.
-- depends: 0013_known_devices

alter table data.tenants
add constraint tenants_name_fits check (char_length(name) <= 200) not valid,
-- no controls, no line or paragraph separators, nothing that turns the direction of writing
add constraint tenants_name_is_one_line check (
  name collate "C" !~ '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]') not valid,
-- something is left without white space and what Unicode calls ignorable
add constraint tenants_name_is_visible check (
  name collate "C"
  ~ '[^\s\u0001-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5'
  '\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0'
  '\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]') not valid;

alter table data.users
add constraint users_email_fits check (char_length(email) <= 320) not valid,
add constraint users_email_is_visible check (
  email collate "C"
  !~ '[\s\u0001-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5'
  '\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0'
  '\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]') not valid;

do $$
declare
  v_constraint record;
begin
  for v_constraint in
    select k.conrelid::regclass as table_name, k.conname
    from pg_constraint as k
    where k.conrelid in ('data.tenants'::regclass, 'data.users'::regclass) and not k.convalidated
  loop
    begin
      execute format(
        'alter table %s validate constraint %I', v_constraint.table_name, v_constraint.conname);
    exception when check_violation then
      null;
    end;
  end loop;
end $$;

-- One user per address whatever its case, its Unicode form or the database's collation; the
-- expression is that of billing.email_key. Two of before that are the same now stay.
-- squawk-ignore require-concurrent-index-deletion
drop index data.users_email_key;
do $$
begin
  create unique index users_email_key
  on data.users ((lower(btrim(normalize(email, nfkc)) collate "und-x-icu") collate "C"));
exception when unique_violation then
  create index users_email_key
  on data.users ((lower(btrim(normalize(email, nfkc)) collate "und-x-icu") collate "C"));
end $$;
comment on column data.users.email is
'Name for signing in; unique whatever the case and the Unicode form.';
comment on column data.sign_in_attempts.email_sha256 is
'SHA-256 of the billing.email_key of the e-mail that was tried, known or not.';
