"""What others do for the same day: a loop in the application, a plain upsert, a columnar engine."""

import tempfile
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, LiteralString

from bench.counting import count_day, floor, lsn
from bench.data import Connection
from bench.stage import Sessions, Stage
from bench.timing import Case, milliseconds

COUNTED: dict[str, LiteralString] = {
    "messages": "('sent','delivered','undelivered','read','partially_delivered','received')",
    "calls": "('completed')",
    "emails": "('sent','delivered','deferred','bounced','dropped')",
    "ai_requests": "('succeeded','error')",
}
OF_MESSAGES = [("sms", "outbound"), ("sms", "inbound"), ("mms", "outbound"), ("mms", "inbound")]


def loop_queries() -> list[str]:
    """A query per metric, each asked for one tenant and day."""
    asked = [
        ("messages", what, f"channel = '{channel}' and direction = '{direction}'")
        for what in ("count(*)", "coalesce(sum(greatest(coalesce(num_segments, 1), 1)), 0)")
        for channel, direction in OF_MESSAGES
        if channel == "sms" or what == "count(*)"
    ]
    asked += [
        ("calls", f"coalesce(sum({what}), 0)", f"direction = '{direction}'")
        for what in ("(coalesce(duration_seconds, 0) + 59) / 60", "coalesce(duration_seconds, 0)")
        for direction in ("inbound", "outbound")
    ]
    asked += [
        ("emails", "coalesce(sum(recipient_count), 0)", "true"),
        ("ai_requests", "count(*)", "true"),
    ]
    return [
        f"select {what} from data.{table} where tenant_id = %s and occurred_at >= %s"
        f" and occurred_at < %s and status in {COUNTED[table]} and not is_test and {condition}"
        for table, what, condition in asked
    ]


def client_loop(connection: Connection, day: date) -> None:
    """As most applications write it: for each tenant, for each metric; then one upsert."""
    bounds = (f"{day} 00:00+00", f"{day + timedelta(days=1)} 00:00+00")
    queries = [query.encode() for query in loop_queries()]
    names = (
        "sms_outbound_count, sms_inbound_count, mms_outbound_count, mms_inbound_count,"
        " sms_outbound_segments, sms_inbound_segments, voice_minutes_inbound,"
        " voice_minutes_outbound, voice_seconds_inbound, voice_seconds_outbound, emails_sent,"
        " ai_requests"
    )
    updates = ", ".join(f"{name} = excluded.{name}" for name in names.split(", "))
    for (tenant,) in connection.execute("select id from data.tenants").fetchall():
        figures = [
            connection.execute(query, (tenant, *bounds)).fetchall()[0][0] for query in queries
        ]
        connection.execute(
            f"insert into bench.daily (tenant_id, usage_date, {names})"
            f" values ({', '.join(['%s'] * 14)})"
            f" on conflict (tenant_id, usage_date) do update set {updates}".encode(),
            [tenant, day, *figures],
        )


def plain_upsert(connection: Connection, day: date) -> None:
    """Our own counting, written without asking what has changed."""
    connection.execute(
        "insert into bench.daily select %s, f.* from billing.count_usage(%s) as f"
        " on conflict (tenant_id, usage_date) do update set"
        " sms_outbound_count = excluded.sms_outbound_count, emails_sent = excluded.emails_sent,"
        " ai_requests = excluded.ai_requests, counted_rows = excluded.counted_rows",
        [day, day],
    )


def measure(stage: Stage, sessions: Sessions) -> None:
    admin, operator = sessions.of(), sessions.of("billing_operator")
    day = stage.measured_day
    admin.execute(
        "create table bench.daily as select usage_date, (f).* from ("
        " select %s::date as usage_date, x as f from billing.count_usage(%s) as x) as y"
        " with no data",
        [day, day],
    )
    admin.execute("alter table bench.daily add primary key (tenant_id, usage_date)")
    loop = Case("P7", "client loop over tenants × metrics", "P2", 40, 80, "at least")
    loop.values.append(milliseconds(lambda: client_loop(admin, day)))
    loop.floor += next(case for case in stage.cases if case.name == "P2").values
    admin.execute("truncate bench.daily")
    upsert = Case("peer", "plain upsert of an unchanged day", "P1")
    plain_upsert(admin, day)
    before = lsn(admin)
    plain_upsert(admin, day)
    stage.facts["bytes of WAL of a plain upsert of an unchanged day"] = lsn(admin) - before
    for _ in range(stage.sizes.rounds):
        upsert.round(lambda: count_day(operator, day), lambda: plain_upsert(admin, day))
    stage.cases += [loop, upsert]
    columnar(stage, admin, day)


