-- A provider's id begins and ends with a printable character of ASCII (33 to 126) and fits into an
-- index: facts with a blank id would be taken for one, the same id with a blank or an invisible
-- character more for two. And a memory of the ids whose rows were given up: an id is unique for
-- ever (R18).
-- Not valid, so that rows which are there already stop no upgrade; 0016 looks for them.
-- depends: 0014_readable_names

alter table data.messages
add constraint messages_provider_id_visible check (
  ascii(provider_id) between 33 and 126 and ascii(right(provider_id, 1)) between 33 and 126)
not valid,
add constraint messages_provider_id_not_too_long check (octet_length(provider_id) <= 1000)
not valid;
alter table data.calls
add constraint calls_provider_id_visible check (
  ascii(provider_id) between 33 and 126 and ascii(right(provider_id, 1)) between 33 and 126)
not valid,
add constraint calls_provider_id_not_too_long check (octet_length(provider_id) <= 1000)
not valid;
alter table data.emails
add constraint emails_provider_id_visible check (
  ascii(provider_id) between 33 and 126 and ascii(right(provider_id, 1)) between 33 and 126)
not valid,
add constraint emails_provider_id_not_too_long check (octet_length(provider_id) <= 1000)
not valid;
alter table data.ai_requests
add constraint ai_requests_provider_id_visible check (
  ascii(provider_id) between 33 and 126 and ascii(right(provider_id, 1)) between 33 and 126)
not valid,
add constraint ai_requests_provider_id_not_too_long check (octet_length(provider_id) <= 1000)
not valid;

create table data.purged_ids (
  tenant_id uuid not null,
  id_digest uuid not null
);
create index purged_ids_digest_idx on data.purged_ids (id_digest);
alter table data.purged_ids enable row level security;
alter table data.purged_ids force row level security;
comment on table data.purged_ids is
'Append-only: a row per fact that retention gave up, written with the purge, so that a repeated '
'webhook is refused for ever. Some 100 bytes each, the index included.';
comment on column data.purged_ids.tenant_id is 'Whose fact it was.';
comment on column data.purged_ids.id_digest is
'First 128 bits of the SHA-256 of source, tenant and provider id; the id itself is not kept.';
