drop index data.billing_usage_daily_usage_date_idx;
create index billing_usage_daily_usage_date_idx on data.billing_usage_daily (usage_date);
