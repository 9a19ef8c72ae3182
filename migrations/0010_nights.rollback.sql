drop table data.new_tenants;
drop index data.usage_runs_nights_idx;
alter table data.usage_runs drop column is_nightly;
