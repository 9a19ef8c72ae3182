-- 70 · Grants: every right there is, in one place. What is not written here was taken back in 10.

set local role billing_owner;

grant usage on schema billing to billing_deploy, billing_tenant, billing_root, billing_auth,
  billing_operator, billing_ingest;
revoke create on schema billing from billing_identity, billing_aggregator;

-- identity: proves sessions, keeps users, throttles; audit is appended to and read by nobody here
grant usage on type data.user_role to billing_identity;
grant select on data.tenants, data.settings to billing_identity;
grant select, insert, update on data.users to billing_identity;
grant select, insert, update, delete on data.sessions, data.sign_in_attempts to billing_identity;
grant select, insert, delete on data.known_devices to billing_identity;
grant insert on data.audit_events to billing_identity;
grant select on billing.live_sessions to billing_identity;

-- counting: reads facts, writes numbers; ledgers are appended to, never deleted from
grant select on data.messages, data.calls, data.emails, data.ai_requests, data.tenants,
  data.settings to billing_aggregator;
grant select, insert, delete on data.orphaned_facts, data.new_tenants, data.contradicted_facts
to billing_aggregator;
grant select, insert on data.purged_ids to billing_aggregator;
grant delete on data.messages, data.calls, data.emails, data.ai_requests to billing_aggregator;
grant select, insert, update on data.billing_usage_daily, data.usage_days to billing_aggregator;
grant select, insert on data.usage_runs to billing_aggregator;
grant select, insert on data.usage_restatements to billing_aggregator;
grant select, insert, delete on data.late_day_markers to billing_aggregator;
grant update (billing_from, nightly_hour_utc, nightly_window_days, stale_after_hours,
  raw_retention_days, session_idle_minutes, session_max_hours)
on data.settings to billing_aggregator;
grant select on data.releases, data.applied_migrations to billing_aggregator;
grant usage on sequence data.usage_runs_id_seq, data.billing_usage_daily_id_seq
to billing_aggregator;
grant select on billing.usage_source, billing.metrics, billing.metric_kinds to billing_aggregator;
grant execute on function billing.usage_between(uuid, date, date),
  billing.usage_days_between(date, date), billing.metrics_json
to billing_aggregator;
grant execute on function billing.message_outcome(text, boolean),
  billing.call_outcome(text, boolean), billing.email_outcome(text, boolean),
  billing.ai_request_outcome(text, boolean)
to billing_aggregator, billing_tenant, billing_root, billing_operator, billing_deploy;
grant execute on function billing.status_rank(text, text), billing.outcome_of(text, text)
to billing_aggregator, billing_operator, billing_deploy;

-- tenant pages: views, and the columns beneath them that say nothing about other tenants
grant select on billing.metrics, billing.usage_statuses, billing.usage_calendar,
  billing.usage_daily, billing.usage_periods, billing.tenant_usage, billing.usage_summary,
  billing.usage_restatements, billing.restated_days
to billing_tenant, billing_root;
grant select on data.tenants, data.plans, data.billing_usage_daily, data.usage_restatements
to billing_tenant, billing_root;
grant select (usage_date, state, counted_at) on data.usage_days to billing_tenant, billing_root;
grant select (billing_from, stale_after_hours) on data.settings to billing_tenant, billing_root;
grant execute on function
  billing.usage_period(date, date), billing.period_on(date, timestamptz),
  billing.shown_period(date, timestamptz),
  billing.usage_days_between(date, date), billing.usage_between(uuid, date, date),
  billing.usage_totals(date, date), billing.tenant_usage_on(date, timestamptz),
  billing.share_of_limit(bigint, bigint), billing.near_limit(bigint),
  billing.limit_state(bigint, bigint, boolean),
  billing.number_text(numeric), billing.share_text(numeric), billing.list_text(text[]),
  billing.period_text(date, date), billing.price_text(numeric, text),
  billing.change_text(bigint, bigint, integer, text),
  billing.limit_word(text, bigint, bigint), billing.day_word(text, boolean),
  billing.gap_word(text),
  billing.metrics_json, billing.day_json(date, text, json),
  billing.usage_summary_on(date, timestamptz), billing.usage_csv(uuid, date, timestamptz),
  billing.usage_pace(uuid, date, timestamptz),
  billing.passing_date(date, integer, date, integer, bigint, bigint),
  billing.usage_cards(uuid, date, timestamptz, jsonb),
  billing.usage_chart(uuid, date, text, jsonb),
  billing.usage_notices(uuid, date, date, boolean, jsonb), billing.how_we_count(),
  billing.usage_page(uuid, date, timestamptz)
to billing_tenant, billing_root;

-- root pages: besides, how fresh and whole the numbers are
grant select on billing.usage_health, billing.data_quality, billing.overview_columns,
  billing.overview_plans
