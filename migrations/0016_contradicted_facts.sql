-- Statuses that came after a final one and were refused. And: facts that 0015 would have refused
-- are looked for; where there are any, `billing check` names the rule and the table.
-- depends: 0015_provider_ids

create table data.contradicted_facts (
  tenant_id uuid not null,
  occurred_at timestamptz not null,
  noted_at timestamptz not null default now(),
  source text not null,
  provider_id text collate "C" not null,
  kept_status text collate "C" not null,
  refused_status text collate "C" not null,
  constraint contradicted_facts_pkey primary key (tenant_id, source, provider_id, refused_status)
);
alter table data.contradicted_facts enable row level security;
alter table data.contradicted_facts force row level security;
comment on table data.contradicted_facts is
'A row per fact and status that came after its final one and says something else. The first stays '
'and counts. Delete a row here once somebody has looked at it.';
comment on column data.contradicted_facts.tenant_id is 'Whose fact.';
comment on column data.contradicted_facts.occurred_at is 'When the fact was.';
comment on column data.contradicted_facts.noted_at is 'When the later status came first.';
comment on column data.contradicted_facts.source is 'Which source the fact is of.';
comment on column data.contradicted_facts.provider_id is 'The provider''s id of the fact.';
comment on column data.contradicted_facts.kept_status is 'The status that it has.';
comment on column data.contradicted_facts.refused_status is 'The status that came later.';

do $$
declare
  v_rule record;
begin
  for v_rule in
    select k.conrelid::regclass as table_name, k.conname
    from pg_constraint as k
    where k.connamespace = 'data'::regnamespace and not k.convalidated
      and k.conname ~ '_provider_id_(visible|not_too_long)$'
  loop
    begin
      execute format('alter table %s validate constraint %I', v_rule.table_name, v_rule.conname);
    exception when check_violation then
      null; -- the rows stay, and so does the finding
    end;
  end loop;
end $$;
