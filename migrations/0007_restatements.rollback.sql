drop index data.usage_restatements_usage_date_idx;
drop index data.usage_restatements_run_id_idx;
delete from data.usage_restatements where run_id is null;
alter table data.usage_restatements alter column run_id set not null;
alter table data.usage_runs drop column restatements;
