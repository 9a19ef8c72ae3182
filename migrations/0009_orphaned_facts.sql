-- Facts of tenants that nobody knows, as the nightly run found them.
-- depends: 0008_plan_codes

create table data.orphaned_facts (
  tenant_id uuid primary key,
  found_at timestamptz not null,
  occurred_at timestamptz not null,
  source_rows integer not null,
  source text not null,
  provider_id text not null,
  status text
);
alter table data.orphaned_facts enable row level security;
alter table data.orphaned_facts force row level security;
comment on table data.orphaned_facts is
'A row per unknown tenant that has facts, written anew by every nightly run. They are stored, and '
'counted once the tenant is added.';
comment on column data.orphaned_facts.tenant_id is 'The id that is missing in data.tenants.';
comment on column data.orphaned_facts.found_at is 'When the nightly run looked.';
comment on column data.orphaned_facts.occurred_at is 'Instant of its oldest fact.';
comment on column data.orphaned_facts.source_rows is 'Its facts; 1000 means at least so many.';
comment on column data.orphaned_facts.source is 'Source of its oldest fact.';
comment on column data.orphaned_facts.provider_id is 'The provider''s id of its oldest fact.';
comment on column data.orphaned_facts.status is 'Status of its oldest fact.';
