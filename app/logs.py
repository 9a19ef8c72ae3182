"""One line of JSON per event, without values that may be secrets or somebody's data."""

import traceback
from typing import Any, cast

import psycopg
import structlog
from structlog.typing import ExcInfo


def configure() -> None:
    """Set up structlog for the web application."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(cast("Any", places)),
            structlog.processors.JSONRenderer(),
        ],
        cache_logger_on_first_use=False,
    )


def places(exc_info: ExcInfo) -> list[str]:
    """What was raised and where, causes last; neither variables nor messages, which quote them."""
    said: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None:
        state = f" {error.sqlstate}" if isinstance(error, psycopg.Error) else ""
        said.append(type(error).__qualname__ + state)
        for frame in traceback.extract_tb(error.__traceback__):
            said.append(f"{frame.filename}:{frame.lineno} {frame.name}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return said
