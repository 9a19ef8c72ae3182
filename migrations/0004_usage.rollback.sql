drop table data.usage_restatements;
drop table data.late_day_markers;
drop table data.billing_usage_daily;
drop table data.usage_days;
drop table data.usage_runs;
