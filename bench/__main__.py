"""`make bench`: build data sets, time every case beside its floor, print and keep the ratios."""

import sys
import time

from rich.console import Console

from bench import counting, data, growth, ingest, machine, peers, publish, purge, reads, report, web
from bench.sizes import Asked, parse
from bench.stage import OPTIONS, Sessions, Stage
from tests.server import Server


def main() -> None:
    asked = parse()
    begin, console = time.monotonic(), Console(stderr=True)

    def say(what: str) -> None:
        console.print(f"{time.monotonic() - begin:5.0f} s  {what}", highlight=False)

    server = Server(OPTIONS)
    try:
        stage = Stage(server, asked.sizes, say)
        with server.database("postgres").connect() as connection:
            facts = machine.facts(connection)
        try:
            measure(stage, asked)
        except KeyboardInterrupt:
            say("interrupted: what was measured until here")
    finally:
        server.end()
    if not stage.cases and not stage.curves:
        sys.exit(1)
    report.show(stage, facts)
    kept = report.keep(stage, facts, asked.size)
    console.print(f"kept in {kept}", highlight=False)
    if asked.publish:
        publish.publish([kept])
    say("done")
    if stage.failed:
        sys.exit(1)


def measure(stage: Stage, asked: Asked) -> None:
    """Part by part: what one part cannot do does not take the others' figures away."""
    if "counting" in asked.parts:
        with stage.part("counting"):
            events(stage)
    if asked.parts & {"reads", "web"}:
        for tenants in stage.sizes.read_tenants:
            with stage.part(f"pages over {tenants:,} tenants"):
                pages(stage, asked, tenants)
    if "growth" in asked.parts:
        with stage.part("growth"):
            growth.measure(stage)


def pages(stage: Stage, asked: Asked, tenants: int) -> None:
    with reads.filled(stage, tenants) as (database, sessions):
        reads.measure(stage, database, sessions, tenants)
        if "web" in asked.parts and tenants == stage.sizes.read_tenants[0]:
            stage.say("the web application under load")
            web.measure(stage, database, sessions)


def events(stage: Stage) -> None:
    """Everything that is measured over a table of events."""
    sizes = stage.sizes
    stage.say(f"loading {sizes.rows_a_day:,} events × {sizes.days} days")
    database = data.install(stage.server, "events")
    with Sessions(database) as sessions:
        admin = sessions.of()
        data.add_tenants(admin, 1, sizes.tenants)
        with data.loading(admin, *data.TABLES):
            data.add_days(admin, stage.first_day, sizes.days, sizes.rows_a_day, sizes.tenants)
        stage.say("counting")
        counting.measure(stage, sessions)
        counting.sizes_on_disk(stage, admin)
        stage.say("peers")
        peers.measure(stage, sessions)
        stage.say("ingest")
        ingest.measure(stage, sessions)
        stage.say("after a purge")
        purge.measure(stage, sessions)
    stage.server.drop(database)


if __name__ == "__main__":
    main()
