-- The night's work is a run of its own in the ledger, and a tenant that is added leaves a note.
-- depends: 0009_orphaned_facts

alter table data.usage_runs
add column is_nightly boolean not null default false;
comment on column data.usage_runs.is_nightly is
'The night''s work: a second count of past days, due once a day whoever triggers it.';

-- a row a day at most
-- squawk-ignore require-concurrent-index-creation
create index usage_runs_nights_idx on data.usage_runs (as_of) where is_nightly;

create table data.new_tenants (
  tenant_id uuid not null
);
alter table data.new_tenants enable row level security;
alter table data.new_tenants force row level security;
comment on table data.new_tenants is
'Append-only: tenants that were added. Written with the tenant, taken by the next run, which marks '
'the days of facts that came first.';
comment on column data.new_tenants.tenant_id is 'The tenant that was added.';
