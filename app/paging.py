"""Pages of a list that is longer than one."""

from litestar.exceptions import NotFoundException


class NoSuchPage(NotFoundException):
    """404 for a page behind the last one, which is named."""

    last: str
    """Its address."""


def require_page(page: int, pages: int, last: str) -> None:
    """NoSuchPage unless there is this one; the first there always is."""
    if page > max(pages, 1):
        error = NoSuchPage(f"There is no page {page:,}: the last one is page {max(pages, 1):,}.")
        error.last = last
        raise error
