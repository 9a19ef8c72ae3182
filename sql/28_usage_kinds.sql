-- 28 · Usage kinds: what can be used, and whether a row counts. What file 30 translates into.

set local role billing_owner;

create type billing.usage_kind as enum (
  'sms_outbound', 'sms_inbound', 'mms_outbound', 'mms_inbound', 'voice_outbound', 'voice_inbound',
  'email', 'ai_request');
create type billing.usage_outcome as enum (
  'counted', 'pending', 'not_counted', 'test', 'unclassified');

comment on type billing.usage_kind is 'What was used; a source row has exactly one kind.';
comment on type billing.usage_outcome is
'Whether a source row counts; test is sandbox traffic, unclassified a status that nobody knows.';
