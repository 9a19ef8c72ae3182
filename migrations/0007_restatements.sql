-- Restatements are written from now on: how many a run made, and the ways to find them.
-- depends: 0006_sessions

alter table data.usage_runs
add column restatements integer not null default 0
constraint usage_runs_restatements_not_negative check (restatements >= 0);
comment on column data.usage_runs.restatements is
'Published numbers that the run changed; each is a row of usage_restatements.';

-- a number that was changed by hand was changed by no run
-- squawk-ignore ban-drop-not-null
alter table data.usage_restatements alter column run_id drop not null;
comment on column data.usage_restatements.run_id is
'The run that changed it; NULL when the row was changed by hand.';

-- nothing has been written to the table before
-- squawk-ignore require-concurrent-index-creation
create index usage_restatements_run_id_idx on data.usage_restatements (run_id);
-- squawk-ignore require-concurrent-index-creation
create index usage_restatements_usage_date_idx on data.usage_restatements (usage_date);
