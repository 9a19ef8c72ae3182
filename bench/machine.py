"""What the figures were measured on."""

import os
import platform
from pathlib import Path

import psycopg


def facts(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, object]:
    """Enough to compare two runs by; nothing that names the machine."""
    row = connection.execute(
        "select current_setting('server_version'), current_setting('shared_buffers')"
    ).fetchone()
    version, buffers = row or ("?", "?")
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory GB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "PostgreSQL": str(version).split()[0],
        "shared buffers": buffers,
        "Python": platform.python_version(),
        "load before": round(os.getloadavg()[0], 1),
    }


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
