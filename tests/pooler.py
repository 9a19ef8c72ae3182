"""PgBouncer in transaction mode between the application and the tests' server."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.database import SIZES
from tests.checkout import free_port
from tests.server import Db

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
SETTINGS = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = 1
"""
ROUTES = ("direct", "PgBouncer")


@contextmanager
def routed(route: str, db: Db) -> Iterator[Db]:
    """The way to a database: as it is, or through a pooler whose clients share connections."""
    if route == "direct":
        yield db
    elif PROGRAM is None:
        pytest.skip("there is no pgbouncer here: apt-get install pgbouncer")
    else:
        with pooled(db) as through:
            yield through


@contextmanager
def pooled(db: Db) -> Iterator[Db]:
    """The same database through PgBouncer: all clients of a login share one server connection."""
    port, command = free_port(), [str(PROGRAM)]
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        users, settings = folder / "users", folder / "settings"
        users.write_text("".join(f'"billing_{login}" ""\n' for login in SIZES))
        settings.write_text(SETTINGS.format(server=db.port, port=port, users=users))
        if os.geteuid() == 0:  # which PgBouncer refuses to be
            folder.chmod(0o755)
            ids = ("--reuid=postgres", "--regid=postgres", "--init-groups")
            command = ["setpriv", *ids, *command]
        log = folder / "log"
        with log.open("w") as file, subprocess.Popen([*command, settings], stderr=file) as process:
            try:
                assert _answers(port, process), log.read_text()
                yield Db(db.name, port)
            finally:
                process.kill()


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.02)
    return False
