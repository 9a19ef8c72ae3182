"""What every answer carries, errors too, and what odd requests get."""

import re
from typing import Any

import pytest

from app import database, public_url, usage
from app.settings import ROOT
from tests.browsing import HTML, JSON, PASSWORD, SUMMARY, Browser, bearer, browsing, form_secret
from tests.people import People
from tests.test_web import nowhere

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
HSTS = "max-age=31536000; includeSubDomains"
URL = "https://billing.example.org"
PAGE = "/settings/billing"
REQUESTS: dict[int, tuple[str, str]] = {
    200: ("GET", PAGE),
    204: ("OPTIONS", PAGE),
    303: ("POST", "/logout"),
    400: ("GET", PAGE),  # from another host
    401: ("GET", SUMMARY),
    403: ("GET", "/admin/billing-overview"),
    404: ("GET", "/nowhere"),
    405: ("PUT", PAGE),
    413: ("POST", "/login"),
    422: ("GET", f"{SUMMARY}?period=2026"),
    429: ("POST", "/login"),
    500: ("GET", PAGE),
    503: ("GET", PAGE),
}
SECRET = "select 'a secret' from data.users"  # noqa: S105


async def broken(*_: object) -> None:
    raise RuntimeError(SECRET)


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("url", [URL, "http://127.0.0.1"])
@pytest.mark.parametrize("status", REQUESTS)
def test_every_answer_is_hardened(
    people: People, monkeypatch: pytest.MonkeyPatch, status: int, url: str
) -> None:
    method, path = REQUESTS[status]
    headers = HTML if status == 401 else HTML | bearer(people.token())
    headers |= {400: {"Host": "evil.example"}}.get(status, {})
    changes: dict[str, Any] = {"public_url": public_url.parse(url)}
    if status == 500:
        monkeypatch.setattr(usage, "page", broken)
    if status == 503:
        monkeypatch.setattr(database, "PATIENCE", 0.2)
        changes["overrides"] = nowhere()
    with browsing(people.db, url, **changes) as browser:
        form = {"form_secret": form_secret(browser), "email": people.add("owner")}
        form |= {"password": "x" * (70_000 if status == 413 else 20)}
        data = form if method == "POST" else None
        for _ in range(5 if status == 429 else 0):
            browser.post(path, headers=headers, data=data)
        response = browser.request(method, path, headers=headers, data=data)
    assert response.status_code == status, response.text
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
    assert response.headers.get("strict-transport-security") == (HSTS if url == URL else None)
    assert re.fullmatch("[0-9a-f]{16}", response.headers["x-request-id"])
    assert "server" not in response.headers
    assert ("retry-after" in response.headers) is (status in (429, 503))
    if status == 405:
        assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    if status >= 400 and not path.startswith(SUMMARY):
        assert response.headers["content-type"].startswith("text/html")
        assert "</html>" in response.text
        assert re.search(r"<p[^>]*>[A-Za-z].{20,}</p>", response.text)  # a sentence


def test_only_static_files_of_this_version_are_kept(browser: Browser) -> None:
    page = browser.get("/login", headers=HTML)
    kept = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert len(kept) > 4
    for address in kept:
        response = browser.get(address)
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    plain = kept[0].partition("?")[0]
    for address in (plain, f"{plain}?v=0", f"{kept[0]}&x", kept[0].replace(plain, "/static/no")):
        assert browser.get(address).headers["cache-control"] == "no-store"


