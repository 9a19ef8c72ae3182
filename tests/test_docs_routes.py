"""replit.md lists every route that the router knows, and no other."""

import re
from typing import Any

from app.settings import ROOT
from app.web import create_app
from tests.server import Db

NOT_LISTED = {"GET /static/{file_path}", "GET /schema/{path}"}
"""Files, and what the route below /schema refuses."""


def test_every_route_is_listed(module_db: Db) -> None:
    app: Any = create_app(module_db.settings(), ticks=False)
    known = {
        f"{method} {re.sub(r':[a-z]+}', '}', route.path)}"
        for route in app.app.routes
        for method in route.methods
        if method in ("GET", "POST")
    }
    table = (ROOT / "replit.md").read_text().split("**Endpoints and routes.**")[1]
    listed = re.findall(r"`((?:GET|POST) /[^`]*)`", table)
    assert len(listed) == len(set(listed))
    assert set(listed) == known - NOT_LISTED
