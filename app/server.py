"""Serving the web application."""

import socket

import uvicorn

from app import logs, startup
from app.errors import REFUSED, Problem
from app.settings import Settings
from app.web import create_app


def serve(settings: Settings) -> None:
    """Listen until told to stop; Problem when the port is taken."""
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
    logs.configure()
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
    )
