"""Plans as PostgreSQL tells them: a tree of nodes, and those of statements inside of functions."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.people import Connection, enter
from tests.server import Db

Node = dict[str, Any]


def nodes(plan: Node) -> Iterator[Node]:
    """The plan and all that it is made of."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


@contextmanager
def telling(db: Db, login: str, token: str) -> Iterator[tuple[Connection, list[Node]]]:
    """A session of this login that has entered, and the plan of every statement that ends in it
    from now on, however deep in functions, with the rows that it really read."""
    plans = list[Node]()
    with db.connect(autocommit=False) as connection:
        connection.execute("load 'auto_explain'")
        for name, value in {
            "log_min_duration": "0",
            "log_nested_statements": "on",
            "log_analyze": "on",
            "log_timing": "off",
            "log_format": "json",
            "log_level": "notice",
        }.items():
            connection.execute("select set_config(%s, %s, false)", [f"auto_explain.{name}", value])
        connection.execute(f"set session authorization {login}".encode())
        enter(connection, token)

        def note(notice: Any) -> None:
            message = notice.message_primary
            if message.startswith("duration:"):
                plans.append(json.loads(message[message.index("{") :])["Plan"])

        connection.add_notice_handler(note)
        yield connection, plans
        connection.rollback()
