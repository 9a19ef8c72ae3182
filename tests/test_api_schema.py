"""Every route of the API does what its description says, whatever one sends: schemathesis makes
requests out of the description, fitting and unfitting ones, and holds the answers against it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
import schemathesis
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from schemathesis import Case, GenerationMode
from urllib3 import HTTPResponse

from tests.browsing import HERE, Browser, bearer, browsing
from tests.people import People

TODAY = datetime.now(UTC).date()


class InProcess(HTTPAdapter):
    """Carries what schemathesis sends to an application of this process."""

    def __init__(self, browser: Browser) -> None:
        super().__init__()
        self.browser = browser

    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:
        assert request.method and request.url
        body: Any = request.body
        headers: Any = dict(request.headers)
        found = self.browser.request(request.method, request.url, headers=headers, content=body)
        answer = HTTPResponse(
            BytesIO(found.content), found.headers, found.status_code, preload_content=False
        )
        return self.build_response(request, answer)


@pytest.fixture(scope="module")
def described(people: People) -> Iterator[Any]:
    """The description as root reads it."""
    with browsing(people.db) as browser, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "get_adapter", lambda *_, **__: InProcess(browser))
        yield schemathesis.openapi.from_url(
            f"{HERE}/schema/openapi.json", headers=bearer(people.token("root"))
        )


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
def test_as_described(case: Case, tokens: dict[str, str]) -> None:
    """As owner, or as root where it is for root."""
    if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
        for fields in (case.query, case.body):
            in_order(fields)
    case.call_and_validate(headers=bearer(tokens[role(case.path)]))


@pytest.fixture(scope="module")
def tokens(people: People) -> dict[str, str]:
    return {role: people.token(role) for role in ("root", "owner")}


@pytest.fixture(autouse=True)
def named(request: pytest.FixtureRequest) -> None:
    """schemathesis reads the name where pytest kept it before 9.2."""
    request.node._nodeid = request.node.nodeid


def role(path: str) -> str:
    """Who is signed in: root where it is for root."""
    return "root" if path.startswith("/api/admin/") else "owner"


def in_order(fields: Any) -> None:
    """What no schema can say of two days: the first comes first, not more than 31 of them, and for
    a recount none is to come."""
    if isinstance(fields, dict) and {"from", "to"} <= fields.keys():
        first, last = (date.fromisoformat(fields[name]).toordinal() for name in ("from", "to"))
        fields["to"] = str(TODAY - timedelta(last % 16))
        fields["from"] = str(date.fromisoformat(fields["to"]) - timedelta(first % 16))
