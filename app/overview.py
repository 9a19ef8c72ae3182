"""What root asked the overview for: the address says all of it, and links change one thing."""

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar.params import QueryParameter

from app.paging import require_page
from app.tenant_routes import Period

PAGE = "/admin/billing-overview"
CSV = "/api/admin/billing/usage/tenants.csv"
JSON = "/api/admin/billing/usage/tenants"
SIZE = 25

Search = Annotated[
    str | None,
    QueryParameter(
        name="q",
        description="Part of the tenant's name, whatever its case; % and _ mean themselves.",
        max_length=200,
        pattern="^[^\\x00]*$",
    ),
]
Plan = Annotated[
    str | None,
    QueryParameter(name="plan", description="Code of a plan, or none for tenants without one."),
]
Status = Annotated[
    str | None,
    QueryParameter(name="status", description="Status of the tenant."),
]
Show = Annotated[
    str | None,
    QueryParameter(
        name="show",
        description="over: beyond a limit; near: at 80 % of a limit or more; growing: by a fifth "
        "and more against the same days of the previous period; quiet: no use for 14 days.",
    ),
]
Sort = Annotated[
    str | None,
    QueryParameter(name="sort", description="Column to sort by; default: smsOutboundCount."),
]
Direction = Annotated[
    str | None,
    QueryParameter(name="dir", description="Default: desc for numbers, asc for words."),
]
Number = Annotated[
    int,
    QueryParameter(name="page", description=f"Page of {SIZE} tenants, from 1.", ge=1, le=1_000_000),
]


@dataclass(frozen=True)
class Wish:
    """A view of the tenants; None is everywhere what is usual."""

    q: str | None = None
    plan: str | None = None
    status: str | None = None
    show: str | None = None
    sort: str | None = None
    dir: str | None = None
    page: int = 1
    period: str | None = None

    @property
    def is_filtered(self) -> bool:
        return any((self.q, self.plan, self.status, self.show))

    def to(self, path: str = PAGE, **changes: Any) -> str:
        """The address of this view with some things changed; another view begins on page 1."""
        wish = replace(self, **{"page": 1} | changes)
        parts = {
            field.name: value
            for field in fields(wish)
            if (value := getattr(wish, field.name)) not in (None, "", field.default)
        }
        return f"{path}?{urlencode(parts)}" if parts else path

    def require_page(self, pages: int, path: str = PAGE) -> None:
        """404, with the way to the last page, when there are fewer."""
        require_page(self.page, pages, self.to(path, page=max(pages, 1)))

    def kept(self, *names: str) -> list[tuple[str, str]]:
        """What a form repeats that does not ask for it."""
        return [(name, str(value)) for name in names if (value := getattr(self, name))]

    def links(self, pages: int) -> str:
        """RFC 8288 links to the neighbouring pages of the JSON list."""
        to = {"first": 1, "prev": self.page - 1, "next": self.page + 1, "last": max(pages, 1)}
        return ", ".join(
            f'<{self.to(JSON, page=page)}>; rel="{name}"'
            for name, page in to.items()
            if 1 <= page <= max(pages, 1)
        )


def wished(
    q: Search = None,
    plan: Plan = None,
    status: Status = None,
    show: Show = None,
    sort: Sort = None,
    direction: Direction = None,
    page: Number = 1,
    period: Period = None,
) -> Wish:
    """Read an address; an empty field of a form is no wish."""
    search = (q or "").strip()
    return Wish(
        search or None,
        plan or None,
        status or None,
        show or None,
        sort or None,
        direction or None,
        page,
        period or None,
    )
