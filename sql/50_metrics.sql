-- 50 · Metrics: what can be counted, and everything that is said of it. No other file, template or
-- program names a metric's label, unit or place: who adds one adds a line here.

set local role billing_owner;

-- name is the column in billing.usage_daily and tenant_usage, json_name the same in JSON and CSV.
-- limit_column is the column of the plan that the period's total is compared with. card is the
-- metric under which a detail is shown; series the place in the chart, 1 to 4, each a panel.
create view billing.metrics with (security_invoker = true) as
select
  m.sort_order,
  m.name,
  m.json_name,
  m.label,
  m.short_label,
  m.unit_singular,
  m.unit,
  m.limit_column,
  lower(left(m.limit_column, 1))
  -- by no language's rules: some take underscores for letters
  || substr(translate(initcap(m.limit_column collate pg_catalog."C"), '_', ''), 2)
    as limit_json_name,
  m.card is null as on_card,
  coalesce(m.card, m.name) as card,
  m.icon,
  m.series,
  m.source,
  m.how_we_count
from (values
  (1, 'sms_outbound_count', 'smsOutboundCount', 'SMS sent', 'SMS', 'message', 'messages',
   'max_sms_per_month', null, 'message', 1, 'messages',
   'Outbound messages by the day they were sent, whatever their length. Inbound messages, MMS and '
   'segments are shown beside them and do not use up the limit.'),
  (2, 'sms_inbound_count', 'smsInboundCount', 'SMS received', 'SMS received', 'message', 'messages',
   null, 'sms_outbound_count', null, null, 'messages',
   'Inbound messages by the day they came in.'),
  (3, 'mms_outbound_count', 'mmsOutboundCount', 'MMS sent', 'MMS sent', 'message', 'messages',
   null, 'sms_outbound_count', null, null, 'messages',
   'Outbound MMS; one that was delivered as SMS counts as SMS.'),
  (4, 'mms_inbound_count', 'mmsInboundCount', 'MMS received', 'MMS received', 'message', 'messages',
   null, 'sms_outbound_count', null, null, 'messages',
   'Inbound MMS by the day they came in.'),
  (5, 'sms_outbound_segments', 'smsOutboundSegments', 'SMS segments sent', 'Segments sent',
   'segment', 'segments', null, 'sms_outbound_count', null, null, 'messages',
   'The parts that the provider charges; 1 until the provider has told.'),
  (6, 'sms_inbound_segments', 'smsInboundSegments', 'SMS segments received',
   'Segments received', 'segment', 'segments', null, 'sms_outbound_count', null, null, 'messages',
   'The parts that the provider charges; 1 until the provider has told.'),
  (7, 'voice_minutes', 'voiceMinutes', 'Voice minutes', 'Voice min', 'minute', 'minutes',
   'max_voice_minutes_per_month', null, 'phone', null, 'calls',
   'Minutes in and out by the day the call began. Every call leg is rounded up to a full minute: '
   'two legs of 80 seconds are 4 minutes.'),
  (8, 'voice_minutes_inbound', 'voiceMinutesInbound', 'Voice minutes inbound', 'Inbound min',
   'minute', 'minutes', null, 'voice_minutes', null, null, 'calls', 'Minutes of inbound legs.'),
  (9, 'voice_minutes_outbound', 'voiceMinutesOutbound', 'Voice minutes outbound', 'Outbound min',
   'minute', 'minutes', null, 'voice_minutes', null, null, 'calls', 'Minutes of outbound legs.'),
  (10, 'voice_seconds_inbound', 'voiceSecondsInbound', 'Voice seconds inbound', 'Inbound sec',
   'second', 'seconds', null, 'voice_minutes', null, null, 'calls',
   'Seconds of inbound legs, not rounded.'),
  (11, 'voice_seconds_outbound', 'voiceSecondsOutbound', 'Voice seconds outbound', 'Outbound sec',
   'second', 'seconds', null, 'voice_minutes', null, null, 'calls',
   'Seconds of outbound legs, not rounded.'),
  (12, 'emails_sent', 'emailsSent', 'E-mails sent', 'E-mails', 'recipient', 'recipients',
   'max_emails_per_month', null, 'mail', null, 'emails',
   'Recipients (To, Cc and Bcc) accepted for sending, by the day of acceptance; bounces included.'),
  (13, 'ai_requests', 'aiRequests', 'AI requests', 'AI', 'request', 'requests',
   'max_ai_requests_per_month', null, 'sparkle', 2, 'ai_requests',
   'Requests that reached the model provider, errors included, by the day they began. One answer '
   'can take several requests.')
) as m (
  sort_order, name, json_name, label, short_label, unit_singular, unit, limit_column, card, icon,
  series, source, how_we_count);
comment on view billing.metrics is
'Every metric: name, JSON name, label, column header, unit (singular and plural), the plan limit '
'it is compared with, whether it has a card or under which card it stands, icon, series of the '
'chart, source table, how it is counted.';

create function billing.metrics_json(
  p_sms_outbound_count bigint, p_sms_inbound_count bigint, p_mms_outbound_count bigint,
  p_mms_inbound_count bigint, p_sms_outbound_segments bigint, p_sms_inbound_segments bigint,
  p_voice_minutes bigint, p_voice_minutes_inbound bigint, p_voice_minutes_outbound bigint,
  p_voice_seconds_inbound bigint, p_voice_seconds_outbound bigint, p_emails_sent bigint,
  p_ai_requests bigint
) returns json
language sql stable parallel safe
as $$
  -- One expression, so that the planner inlines it; the names are those of the list above.
  select json_build_object(
    'smsOutboundCount', p_sms_outbound_count,
    'smsInboundCount', p_sms_inbound_count,
    'mmsOutboundCount', p_mms_outbound_count,
    'mmsInboundCount', p_mms_inbound_count,
    'smsOutboundSegments', p_sms_outbound_segments,
    'smsInboundSegments', p_sms_inbound_segments,
    'voiceMinutes', p_voice_minutes,
    'voiceMinutesInbound', p_voice_minutes_inbound,
    'voiceMinutesOutbound', p_voice_minutes_outbound,
    'voiceSecondsInbound', p_voice_seconds_inbound,
    'voiceSecondsOutbound', p_voice_seconds_outbound,
    'emailsSent', p_emails_sent,
    'aiRequests', p_ai_requests
  );
$$;
comment on function billing.metrics_json is
'The metrics of a day or a period under their JSON names, in the order of billing.metrics.';

-- The known statuses of each source, read from the very functions of file 30 that count, so that no
-- page can say otherwise: each `when p_status in (…) then '…'`, or `= '…'`, is an outcome's words.
create view billing.usage_statuses with (security_invoker = true) as
select
  replace(f.proname, '_outcome', 's') as source,
  w.word[1] as status,
  b.branch[3]::billing.usage_outcome as outcome
from pg_proc as f
cross join lateral regexp_matches(
  f.prosrc, 'when p_status (?:in \(([^)]*)\)|= (''[^'']+''))\s+then ''(\w+)''', 'g') as b (branch)
cross join lateral regexp_matches(
  coalesce(b.branch[1], b.branch[2]), '''([^'']+)''', 'g') as w (word)
where f.pronamespace = 'billing'::regnamespace and f.proname like '%\_outcome'
  and f.prorettype = 'billing.usage_outcome'::regtype;
comment on view billing.usage_statuses is
'Every known status of each source and what a row with it means: counted, not_counted or pending. '
'Test traffic and unknown statuses never count.';
