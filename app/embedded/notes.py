"""What clients are told in .local: billing.env says where the server is, pgpass who may enter.

Both may be lost or damaged. They are written anew then: what others have written into them stays,
and a file that cannot be read as a whole is kept beside it, under .old.
"""

import re
import shutil
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path

ADDRESS = "postgresql://postgres@127.0.0.1:{port}/servicepro"
NAME = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=")


def write_private(file: Path, text: str) -> None:
    """In one step, in the place of whatever was there."""
    draft = file.with_name(f"{file.name}.new")
    clear(draft)
    draft.touch(mode=0o600)
    draft.write_text(text)
    if file.is_dir() and not file.is_symlink():
        put_aside(file)
    draft.replace(file)


def clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def put_aside(path: Path) -> None:
    """Beside its place, for its owner's eyes only."""
    names = (path.with_name(f"{path.name}.old{number or ''}") for number in count())
    place = next(name for name in names if not name.exists() and not name.is_symlink())
    path.replace(place)
    if not place.is_symlink():
        with suppress(OSError):
            place.chmod(place.stat().st_mode & 0o700)


def is_port(text: str) -> bool:
    return re.fullmatch(r"[1-9][0-9]{0,4}", text) is not None and int(text) < 65536


class Lines:
    """A text file as far as it can be read."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.known = list[str]()
        self.is_damaged = self.is_private = False
        try:
            mode = file.lstat().st_mode
            raw = file.read_bytes()
        except FileNotFoundError:
            self.is_damaged = file.is_symlink()
        except OSError:
            self.is_damaged = True
        else:
            self.is_private = not mode & 0o077
            self.is_damaged = not stat.S_ISREG(mode)
            for line in raw.splitlines():
                text = line.decode(errors="replace")
                if re.search(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]", text):
                    self.is_damaged = True
                else:
                    self.known.append(text)

    def write(self, lines: list[str]) -> None:
        if self.is_damaged:
            put_aside(self.file)
        elif self.is_private and lines == self.known:
            return
        write_private(self.file, "".join(f"{line}\n" for line in lines))


class Notes:
    """billing.env and pgpass of one checkout."""

    def __init__(self, local: Path) -> None:
        self.passfile = local / "pgpass"
        self.settings = local / "billing.env"

    def values(self, name: str) -> list[str]:
        """What billing.env says of a name, each time it says something."""
        lines = Lines(self.settings).known
        return [
            line[m.end() :].strip() for line in lines if (m := NAME.match(line)) and m[1] == name
        ]

    def port(self) -> int | None:
        """Of the server; None unless billing.env leads to this machine and to our database."""
        pattern = re.escape(ADDRESS).replace(re.escape("{port}"), "([0-9]+)")
        for address in self.values("BILLING_DATABASE_URL")[-1:]:
            if (found := re.fullmatch(pattern, address)) and is_port(found[1]):
                return int(found[1])
        return None

    def web_port(self) -> int | None:
        """The port of the web application that was chosen last."""
        ports = self.values("BILLING_PORT")[-1:]
        return int(ports[0]) if ports and is_port(ports[0]) else None

    def choose_web_port(self, port: int) -> None:
        if self.web_port() != port:
            lines = Lines(self.settings)
            lines.write([*without(lines.known, "BILLING_PORT"), f"BILLING_PORT={port}"])

    def password(self, port: int) -> str | None:
        """The superuser's."""
        for line in Lines(self.passfile).known:
            if line.startswith(prefix(port)) and re.fullmatch(r"[\w-]+", line[len(prefix(port)) :]):
                return line[len(prefix(port)) :]
        return None

    def logins(self) -> list[str]:
        lines = Lines(self.passfile).known
        return [line.split(":")[3] for line in lines if line.count(":") > 3]

    def write(self, port: int, password: str) -> None:
        """Ours come first, where nothing that is broken can hide them."""
        ours = [
            f"BILLING_DATABASE_URL={ADDRESS.format(port=port)}",
            f"BILLING_PASSFILE={self.passfile}",
            *(f"BILLING_PORT={chosen}" for chosen in [self.web_port()] if chosen),
        ]
        settings, passes = Lines(self.settings), Lines(self.passfile)
        names = "BILLING_DATABASE_URL", "BILLING_PASSFILE", "BILLING_PORT"
        settings.write([*ours, *without(settings.known, *names)])
        mine = prefix(port)
        others = [x for x in passes.known if not (x.startswith(mine) or mine.startswith(x))]
        passes.write([mine + password, *others])


def prefix(port: int) -> str:
    return f"127.0.0.1:{port}:*:postgres:"


def without(lines: list[str], *names: str) -> list[str]:
    return [line for line in lines if not ((m := NAME.match(line)) and m[1] in names)]