to billing_root;
grant execute on function billing.require_choice(text, text, text[]),
  billing.require_overview(text, text, text, text, text),
  billing.search_key(text),
  billing.column_value, billing.overview_metric(text), billing.overview_entry,
  billing.is_growing(bigint, bigint), billing.growth_text(bigint, bigint),
  billing.share_of_all_text(bigint, bigint), billing.peak_word(text, numeric),
  billing.overview_direction(text, text), billing.age_text(interval), billing.health_json(),
  billing.instant_text(timestamptz), billing.health_page(),
  billing.compared_days(date, timestamptz), billing.usage_on_days(text, date[]),
  billing.active_tenants(date, date),
  billing.overview_tenants(
    text, text, text, text, text, text, date, timestamptz, date[], date[]),
  billing.tenants_document(text, text, text, text, text, text, integer, date, timestamptz),
  billing.tenants_table(text, text, text, text, text, text, date, timestamptz),
  billing.overview_page(text, text, text, text, text, text, integer, date, timestamptz)
to billing_root;

-- operator: runs, looks after, touches no table
grant select on billing.findings, billing.isolation_findings, billing.role_findings,
  billing.source_findings, billing.metric_findings,
  billing.usage_health, billing.data_quality, billing.metrics, billing.usage_statuses,
  billing.metric_kinds
to billing_operator;
grant execute on function billing.object_fingerprint(), billing.server_verdict(integer),
  data.role_settings()
to billing_operator;

-- writers of facts: add them, and change only what a provider tells later
grant usage on schema data to billing_ingest;
grant select, insert on data.messages, data.calls, data.emails, data.ai_requests
to billing_ingest;
grant update (status, num_segments) on data.messages to billing_ingest;
grant update (status, duration_seconds) on data.calls to billing_ingest;
grant update (status, recipient_count) on data.emails to billing_ingest;
grant update (status) on data.ai_requests to billing_ingest;
grant select, insert on data.tenants to billing_ingest;
grant update (name, status, plan_code) on data.tenants to billing_ingest;
grant select on data.plans to billing_ingest;

-- deploy: records what it installed, reads what it has to check
grant select on billing.findings, billing.isolation_findings, billing.role_findings,
  billing.source_findings, billing.metric_findings,
  billing.metrics, billing.usage_statuses,
  billing.metric_kinds
to billing_deploy;
grant execute on function billing.object_fingerprint(), billing.server_verdict(integer),
  data.role_settings()
to billing_deploy;

set local role billing_identity;
grant execute on function billing.enter(text), billing.session_of_transaction(),
  billing.current_tenant_id(), billing.is_root() to billing_tenant, billing_root;
grant execute on function billing.begin_sign_in(text, inet, bytea),
  billing.finish_sign_in(bigint, text, bytea, bytea, text), billing.touch_session(text),
  billing.sign_out(text, boolean), billing.record_audit(text, text, uuid, jsonb)
to billing_auth;
grant execute on function billing.add_user(text, text, uuid, text),
  billing.require_new_user(text, text, uuid), billing.require_user(text),
  billing.set_password(text, text), billing.disable_user(text), billing.enable_user(text),
  billing.list_users(),
  billing.issue_session(text, bytea, integer)
to billing_operator;
grant execute on function billing.prune_identity(), billing.is_root(), billing.current_tenant_id()
to billing_aggregator;

set local role billing_aggregator;
grant execute on function billing.utc_day(timestamptz), billing.complete_through(),
  billing.data_age(date, date, timestamptz)
to billing_tenant, billing_root;
grant execute on function billing.utc_day(timestamptz) to billing_operator, billing_deploy;
grant execute on function billing.lock_class(text)
to billing_identity, billing_operator, billing_deploy;
grant execute on function billing.aggregate_as_root(date, date), billing.read_runs(integer),
  billing.read_health(), billing.verification(date, date), billing.verify_usage(date, date),
  billing.questionable_rows(text, integer, bigint), billing.read_data_quality(boolean),
  billing.day_states(date, date), billing.usage_digest(date, date)
to billing_root;
grant execute on function billing.explain_usage(uuid, date, text, text, integer, bigint),
  billing.usage_explanation(uuid, date, text, text, integer, bigint)
to billing_tenant, billing_root;
grant execute on function billing.aggregate_usage(date), billing.aggregate_usage(date, date),
  billing.aggregate_tenant_usage(uuid, date, date), billing.require_countable(date, date),
  billing.run_usage(text, timestamptz), billing.run_nightly(timestamptz), billing.read_health(),
  billing.scheduled_jobs(), billing.counting_failures(),
  billing.verification(date, date),
  billing.verify_usage(date, date), billing.day_states(date, date),
  billing.usage_digest(date, date), billing.rehearse_usage(date, date, uuid),
  billing.explain_usage(uuid, date, text, text, integer, bigint),
  billing.usage_explanation(uuid, date, text, text, integer, bigint),
  billing.questionable_rows(text, integer, bigint), billing.read_data_quality(boolean),
  billing.days_to_seal(), billing.seal_obstacle(date), billing.seal_day(date),
  billing.change_setting(text, text), billing.read_settings(),
  billing.installed_release(), billing.applied_migrations()
to billing_operator;
grant execute on function billing.day_text(date), billing.utc_text(timestamptz)
to billing_operator;
grant execute on function billing.scheduled_jobs() to billing_deploy;
