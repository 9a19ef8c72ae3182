"""A database where the shop was first and billing was put into it as docs/adopt.md says."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from app import bootstrap, migrations, release
from app.settings import ROOT
from tests import hosts
from tests.adopted.shop import SHOP
from tests.pages import section
from tests.past import rows
from tests.server import Db, Server

HERE = Path(__file__).parent
PAGE = "docs/adopt.md"
_numbers = count(1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Here too: what is marked `ours` is about our own tables, their rights or raw SQL on them."""
    elsewhere = [item for item in items if HERE in item.path.parents]
    ours = {item for item in elsewhere if item.get_closest_marker("ours")}
    items[:] = [item for item in items if item not in ours]
    config.hook.pytest_deselected(items=list(ours))


@pytest.fixture(scope="session")
def adopted_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout with one file rewritten."""
    copy = tmp_path_factory.mktemp("adopted")
    for folder in ("sql", "migrations"):
        shutil.copytree(ROOT / folder, copy / folder)
    shutil.copy(ROOT / "plans.sql", copy)
    shutil.copy(HERE / "30_usage_source.sql", copy / "sql")
    return copy


@contextmanager
def releasing_from(checkout: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "SQL", checkout / "sql")
        patch.setattr(release, "PLANS", checkout / "plans.sql")
        patch.setattr(migrations, "DIRECTORY", checkout / "migrations")
        yield


@pytest.fixture
def adopted(adopted_checkout: Path) -> Iterator[None]:
    """Releases of this test are the shop's."""
    with releasing_from(adopted_checkout):
        yield


@pytest.fixture(scope="session")
def shop(server: Server, adopted_checkout: Path) -> Iterator[Db]:
    """The template that the tests clone."""
    database = server.create("shop")
    rows(database, "create role shop_owner nologin; create role shop_app login")
    rows(database, (HERE / "host.sql").read_text())
    with releasing_from(adopted_checkout), database.connect() as administrator:
        bootstrap.create_roles(administrator, database.settings(), lambda _: None)
        for block in section(PAGE, "Grants to hand out", "sql"):
            rows(database, f"set role shop_owner; {block}")
        release.migrate(database.settings(), lambda _: None)
    yield database
    server.drop(database)


def _passing(server: Server) -> Iterator[Db]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hosts, "current", SHOP)
        database = server.create(f"shop_{next(_numbers)}", "shop")
        yield database
        server.drop(database)


@pytest.fixture
def db(server: Server, shop: Db) -> Iterator[Db]:  # noqa: ARG001 - the template
    yield from _passing(server)


@pytest.fixture(scope="module")
def module_db(server: Server, shop: Db) -> Iterator[Db]:  # noqa: ARG001 - the template
    yield from _passing(server)
