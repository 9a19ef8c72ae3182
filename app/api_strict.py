"""Parameters that no route can do anything with. One that a route of the API does not have is
refused, too: a misspelt `period` would else be answered with another period's numbers. And one that
is given twice: whichever of the two counted, the other was meant, too."""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.exceptions import ValidationException

MOST_PARAMETERS = 50


async def require_usable_parameters(
    connection: ASGIConnection[Any, Any, Any, Any], _: object
) -> None:
    """A guard: 422 for a parameter given twice, for a zero byte, which no text of the database can
    hold, and for a parameter that the description of a route of the API does not name."""
    path = connection.scope["path"]
    if connection.scope["query_string"].count(b"&") >= MOST_PARAMETERS:
        raise _refused("address", f"it has more than {MOST_PARAMETERS} parameters")
    require_each_once(name for name, _ in connection.query_params.multi_items())
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


def require_each_once(names: Iterable[str]) -> None:
    """422 for a parameter, a field of a form or a name in JSON that is given more than once."""
    for name, number in Counter(names).items():
        if number > 1:
            raise _refused(name, "it is given more than once")


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
