"""The address that people type decides cookie names, Secure, the allowed host and the Origin."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.errors import USAGE, Problem

USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class PublicUrl:
    """Scheme, host and port under which the web application is reached."""

    scheme: str
    host: str
    netlocs: frozenset[str]
    """Acceptable Host headers, as browsers write them."""

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def session_cookie(self) -> str:
        return "__Host-session" if self.secure else "session"

    @property
    def device_cookie(self) -> str:
        return "__Host-device" if self.secure else "device"

    @property
    def form_cookie(self) -> str:
        return "__Host-form" if self.secure else "form"

    def owns_host(self, text: str) -> bool:
        """Whether a Host header is ours, however RFC 9110 lets it be written: with the port that
        is usual, in capitals, with the dot of the root, IPv6 at length."""
        return text in self.netlocs or _as_browsers_write(self.scheme, text) in self.netlocs

    def owns_origin(self, origin: str) -> bool:
        """Whether an Origin header is ours."""
        scheme, _, netloc = origin.partition("://")
        return scheme == self.scheme and self.owns_host(netloc)


def parse(text: str) -> PublicUrl:
    """The public URL; Problem when it is none, or plain http beyond loopback."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    host = parts.hostname or ""
    usual = USUAL_PORTS.get(parts.scheme)
    rest = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if usual is None or not _is_host(host) or rest or port == 0:
        raise Problem(
            f"BILLING_PUBLIC_URL must look like https://billing.example.org, not {text!r}", USAGE
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise Problem(
            f"BILLING_PUBLIC_URL is plain http beyond loopback ({text}): passwords and sessions "
            "would travel in the clear. Put a TLS proxy in front and name its https address",
            USAGE,
        )
    hosts = {f"[{host}]" if ":" in host else host}
    if is_loopback(host):
        hosts |= {"127.0.0.1", "localhost", "[::1]"}
    suffix = "" if port in (None, usual) else f":{port}"  # as browsers write Host and Origin
    return PublicUrl(parts.scheme, host, frozenset(f"{name}{suffix}" for name in hosts))


def _as_browsers_write(scheme: str, netloc: str) -> str | None:
    form = r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+?)\.?)(?::([0-9]{0,5}))?"
    found = re.fullmatch(form, netloc.lower())
    if found is None:
        return None
    address, host, port = found[1], found[2], int(found[3] or USUAL_PORTS[scheme])
    if address:
        try:
            host = f"[{ipaddress.IPv6Address(address)}]"
        except ValueError:
            return None
    return host if port == USUAL_PORTS[scheme] else f"{host}:{port}"


def _is_host(host: str) -> bool:
    """A name as it stands in a Host header, or an address."""
    if ":" not in host:
        return re.fullmatch(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", host) is not None
    try:
        return str(ipaddress.IPv6Address(host)) == host and "%" not in host
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """localhost, 127.0.0.0/8 or ::1."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
