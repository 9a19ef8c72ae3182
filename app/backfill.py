"""Recounting a range of days on demand, several at a time: what `billing aggregate` calls."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from datetime import date, timedelta
from queue import SimpleQueue
from uuid import UUID

import psycopg

from app.connecting import connect
from app.settings import Settings


def aggregate(
    settings: Settings,
    first: date,
    end: date,
    tenant: UUID | None,
    progress: Callable[[int], None],
    jobs: int = 1,
) -> int:
    """Recount [first, end), oldest first, in so many sessions; returns rows changed.

    The whole range is checked before the first day is written. Each day is a transaction of its
    own: after an error or an interruption the days that are done stay done, and none goes on.
    """
    free = SimpleQueue[psycopg.Connection]()

    def count(day: date) -> int:
        connection = free.get()
        try:
            row = connection.execute(
                "select billing.aggregate_usage(%s)"
                if tenant is None
                else "select billing.aggregate_tenant_usage(%s, %s, %s)",
                [day] if tenant is None else [tenant, day, day + timedelta(days=1)],
            ).fetchone()
            return row[0] if row else 0
        finally:
            free.put(connection)

    days = [first + timedelta(days=number) for number in range((end - first).days)]
    with ExitStack() as stack:
        connections = [
            stack.enter_context(connect(settings.conninfo("operator"), autocommit=True))
            for _ in range(min(jobs, max(1, len(days))))
        ]
        connections[0].execute("select billing.require_countable(%s, %s)", [first, end])
        for connection in connections:
            free.put(connection)
        workers = stack.enter_context(ThreadPoolExecutor(len(connections)))
        counts = [workers.submit(count, day) for day in days]
        try:
            changed = 0
            for done, result in enumerate(as_completed(counts), 1):
                changed += result.result()
                progress(done)
            return changed
        except BaseException:
            workers.shutdown(wait=False, cancel_futures=True)
            for connection in connections:
                connection.cancel_safe()
            raise