def test_an_unexpected_error_tells_nothing(
    people: People, monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    monkeypatch.setattr(usage, "page", broken)
    monkeypatch.setattr(usage, "summary", broken)
    for path, accept in ((PAGE, HTML), (PAGE, JSON), (SUMMARY, HTML), (SUMMARY, JSON)):
        response = browser.get(path, headers=accept | bearer(people.token()))
        assert response.status_code == 500
        for leak in ("secret", "select", "RuntimeError", "Traceback", ".py"):
            assert leak not in response.text
        if (path, accept) != (PAGE, HTML):
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json() == {
                "status": 500,
                "title": "Internal Server Error",
                "detail": "Something went wrong here. It was recorded; try again in a moment.",
            }


@pytest.mark.parametrize(
    "template", sorted((ROOT / "templates").rglob("*.html")), ids=lambda p: p.name
)
def test_no_template_needs_what_the_policy_forbids(template: Any) -> None:
    text = template.read_text()
    for inline in (r"<style", r"\sstyle\s*=", r"<script(?![^>]*\ssrc=)", r"\son\w+\s*="):
        assert not re.search(inline, text, re.IGNORECASE), inline
    for address in re.findall(r'(?:href|src|action)="([^"]*)"', text):
        assert re.match(r"/(?!/)|\{\{|#", address), address
    assert "|safe" not in text.replace(" ", "")


ODD: list[tuple[int, str, dict[str, Any]]] = [
    (422, f"{SUMMARY}?period={'9' * 10_000}", {}),
    (422, f"{SUMMARY}?period=99999999999999999999-01", {}),
    (422, f"{SUMMARY}?period=%00", {}),
    (422, f"{SUMMARY}?period=%ff%fe", {}),
    (422, f"{SUMMARY}?period=2026-11%0a", {}),
    (422, f"{SUMMARY}?period=%D9%A2%D9%A0%D9%A2%D9%A6-11", {}),
    (404, f"{SUMMARY}?period=9999-12", {}),
    (404, f"{SUMMARY}?period=0001-01", {}),
    (422, f"{SUMMARY}?%00=%00&tenant_id=1&tenant_id=2", {}),
    (404, "/%00", {}),
    (404, "/%ff", {}),
    (404, f"/{'x' * 10_000}", {}),
    (404, "/static/%00", {}),
    (404, "/static/", {}),
    (404, f"/static/{'x' * 10_000}", {}),
    (404, f"/static/{'%e2%82%ac' * 90}", {}),
    (404, "/static/%2e%2e/web.py", {}),
    (404, "/static/..%2f..%2fpyproject.toml", {}),
    (404, "/static/%2fetc/passwd", {}),
    (401, SUMMARY, {"Cookie": f"session={'x' * 10_000}"}),
    (401, SUMMARY, {"Cookie": 'session="\\000"'}),
    (401, SUMMARY, {"Cookie": b"session=\xff\xfe"}),
    (401, SUMMARY, {"Cookie": "; ;=;session"}),
    (401, SUMMARY, {"Authorization": f"Bearer {'x' * 10_000}"}),
    (401, SUMMARY, {"Authorization": b"Bearer \xff"}),
    (401, SUMMARY, {"Authorization": "Bearer a b"}),
]


@pytest.mark.parametrize(("status", "path", "headers"), ODD, ids=lambda part: str(part)[:40])
def test_an_odd_request(
    browser: Browser, people: People, status: int, path: str, headers: dict[str, Any]
) -> None:
    if not headers:
        headers = bearer(people.token())
    response = browser.get(path, headers=JSON | headers)
    assert response.status_code == status, response.text


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (413, {"email": "x" * 70_000}, None),
        (401, {"email": "x" * 60_000}, None),
        (401, {"email": "a\0b", "password": "\0"}, None),
        (422, {"email": ["a", "b"]}, None),
        (422, b"", None),
        (422, b"\xff\xfe", "application/x-www-form-urlencoded"),
        (401, b"&email=\xff&password=%fe%00", "application/x-www-form-urlencoded; charset=nowhere"),
        (422, b'{"email": "a"}', "application/json"),
        (422, b"garbage", "multipart/form-data"),
        (422, b"garbage", "multipart/form-data; boundary=x"),
    ],
    ids=lambda part: str(part)[:40],
)
def test_an_odd_form(browser: Browser, status: int, body: Any, kind: str | None) -> None:
    secret, headers = form_secret(browser), JSON
    if isinstance(body, bytes):
        headers = headers | ({"Content-Type": kind} if kind else {})
        content: dict[str, Any] = {"content": f"form_secret={secret}".encode() + body}
        content = content if b"email=" in body else {"content": body}
    else:
        content = {"data": {"form_secret": secret, "email": "", "password": PASSWORD} | body}
    response = browser.post("/login", headers=headers, **content)
    assert response.status_code == status, response.text
    assert PASSWORD not in response.text
