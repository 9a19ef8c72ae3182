"""P6: what the late-day triggers cost whoever writes events."""

import time
from concurrent.futures import ThreadPoolExecutor

from bench.counting import lsn
from bench.data import Connection
from bench.stage import Sessions, Stage
from bench.timing import Case

CLIENTS, BATCHES, BATCH = 4, 10, 1_000
PREPARE = """
create table bench.batches as
select d.tenant_id, d.occurred_at, 1 as num_segments, 'sms'::data.message_channel as channel,
  'outbound'::data.direction as direction, false as is_test, 'delivered' as status,
  'IN' || d.provider_id as provider_id, n as batch
from generate_series(1, %s) as n
cross join lateral bench.draw(n, now() - interval '1 hour', now(), %s, %s) as d;
create index on bench.batches (batch);
grant usage on schema bench to billing_ingest;
grant select on bench.batches to billing_ingest;
analyze bench.batches
"""
OFF = [("alter table data.messages disable trigger user",)]
USUAL = """
select format('alter table data.messages enable %s trigger %I',
  case tgenabled when 'A' then 'always' when 'R' then 'replica' else '' end, tgname)
from pg_trigger where tgrelid = 'data.messages'::regclass and not tgisinternal
"""
COLUMNS = "tenant_id, occurred_at, num_segments, channel, direction, is_test, status, provider_id"


def measure(stage: Stage, sessions: Sessions) -> None:
    """Rows per second of four clients that commit 1,000 rows at a time, one in 200 of them late."""
    admin = sessions.of()
    clients = [sessions.of("billing_ingest") for _ in range(CLIENTS)]
    for statement, numbers in zip(
        PREPARE.split(";\n"),
        ([CLIENTS * BATCHES, BATCH, stage.sizes.tenants], *[None] * 4),
        strict=True,
    ):
        admin.execute(statement.encode(), numbers)
    case = Case(
        "P6",
        f"ingest, {CLIENTS} clients, {BATCH:,} rows a commit",
        "without our triggers",
        0.85,
        0.95,
        "at least",
        "rows/s",
    )
    written = 0
    usual = admin.execute(USUAL).fetchall()
    for _ in range(stage.sizes.rounds + 1):
        for switches, found in ((OFF, case.floor), (usual, case.values)):
            for (switch,) in switches:
                admin.execute(switch.encode())
            begin, wal = time.perf_counter(), lsn(admin)
            with ThreadPoolExecutor(CLIENTS) as pool:
                list(pool.map(write, clients, range(CLIENTS)))
            found.append(CLIENTS * BATCHES * BATCH / (time.perf_counter() - begin))
            written = lsn(admin) - wal
            admin.execute("delete from data.messages where provider_id like 'IN%'")
            admin.execute("delete from data.late_day_markers")
            admin.execute("vacuum data.messages, data.late_day_markers")
    del case.floor[0], case.values[0]  # the first round warms up
    stage.cases.append(case)
    stage.facts["bytes of WAL per ingested row"] = round(written / (CLIENTS * BATCHES * BATCH))


def write(client: Connection, number: int) -> None:
    for batch in range(BATCHES):
        client.execute(
            f"insert into data.messages ({COLUMNS}) select {COLUMNS} from bench.batches"
            " where batch = %s".encode(),
            [1 + number * BATCHES + batch],
        )
