"""Static files under addresses that change with what is in them, so that browsers may keep them."""

import hashlib

from app.settings import ROOT

FOLDER = ROOT / "app/static"
PREFIX = "/static/"
KEEP = "public, max-age=31536000, immutable"


def _version() -> str:
    """Of all files together: a page of one release never mixes them with another's."""
    digest = hashlib.sha256()
    for file in sorted(FOLDER.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


VERSION = _version()


def address(name: str) -> str:
    """Where a file is to be asked for; FileNotFoundError when there is none of this name."""
    if not (FOLDER / name).is_file():
        raise FileNotFoundError(name)
    return f"{PREFIX}{name}?v={VERSION}"


def is_versioned(path: str, query: bytes) -> bool:
    """Whether an address names the version that it gets."""
    return path.startswith(PREFIX) and query == f"v={VERSION}".encode()
