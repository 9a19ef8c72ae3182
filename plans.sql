-- The plans: the only place where a plan's label, price or soft cap is written. Edit the values and
-- run `billing migrate`; a plan that tenants use cannot be taken away.
--
-- Limits are per month and soft: NULL is unlimited, 0 is not included. A price of NULL is shown as
-- "Contact support". Units: SMS messages sent, voice minutes in and out, e-mail recipients, AI
-- requests.

with declared (
  sort_order, code, label, monthly_base_price, currency,
  max_sms_per_month, max_voice_minutes_per_month, max_emails_per_month, max_ai_requests_per_month
) as (
  values
  (1, 'starter', 'Starter', 29.00, 'USD', 500, 250, 2000, 0),
  (2, 'pro', 'Pro', 99.00, 'USD', 2500, 1000, 10000, 500),
  (3, 'elite', 'Elite', 249.00, 'USD', 10000, 5000, 50000, 5000),
  (4, 'agency', 'Agency', null, 'USD', null, null, null, null)
),

gone as (
  delete from data.plans as p
  where not exists (select from declared as d where d.code = p.code)
)

insert into data.plans as p (
  sort_order, code, label, monthly_base_price, currency,
  max_sms_per_month, max_voice_minutes_per_month, max_emails_per_month, max_ai_requests_per_month)
select
  d.sort_order, d.code, d.label, d.monthly_base_price, d.currency,
  d.max_sms_per_month::bigint, d.max_voice_minutes_per_month::bigint,
  d.max_emails_per_month::bigint, d.max_ai_requests_per_month::bigint
from declared as d
on conflict (code) do update set
  sort_order = excluded.sort_order,
  label = excluded.label,
  monthly_base_price = excluded.monthly_base_price,
  currency = excluded.currency,
  max_sms_per_month = excluded.max_sms_per_month,
  max_voice_minutes_per_month = excluded.max_voice_minutes_per_month,
  max_emails_per_month = excluded.max_emails_per_month,
  max_ai_requests_per_month = excluded.max_ai_requests_per_month
where p.* is distinct from excluded.*;