def columnar(stage: Stage, admin: Connection, day: date) -> None:
    """DuckDB with three days around the measured one in memory; reads only."""
    try:
        duckdb: Any = import_module("duckdb")
    except ModuleNotFoundError:
        stage.facts["DuckDB"] = "not installed: pip install -e '.[bench]'"
        return
    near = (f"{day - timedelta(days=1)} 00:00+00", f"{day + timedelta(days=2)} 00:00+00")
    engine = duckdb.connect(config={"threads": 1})
    engine.execute("set timezone = 'UTC'")
    with tempfile.TemporaryDirectory(prefix="billing-bench-") as folder:
        for table in COUNTED:
            file = Path(folder) / f"{table}.csv"
            with (
                file.open("wb") as out,
                admin.cursor().copy(
                    f"copy (select * from data.{table} where occurred_at >= '{near[0]}'"
                    f" and occurred_at < '{near[1]}') to stdout (format csv, header)".encode()
                ) as rows,
            ):
                for block in rows:
                    out.write(block)
            engine.execute(f"create table {table} as from read_csv('{file}')")
    case = Case("peer", "DuckDB in memory, one thread, reading only", "count(*) of the day")
    query = COLUMNAR.format(
        day=f"occurred_at >= timestamptz '{day} 00:00+00'"
        f" and occurred_at < timestamptz '{day + timedelta(days=1)} 00:00+00' and not is_test",
        **COUNTED,
    )
    assert engine.execute(query).fetchall()[0] == totals(admin, day)
    for _ in range(stage.sizes.rounds):
        case.round(
            lambda: floor(admin, day, day + timedelta(days=1)), lambda: engine.execute(query)
        )
    stage.cases.append(case)


def totals(admin: Connection, day: date) -> tuple[int, ...]:
    """So that both engines are known to have counted the same."""
    return admin.execute(
        "select count(*) filter (where f.counted_rows > 0), sum(f.sms_outbound_count)::bigint,"
        " sum(f.voice_minutes_inbound)::bigint, sum(f.emails_sent)::bigint"
        " from billing.count_usage(%s) as f",
        [day],
    ).fetchall()[0]


COLUMNAR = """
select count(*), sum(sms_out)::bigint, sum(minutes_in)::bigint, sum(emails)::bigint
from (
  select tenant_id, sum(sms_out) as sms_out, sum(sms_in) as sms_in, sum(mms_out) as mms_out,
    sum(mms_in) as mms_in, sum(segments_out) as segments_out, sum(segments_in) as segments_in,
    sum(minutes_in) as minutes_in, sum(minutes_out) as minutes_out, sum(seconds_in) as seconds_in,
    sum(seconds_out) as seconds_out, sum(emails) as emails, sum(requests) as requests
  from (
    select tenant_id,
      count(*) filter (where channel = 'sms' and direction = 'outbound') as sms_out,
      count(*) filter (where channel = 'sms' and direction = 'inbound') as sms_in,
      count(*) filter (where channel = 'mms' and direction = 'outbound') as mms_out,
      count(*) filter (where channel = 'mms' and direction = 'inbound') as mms_in,
      sum(num_segments) filter (where channel = 'sms' and direction = 'outbound') as segments_out,
      sum(num_segments) filter (where channel = 'sms' and direction = 'inbound') as segments_in,
      0 as minutes_in, 0 as minutes_out, 0 as seconds_in, 0 as seconds_out, 0 as emails,
      0 as requests
    from messages where {day} and status in {messages} group by tenant_id
    union all
    select tenant_id, 0, 0, 0, 0, 0, 0,
      sum((duration_seconds + 59) // 60) filter (where direction = 'inbound'),
      sum((duration_seconds + 59) // 60) filter (where direction = 'outbound'),
      sum(duration_seconds) filter (where direction = 'inbound'),
      sum(duration_seconds) filter (where direction = 'outbound'), 0, 0
    from calls where {day} and status in {calls} group by tenant_id
    union all
    select tenant_id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, sum(recipient_count), 0
    from emails where {day} and status in {emails} group by tenant_id
    union all
    select tenant_id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, count(*)
    from ai_requests where {day} and status in {ai_requests} group by tenant_id
  ) as x
  group by tenant_id
) as y
"""
