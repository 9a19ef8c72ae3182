drop table data.purged_ids;
alter table data.messages
drop constraint messages_provider_id_visible, drop constraint messages_provider_id_not_too_long;
alter table data.calls
drop constraint calls_provider_id_visible, drop constraint calls_provider_id_not_too_long;
alter table data.emails
drop constraint emails_provider_id_visible, drop constraint emails_provider_id_not_too_long;
alter table data.ai_requests
drop constraint ai_requests_provider_id_visible,
drop constraint ai_requests_provider_id_not_too_long;
