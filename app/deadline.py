"""The end of a request's time with a connection, whatever limits its SQL has lifted."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

from psycopg import AsyncConnection, Error

GRACE = 1.0
"""Seconds from cancelling to hanging up."""


@asynccontextmanager
async def ending(connection: AsyncConnection[Any], seconds: float) -> AsyncGenerator[None]:
    """After so many seconds what runs on the connection is cancelled; what survives that, or comes
    after it, finds the connection gone."""
    clock = asyncio.get_running_loop().time
    watch, end = asyncio.create_task(_end(connection, seconds)), clock() + seconds
    try:
        yield
    finally:
        watch.cancel()
        if clock() >= end:  # a cancel that is under way must not meet the next one's statement
            await connection.close()


async def _end(connection: AsyncConnection[Any], seconds: float) -> None:
    await asyncio.sleep(seconds)
    with suppress(Error):
        await connection.cancel_safe(timeout=GRACE)
    await asyncio.sleep(GRACE)
    # not close(): whoever waits for an answer has to wake up, and does at the end of the stream
    with suppress(Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
