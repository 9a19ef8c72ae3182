"""Bodies of requests: JSON and forms in which everything stands once, and not too deep."""

import dataclasses
import json
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request
from litestar.di import Provide
from litestar.exceptions import ClientException, InternalServerException

from app.api_strict import require_each_once
from app.days import unfit
from app.requests import AnyRequest

MOST_FIELDS = 20


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON says everything once: the last of two would count without a word."""

    async def body(self) -> bytes:
        try:
            return await super().body()
        except InternalServerException:
            raise ClientException("The request ended before its body was complete.") from None

    async def json(self) -> Any:
        try:
            found = await super().json()
            text = (await self.body() or b"null").decode()
            json.loads(text, object_pairs_hook=_each_once, parse_int=str, parse_float=str)
        except RecursionError:
            raise ClientException("The body is nested too deeply.") from None
        return found


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    require_each_once(name for name, _ in pairs)


def form(kind: type[Any]) -> Provide:
    """A form of these fields, all text, for a handler. The framework is not asked: it keeps the
    last thousand forms that it decoded, passwords and all, however many fields they have."""

    async def read(request: AnyRequest) -> Any:
        text = (await request.body()).decode(errors="replace")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError:
            raise unfit("form", f"it has more than {MOST_FIELDS} fields") from None
        require_each_once(name for name, _ in pairs)
        given = dict(pairs)
        for field in dataclasses.fields(kind):
            if field.name not in given and field.default is dataclasses.MISSING:
                raise unfit(field.name, "it is needed")
        names = {field.name for field in dataclasses.fields(kind)}
        return kind(**{name: text for name, text in given.items() if name in names})

    return Provide(read)
