"""Installing this checkout in a test, and seeing which release is there."""

from app import release
from tests.past import rows, value
from tests.server import Db

FINGERPRINT = "select object_fingerprint()"


def migrate(db: Db) -> list[str]:
    """What migrate says it did."""
    said: list[str] = []
    release.migrate(db.settings(), said.append)
    return said


def force_rebuild(db: Db) -> None:
    """Let the next migrate find no release."""
    rows(db, "delete from data.releases")


def build(db: Db) -> int:
    """Which build of the views is installed."""
    return value(db, "select 'billing.tenant_usage'::regclass::oid::bigint")
