-- Browsers that have signed in before, and what throttling counts besides.
-- depends: 0011_index_of_days

create table data.known_devices (
  token_sha256 bytea primary key,
  user_id uuid not null references data.users (id),
  signed_in_at timestamptz not null,
  constraint known_devices_token_is_sha256 check (octet_length(token_sha256) = 32)
);
create index known_devices_user_id_idx on data.known_devices (user_id, signed_in_at);
alter table data.known_devices enable row level security;
alter table data.known_devices force row level security;
comment on table data.known_devices is
'Browsers in which a user has signed in: wrong passwords from elsewhere do not keep them out.';
comment on column data.known_devices.token_sha256 is
'SHA-256 of the 256-bit token in the browser''s cookie; another one after each time.';
comment on column data.known_devices.user_id is 'Who signed in there.';
comment on column data.known_devices.signed_in_at is 'When, the last time.';

alter table data.sign_in_attempts
add column network inet,
add column device_sha256 bytea;
-- holds a week of attempts: short enough to be locked for
-- squawk-ignore require-concurrent-index-creation
create index sign_in_attempts_network_idx on data.sign_in_attempts (network, attempted_at);
comment on column data.sign_in_attempts.network is
'The /24 of the address, of IPv6 the /48: what one customer of a provider may have.';
comment on column data.sign_in_attempts.device_sha256 is
'The known device that the attempt came from; NULL for any other.';
