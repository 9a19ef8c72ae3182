"""HEAD: what GET would say, without saying it."""

import httpx
import pytest

from tests.browsing import HTML, SUMMARY, bearer
from tests.people import People
from tests.serving import serving


@pytest.mark.parametrize("path", ["/settings/billing", SUMMARY, "/nowhere", "/static/base.css"])
def test_head_is_get_without_its_body(people: People, path: str) -> None:
    """Through a real server, which sends what the headers promise or breaks the connection."""
    passing = {"date", "x-request-id", "set-cookie"}
    with serving(people.db) as address, httpx.Client(base_url=address) as client:
        for headers in (HTML, HTML | bearer(people.token())):
            said, whole = (client.request(m, path, headers=headers) for m in ("HEAD", "GET"))
            assert (said.status_code, said.content) == (whole.status_code, b"")
            assert {k: v for k, v in said.headers.items() if k not in passing} == {
                k: v for k, v in whole.headers.items() if k not in passing
            }
