"""Serving the web application."""

import socket
from typing import Any

import uvicorn
from litestar.types import ASGIApp

from app import settings as environment
from app import startup
from app.errors import REFUSED, Problem
from app.settings import Settings
from app.web import create_app

OPTIONS: dict[str, Any] = {
    "http": "app.http_protocol:BoundedProtocol",
    "ws": "none",
    "timeout_keep_alive": 5,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,
    "log_level": "warning",
}
"""How uvicorn serves an application of ours, wherever it listens."""


def serve(settings: Settings, workers: int = 1) -> None:
    """Listen until told to stop, in so many processes; Problem when the port is taken.

    Each process has pools of its own: connections to the database grow with their number.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Problem(
                f"Port {settings.port} on {settings.host} cannot be used: {error.strerror}. "
                "Choose another with BILLING_PORT (make run PORT=…)",
                REFUSED,
            ) from None
    startup.require_sound(settings)
    uvicorn.run(
        "app.server:worker",
        factory=True,
        workers=workers,
        host=settings.host,
        port=settings.port,
        **OPTIONS,
    )


def worker() -> ASGIApp:
    """The application of one process, over the database that the environment names."""
    return create_app(environment.load())
