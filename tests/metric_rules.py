"""A forgotten step of adding a metric, a limit or a status: the finding that names it, how it is
broken and mended."""

from typing import LiteralString


def rewritten(function: LiteralString, old: LiteralString, new: LiteralString) -> LiteralString:
    """The function as it is, but for a few words."""
    return (
        f"do $do$ begin execute replace(pg_get_functiondef('billing.{function}'::regproc),"
        f" $${old}$$, $${new}$$); end $do$"
    )


def swapped(
    function: LiteralString, old: LiteralString, new: LiteralString
) -> tuple[LiteralString, LiteralString]:
    """Words that stand there once: broken, and mended by the reverse."""
    return rewritten(function, old, new), rewritten(function, new, old)


METRIC_BREAKS: list[tuple[str, LiteralString, LiteralString]] = [
    (
        "column_without_metric",
        "alter table data.billing_usage_daily add column faxes_sent bigint",
        "alter table data.billing_usage_daily drop column faxes_sent",
    ),
    (
        "column_not_counted",
        *swapped("write_day", "ai_requests = excluded.ai_requests", "ai_requests = 0"),
    ),
    (
        "column_not_counted",
        rewritten("changed_usage", "o.emails_sent", "o.ai_requests"),
        rewritten("changed_usage", "o.ai_requests, o.ai_requests", "o.emails_sent, o.ai_requests"),
    ),
    (
        "kind_not_counted",
        rewritten("count_usage", "g.counts_as = 'email'", "g.counts_as = 'ai_request'"),
        rewritten(
            "count_usage",
            "sum(g.units) filter (where g.counts_as = 'ai_request'), 0)::bigint,\n      coalesce("
            "sum(g.units) filter (where g.counts_as = 'ai_request')",
            "sum(g.units) filter (where g.counts_as = 'email'), 0)::bigint,\n      coalesce("
            "sum(g.units) filter (where g.counts_as = 'ai_request')",
        ),
    ),
    (
        "metric_not_explained",
        "do $$ begin execute 'create or replace view billing.metric_kinds with"
        " (security_invoker = true) as ' || replace(pg_get_viewdef('billing.metric_kinds'),"
        " 'ai_requests', 'ai_prompts'); end $$",
        "do $$ begin execute 'create or replace view billing.metric_kinds with"
        " (security_invoker = true) as ' || replace(pg_get_viewdef('billing.metric_kinds'),"
        " 'ai_prompts', 'ai_requests'); end $$",
    ),
    (
        "metric_not_in_view",
        "alter view billing.usage_daily rename column ai_requests to ai_calls",
        "alter view billing.usage_daily rename column ai_calls to ai_requests",
    ),
    (
        "metric_not_in_json",
        *swapped("metrics_json", "'aiRequests'", "'aiCalls'"),
    ),
    (
        "limit_not_compared",
        *swapped("tenant_usage_on", "(u.ai_requests > p.max_ai", "(u.emails_sent > p.max_ai"),
    ),
    (
        "limit_without_metric",
        "alter table data.plans add column max_faxes_per_month bigint",
        "alter table data.plans drop column max_faxes_per_month",
    ),
    (
        "limit_not_in_json",
        *swapped("usage_summary_on", "'maxAiRequestsPerMonth'", "'maxAiCallsPerMonth'"),
    ),
    (
        "metric_not_in_overview",
        *swapped("column_value", "'aiRequests' then", "'aiCalls' then"),
    ),
    (
        "status_not_listed",
        *swapped("ai_request_outcome", "when p_status in", "when lower(p_status) in"),
    ),
]
