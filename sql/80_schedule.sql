-- 80 · Schedule: the clock ticks in the database. Run by every migrate, so that a job that was
-- lost comes back.

set local role billing_aggregator;
select billing.schedule_jobs();
