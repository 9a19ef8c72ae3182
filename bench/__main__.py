"""`make bench`: build a data set, time every case beside its floor, print and keep the ratios.

The floor is count(*) over the same rows in the same block of time: ratios of one run are the
evidence, seconds move with the machine.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app import demo, progress, release
from bench.cases import Bench, Case
from tests.server import Server

HISTORY = Path(__file__).parent / "history"
SERVER = (
    "-h 127.0.0.1 -c logging_collector=off -c log_min_messages=fatal -c shared_buffers=1GB"
    " -c max_wal_size=8GB -c work_mem=32MB -c timezone=UTC"
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench BENCH='…'", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--tenants", type=int, default=500)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--rounds", type=int, default=5, help="of the cases of one day")
    arguments = parser.parse_args()

    server = Server(SERVER)
    try:
        database = server.create("bench")
        release.migrate(database.settings(), lambda _: None)
        with progress.bar("loading days", arguments.days) as advance:
            loaded = demo.load_demo(
                database.conninfo("billing_ingest"),
                tenants=arguments.tenants,
                days=arguments.days,
                events=arguments.events,
                progress=lambda done, total, rows: advance(done, total, f"{rows:,} rows"),
            )
        with database.connect() as connection:
            bench = Bench(connection, loaded.first_day, loaded.last_day)
            cases = bench.run(arguments.rounds)
    finally:
        server.end()
    report(vars(arguments) | {"rows": loaded.rows_inserted}, bench.facts, cases)


def report(size: dict[str, int], facts: dict[str, object], cases: list[Case]) -> None:
    table = Table("", "case", "floor ms", "median ms", "min ms", "ratio", "bar", "aim")
    for case in cases:
        table.add_row(
            case.name,
            case.what,
            f"{statistics.median(case.floor_ms):.1f}",
            f"{statistics.median(case.ms):.1f}",
            f"{min(case.ms):.1f}",
            f"{case.ratio:.2f}",
            str(case.bar),
            str(case.aim),
        )
    console = Console(width=120 if not sys.stdout.isatty() else None)
    console.print(", ".join(f"{value:,} {name}" for name, value in size.items()))
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()))
    console.print(table)

    HISTORY.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    record = {
        "at": now.isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "arch": platform.machine()},
        "size": size,
        "facts": facts,
        "cases": [asdict(case) | {"ratio": case.ratio} for case in cases],
    }
    file = HISTORY / f"{now:%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps(record, indent=2, default=str) + "\n")
    console.print(f"kept in {file.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
