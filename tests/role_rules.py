"""What breaks each rule about roles and logins, and what mends it."""

from typing import LiteralString

Break = tuple[str, LiteralString, LiteralString]


def granting(rule: str, what: LiteralString, to: LiteralString) -> Break:
    return rule, f"grant {what} to {to}", f"revoke {what} from {to}"


# rule, what breaks it, what mends it
ROLE_BREAKS: list[Break] = [
    (
        "role_missing",
        "alter role billing_auth rename to billing_auth_away",
        "alter role billing_auth_away rename to billing_auth",
    ),
    (
        "role_too_powerful",
        "alter role billing_tenant bypassrls",
        "alter role billing_tenant nobypassrls",
    ),
    (
        "foreign_power",
        "create role passing_backup login bypassrls",
        "drop role passing_backup",
    ),
    granting("login_is_a_member", "billing_aggregator", "billing_tenant"),
    granting("web_login_writes", "delete on data.messages", "billing_tenant"),
    granting("web_login_reads_table", "select on data.users", "billing_root"),
    granting("web_login_reads_table", "select on data.messages", "billing_tenant"),
    granting("web_login_runs_code", "usage on language plpgsql", "public"),
    (
        "parameters_in_log",
        "alter role billing_auth reset log_parameter_max_length",
        "alter role billing_auth set log_parameter_max_length = 0",
    ),
    (
        "temporary_files_unlimited",
        "alter role billing_auth reset temp_file_limit",
        "alter role billing_auth set temp_file_limit = '256MB'",
    ),
    (
        "role_setting_unknown",
        "alter role billing_root set work_mem = '1GB'",
        "alter role billing_root reset work_mem",
    ),
    (
        "role_setting_unknown",  # what is set in one database comes before what is set in all
        "alter role billing_tenant in database postgres set jit = off",
        "alter role billing_tenant in database postgres reset jit",
    ),
    (
        "role_setting_differs",
        "alter role billing_auth set statement_timeout = '50s'",
        "alter role billing_auth set statement_timeout = '5s'",
    ),
    (
        "role_setting_differs",
        "alter role billing_aggregator reset default_transaction_isolation",
        "alter role billing_aggregator set default_transaction_isolation = 'read committed'",
    ),
    granting("web_login_reaches_tables", "usage on schema data", "billing_root"),
    (
        "web_login_has_temp",
        "do $$ begin execute format('grant temporary on database %I to billing_tenant',"
        " current_database()); end $$",
        "do $$ begin execute format('revoke temporary on database %I from billing_tenant',"
        " current_database()); end $$",
    ),
    (
        "web_login_may_disturb",
        "grant execute on function pg_sleep(double precision) to public",
        "revoke execute on function pg_sleep(double precision) from public",
    ),
    granting(
        "web_login_may_disturb",
        "execute on function pg_logical_emit_message(boolean, text, bytea)",
        "billing_tenant",
    ),
]
