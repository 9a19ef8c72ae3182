"""The second clock: the web application counts what is due when pg_cron did not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from app import usage
from app.database import Database

logger = structlog.get_logger()

PAUSE = 300.0
"""Seconds between two looks at the age of the data."""


@asynccontextmanager
async def ticking(database: Database) -> AsyncGenerator[None]:
    """Count at start and whenever the last run is too long ago, as long as the block lasts."""
    task = asyncio.create_task(_tick(database))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _tick(database: Database) -> None:
    trigger = "web start"
    while True:
        try:
            async with database.operator() as connection:
                overdue = trigger == "web start" or await usage.is_overdue(connection)
            if overdue:
                await _catch_up(database, trigger)
            trigger = "web"
        except (psycopg.Error, PoolTimeout) as error:
            logger.warning("counting_failed", reason=str(error).partition("\n")[0])
        await asyncio.sleep(PAUSE)


async def _catch_up(database: Database, trigger: str) -> None:
    """Call by call, each within its bounds, as long as that brings something forward."""
    before = None
    while True:
        async with database.operator() as connection:
            due = await usage.run(connection, trigger)
        if due in (0, before):
            return
        before = due
