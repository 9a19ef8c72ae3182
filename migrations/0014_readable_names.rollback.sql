comment on column data.sign_in_attempts.email_sha256 is
'SHA-256 of the lower-case e-mail that was tried, known or not.';
comment on column data.users.email is 'Name for signing in; unique whatever the case.';
drop index data.users_email_key;
create unique index users_email_key on data.users (lower(email));
alter table data.users
drop constraint users_email_is_visible,
drop constraint users_email_fits;
alter table data.tenants
drop constraint tenants_name_is_visible,
drop constraint tenants_name_is_one_line,
drop constraint tenants_name_fits;
