-- 26 · Policies: which rows each login may touch. Policies call functions as `(select f())`, so
-- that they run once per statement.
--
-- An operator that PostgreSQL calls leakproof may be evaluated before a policy, on everybody's
-- rows: whichever of the two is cheaper comes first. What came of it would show, if only in whether
-- the function of the policy was called. So a tenant's policies are `= any(array[…])`, half as dear
-- as the cheapest such operator, and views show columns of these tables only as the result of an
-- operator that is not leakproof (`|| ''`, `+ 0`), which never runs before a policy
-- (docs/decisions/0011-a-condition-that-runs-before-a-policy.md).

set local role billing_aggregator;

create function billing.sealed_days() returns setof date
language sql stable
as $$
  select u.usage_date from data.usage_days as u where u.sealed_at is not null;
$$;
comment on function billing.sealed_days() is 'The UTC days whose source rows were given up.';

set local role billing_owner;

-- Who proves identities reads and writes them, and nobody else does.
create policy identity_reads_tenants on data.tenants
for select to billing_identity using (true);
create policy identity_keeps_users on data.users
for all to billing_identity using (true) with check (true);
create policy identity_keeps_sessions on data.sessions
for all to billing_identity using (true) with check (true);
create policy identity_keeps_attempts on data.sign_in_attempts
for all to billing_identity using (true) with check (true);
create policy identity_keeps_devices on data.known_devices
for all to billing_identity using (true) with check (true);
create policy identity_appends_audit on data.audit_events
for insert to billing_identity with check (true);

-- A tenant page sees its own rows.
create policy tenant_reads_own_tenant on data.tenants
for select to billing_tenant using (id = any(array[(select billing.current_tenant_id())]));
create policy tenant_reads_own_usage on data.billing_usage_daily
for select to billing_tenant using (tenant_id = any(array[(select billing.current_tenant_id())]));
create policy tenant_reads_own_restatements on data.usage_restatements
for select to billing_tenant using (tenant_id = any(array[(select billing.current_tenant_id())]));

-- A root page sees every tenant's, once a root session is proved. `counted_rows >= 0` is true of
-- every row; a policy that says so may use the index of days, which knows no tenants.
create policy root_reads_tenants on data.tenants
for select to billing_root using ((select billing.is_root()));
create policy root_reads_usage on data.billing_usage_daily
for select to billing_root using ((select billing.is_root()) and counted_rows >= 0);
create policy root_reads_restatements on data.usage_restatements
for select to billing_root using ((select billing.is_root()));

-- Counting reads every fact and writes every number.
create policy aggregator_reads_tenants on data.tenants
for select to billing_aggregator using (true);
create policy aggregator_reads_messages on data.messages
for select to billing_aggregator using (true);
create policy aggregator_reads_calls on data.calls
for select to billing_aggregator using (true);
create policy aggregator_reads_emails on data.emails
for select to billing_aggregator using (true);
create policy aggregator_reads_ai_requests on data.ai_requests
for select to billing_aggregator using (true);
-- It takes away rows of sealed days and no others.
create policy aggregator_purges_sealed_messages on data.messages
for delete to billing_aggregator using ((occurred_at at time zone 'UTC')::date in (
  select billing.sealed_days()));
create policy aggregator_purges_sealed_calls on data.calls
for delete to billing_aggregator using ((occurred_at at time zone 'UTC')::date in (
  select billing.sealed_days()));
create policy aggregator_purges_sealed_emails on data.emails
for delete to billing_aggregator using ((occurred_at at time zone 'UTC')::date in (
  select billing.sealed_days()));
create policy aggregator_purges_sealed_ai_requests on data.ai_requests
for delete to billing_aggregator using ((occurred_at at time zone 'UTC')::date in (
  select billing.sealed_days()));
create policy aggregator_writes_usage on data.billing_usage_daily
for all to billing_aggregator using (counted_rows >= 0) with check (true);
create policy aggregator_takes_markers on data.late_day_markers
for all to billing_aggregator using (true) with check (true);
create policy aggregator_takes_new_tenants on data.new_tenants
for all to billing_aggregator using (true) with check (true);
create policy aggregator_remembers_purged_ids on data.purged_ids
for all to billing_aggregator using (true) with check (true);
create policy aggregator_notes_contradicted_facts on data.contradicted_facts
for all to billing_aggregator using (true) with check (true);
create policy aggregator_notes_orphaned_facts on data.orphaned_facts
for all to billing_aggregator using (true) with check (true);
create policy aggregator_appends_restatements on data.usage_restatements
for insert to billing_aggregator with check (true);
create policy aggregator_reads_restatements on data.usage_restatements
for select to billing_aggregator using (true);

-- Writers of facts add them and change what may change; the columns are limited in 70.
create policy ingest_writes_tenants on data.tenants
for all to billing_ingest using (true) with check (true);
create policy ingest_writes_messages on data.messages
for all to billing_ingest using (true) with check (true);
create policy ingest_writes_calls on data.calls
for all to billing_ingest using (true) with check (true);
create policy ingest_writes_emails on data.emails
for all to billing_ingest using (true) with check (true);
create policy ingest_writes_ai_requests on data.ai_requests
for all to billing_ingest using (true) with check (true);
