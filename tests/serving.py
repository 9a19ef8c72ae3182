"""The real application behind a real port, for a real browser."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from app import public_url
from app.server import OPTIONS
from app.web import create_app
from tests.checkout import free_port
from tests.server import Db


@contextmanager
def serving(db: Db, **changes: Any) -> Iterator[str]:
    """The application over a test's database; its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    settings = db.settings(port=port, public_url=public_url.parse(address), **changes)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings, ticks=False), port=port, **{**OPTIONS, "log_level": "error"}
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the application did not start"
        assert time.monotonic() < end, "the application never came up"
        time.sleep(0.02)
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(20)
