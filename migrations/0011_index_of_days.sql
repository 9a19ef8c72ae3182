-- The index of days is for who may read every tenant's daily rows. A partial index serves a query
-- only if its conditions imply the predicate; the policies of those readers have it, a tenant's has
-- not. So no tenant's query looks days up before its policy is asked.
-- depends: 0010_nights

-- squawk-ignore require-concurrent-index-deletion
drop index data.billing_usage_daily_usage_date_idx;
-- squawk-ignore require-concurrent-index-creation
create index billing_usage_daily_usage_date_idx on data.billing_usage_daily (usage_date)
where counted_rows >= 0;
comment on index data.billing_usage_daily_usage_date_idx is
'Daily rows by day, for roles whose policy says `counted_rows >= 0` (sql/26_policies.sql).';
