"""The address that people type: what is accepted as one, and what follows from it."""

import pytest

from app import public_url, settings
from app.errors import USAGE, Problem

DATABASE = {"BILLING_DATABASE_URL": "postgresql://postgres@127.0.0.1/servicepro"}
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


def at(port: int, *hosts: str) -> set[str]:
    return {f"{host}:{port}" for host in hosts}


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("https://billing.example.org", {"billing.example.org"}),
        ("https://billing.example.org/", {"billing.example.org"}),
        ("HTTPS://Billing.Example.ORG", {"billing.example.org"}),
        ("https://billing.example.org:8443", {"billing.example.org:8443"}),
        ("https://billing.example.org:443", {"billing.example.org"}),  # as browsers write it
        ("https://billing.example.org:80", {"billing.example.org:80"}),
        ("https://xn--bcher-kva.example", {"xn--bcher-kva.example"}),
        ("https://my_host", {"my_host"}),
        ("https://192.0.2.1", {"192.0.2.1"}),
        ("https://[2001:db8::1]", {"[2001:db8::1]"}),
        ("https://[2001:db8::1]:8443", {"[2001:db8::1]:8443"}),
        ("https://localhost", LOOPBACK),
        ("http://127.0.0.1", LOOPBACK),
        ("http://127.0.0.1:80", LOOPBACK),
        ("http://localhost:8000", at(8000, *LOOPBACK)),
        ("http://[::1]:8000", at(8000, *LOOPBACK)),
        ("http://127.0.0.2:8000", at(8000, *LOOPBACK, "127.0.0.2")),
    ],
)
def test_an_address(text: str, hosts: set[str]) -> None:
    url = public_url.parse(text)
    assert url.netlocs == hosts
    assert url.secure is text.lower().startswith("https:")
    names = ("__Host-session", "__Host-form") if url.secure else ("session", "form")
    assert (url.session_cookie, url.form_cookie) == names
    for host in hosts:
        assert url.owns_origin(f"{url.scheme}://{host}")
        for foreign in (
            f"{url.scheme}://{host}.evil.example",
            f"{url.scheme}://{host}:1",
            f"{url.scheme}://evil.example/{host}",
            f"{url.scheme}s://{host}",
            host,
        ):
            assert not url.owns_origin(foreign)
    assert not url.owns_origin("null")
    assert not url.owns_origin("")


@pytest.mark.parametrize(
    ("url", "ours", "others"),
    [
        (
            "https://billing.example.org",
            ["{}", "Billing.Example.ORG:443", "billing.example.org.", "{}:", "{}.:443"],
            ["{}:80", "{}:8443", "{}..", "{}:443:443", "{}:99999", "a@{}", "{}/", "{}\n"],
        ),
        ("https://billing.example.org:8443", ["{}:8443", "{}.:8443"], ["{}", "{}:443", "{}:"]),
        ("http://127.0.0.1", ["{}:80", "LOCALHOST:80", "localhost.", "[::1]:80"], ["{}:443"]),
        (
            "https://[2001:db8::1]",
            ["[2001:DB8::1]", "[2001:0db8:0:0:0:0:0:1]:443", "[2001:db8::0.0.0.1]"],
            ["2001:db8::1", "{}.", "[2001:db8::2]", "[]", "[:]", "[::1]", "[2001:db8::1"],
        ),
    ],
)  # fmt: skip
def test_a_host_however_it_may_be_written(url: str, ours: list[str], others: list[str]) -> None:
    parsed = public_url.parse(url)
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    for text in ours:
        assert parsed.owns_host(text.format(host))
        assert parsed.owns_origin(f"{parsed.scheme}://{text.format(host)}")
    for text in (*others, "", ".", ":", ":443", "*", "null"):
        assert not parsed.owns_host(text.format(host)), text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "billing.example.org",
        "//billing.example.org",
        "ftp://billing.example.org",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://:8000",
        "https://billing.example.org/path",
        "https://billing.example.org?a=1",
        "https://billing.example.org#a",
        "https://user@billing.example.org",
        "https://user:word@billing.example.org",
        "https://billing.example.org:port",
        "https://billing.example.org:0",
        "https://billing.example.org:65536",
        "https://billing.example.org:-1",
        "https://billing.example.org.",
        "https://bücher.example",
        "https://billing example.org",
        "https://*.example.org",
        "https://a,b",
        "https://[::1",
        "https://[2001:0db8::1]",  # not as browsers write it
        "https://[fe80::1%25eth0]",
        "https://2001:db8::1",
    ],
)
def test_no_address(text: str) -> None:
    with pytest.raises(Problem) as refusal:
        public_url.parse(text)
    assert refusal.value.exit_code == USAGE
    assert str(refusal.value).startswith(
        "BILLING_PUBLIC_URL must look like https://billing.example.org, not "
    )


@pytest.mark.parametrize(
    "text",
    [
        "http://billing.example.org",
        "http://192.168.0.1:8000",
        "http://0.0.0.0:8000",
        "http://[::]:8000",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
    ],
)
def test_plain_http_stays_on_this_machine(text: str) -> None:
    with pytest.raises(Problem, match=r"plain http beyond loopback.*Put a TLS proxy") as refusal:
        public_url.parse(text)
    assert refusal.value.exit_code == USAGE


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "billing.example.org", ""])  # noqa: S104
def test_listening_to_others_needs_tls_in_front(host: str) -> None:
    with pytest.raises(Problem, match="has to be an https address: put a TLS proxy") as refusal:
        settings.load(DATABASE | {"BILLING_HOST": host})
    assert refusal.value.exit_code == USAGE
    behind = {"BILLING_HOST": host, "BILLING_PUBLIC_URL": "https://billing.example.org"}
    assert settings.load(DATABASE | behind).public_url.secure


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_listening_to_this_machine_does_not(host: str) -> None:
    loaded = settings.load(DATABASE | {"BILLING_HOST": host, "BILLING_PORT": "8123"})
    assert loaded.public_url.netlocs == at(8123, *LOOPBACK)


@pytest.mark.parametrize(
    ("name", "bound"), [("BILLING_TRUSTED_PROXIES", 10), ("BILLING_PORT", 65535)]
)
def test_a_number_is_a_number(name: str, bound: int) -> None:
    for text in ("", "-1", "one", "1.5", "٣", " 1", str(bound + 1), "9" * 5000):
        with pytest.raises(Problem, match=f"{name} must be a number from") as refusal:
            settings.load(DATABASE | {name: text})
        assert refusal.value.exit_code == USAGE
    settings.load(DATABASE | {name: str(bound)})
    assert settings.load(DATABASE).trusted_proxies == 0
