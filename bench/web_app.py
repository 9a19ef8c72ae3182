"""The web application with one more route: a constant after `select 1` in a transaction."""

import os
import sys
from typing import cast

import uvicorn
from litestar import Litestar, Response, get
from psycopg_pool import AsyncConnectionPool

from app import logs, server, web
from app import settings as environment
from app.database import SIZES
from app.hardening import Envelope

CONSTANT = b"x" * int(os.environ.get("BENCH_CONSTANT", "5000"))


def worker() -> Envelope:
    """Same middleware, headers and log line; a plain pool of the same size, nobody's rights."""
    logs.configure()
    settings = environment.load()
    envelope = cast("Envelope", web.create_app(settings, ticks=False))
    pool = AsyncConnectionPool(
        settings.conninfo("tenant"),
        min_size=1,
        max_size=SIZES["tenant"],
        open=False,
        kwargs={"autocommit": True},
    )

    @get("/bench/floor")
    async def floor() -> Response[bytes]:
        await pool.open()  # does nothing once it is
        async with pool.connection() as connection, connection.transaction():
            await (await connection.execute("select 1")).fetchone()
        return Response(CONSTANT, media_type="application/json")

    cast("Litestar", envelope.app).register(floor)
    return envelope


if __name__ == "__main__":
    uvicorn.run(
        "bench.web_app:worker",
        factory=True,
        port=int(sys.argv[1]),
        workers=int(sys.argv[2]),
        **server.OPTIONS,
    )
