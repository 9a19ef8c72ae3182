"""The disk is full: what was acknowledged stays, the error says why, and nothing has to be repaired
once there is room."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from psycopg import errors

from app import release
from tests import facts
from tests.command_line import billing_on
from tests.oracle import Event, Message, expected
from tests.past import at, bill_from, rows, value
from tests.server import Db, Server

# As root, a mount of its own is enough; anybody else becomes a root of nothing else, and back.
ROOT = os.geteuid() == 0
APART = ["unshare", "--mount"] if ROOT else ["unshare", "--map-root-user", "--mount"]
BACK = "" if ROOT else f"unshare --map-user={os.geteuid()} --map-group={os.getegid()}"
OWNER = pwd.getpwnam("postgres").pw_uid if ROOT else 0
MOUNT = f'mkdir -p "$DISK" && mount -t tmpfs -o size=32m,mode=700,uid={OWNER} small "$DISK"'


def with_mount(disk: str, script: str) -> list[str]:
    return ["env", f"DISK={disk}", *APART, "sh", "-ec", script]


class SmallDisk(Server):
    """A server that sees, at `disk`, a small file system that nobody else sees."""

    @property
    def disk(self) -> str:
        return f"{self.base_dir}/disk"

    def get_server_commandline(self) -> list[str]:
        command = super().get_server_commandline()
        return [*with_mount(self.disk, f'{MOUNT} && exec {BACK} "$@"'), "sh", *command]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Db]:
    """A database on a small disk, with a month to count."""
    if subprocess.run(with_mount(str(tmp_path), MOUNT), stderr=subprocess.DEVNULL).returncode:
        pytest.skip("mounting is not allowed here")
    server = SmallDisk()
    try:
        rows(server.database("postgres"), f"create tablespace small location '{server.disk}'")
        db = server.create("installed")
        release.migrate(db.settings(), lambda _: None)
        rows(server.database("postgres"), f"alter database {db.name} set tablespace small")
        bill_from(db)
        yield db
    finally:
        server.end()


def fill_the_disk(db: Db) -> None:
    rows(db, "create table public.ballast (stone text)")
    more = "insert into public.ballast select repeat('x', 800) from generate_series(1, %s)"
    for stones in (2000, 1):
        with pytest.raises(errors.DiskFull):
            while True:
                rows(db, more, stones)


def sent(db: Db, tenants: list[UUID], days: range) -> list[Event]:
    """What was acknowledged before the disk was full, a transaction each."""
    acknowledged: list[Event] = []
    with db.connect("billing_ingest") as ingest:
        for number in days:
            batch = [Message(tenant, at(number)) for tenant in tenants]
            try:
                facts.insert(ingest, *batch)
            except errors.DiskFull:
                break
            acknowledged += batch
    return acknowledged


def billing_run(db: Db) -> tuple[int, str]:
    """`billing run`: exit code and complaint."""
    done = billing_on(db, "run")
    return done.exit_code, done.stderr


def test_a_full_disk(db: Db) -> None:
    """R6: facts and counts are there whole or not at all; afterwards the next run is enough."""
    with db.connect() as host:
        tenants = facts.add_tenants(host, 100)
        events = sent(db, tenants, range(1, 31))
        assert len(events) == 3000
        fill_the_disk(db)
        more = sent(db, tenants, range(1, 301))
        assert len(more) < 30_000
        events += more

        exit_code, complaint = billing_run(db)
        assert exit_code in (1, 3)
        assert "No space left on device" in complaint
        assert complaint.count("\n") == 1
        whole = "select count(*) from usage_days where state = 'complete'"
        whole_before = value(db, whole)

        rows(db, "drop table public.ballast")
        assert billing_run(db) == (0, "")
        assert value(db, whole) > whole_before
        assert facts.stored(host) == expected(events, tenants)
        assert facts.markers(host) == []
