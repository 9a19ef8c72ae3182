"""Parameters that no route can do anything with. One that a route of the API does not have is
refused, too: a misspelt `period` would else be answered with another period's numbers."""

from functools import lru_cache
from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.exceptions import ValidationException


async def require_usable_parameters(
    connection: ASGIConnection[Any, Any, Any, Any], _: object
) -> None:
    """A guard: 422 for a zero byte, which no text of the database can hold, and for a parameter
    that the description of a route of the API does not name."""
    path = connection.scope["path"]
    if path == "/login":
        return  # nothing of it gets to the database: session_routes.own_path judges
    for name, text in connection.query_params.multi_items():
        if "\0" in text:
            raise _refused(name, "no value holds such a character")
    if not path.startswith("/api/"):
        return
    unknown = connection.query_params.keys() - _known(connection.app).get(path, set())
    if unknown:
        raise _refused(min(unknown), "there is no such parameter here")


def _refused(name: str, message: str) -> ValidationException:
    return ValidationException(extra=[{"key": name[:60], "message": message}])


@lru_cache(maxsize=4)
def _known(app: Litestar) -> dict[str, set[str]]:
    """Names of the query parameters by path."""
    return {
        path: {
            parameter["name"]
            for operation in item.values()
            for parameter in operation.get("parameters", [])
        }
        for path, item in app.openapi_schema.to_schema()["paths"].items()
    }
