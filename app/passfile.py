"""The password file of libpq, as far as it is about our logins on one server."""

import re
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

FIELD = re.compile(r"(?<!\\):")


class Passfile:
    """Roles belong to a whole server, and so do its lines: they hold for every database."""

    def __init__(self, path: Path, admin: str) -> None:
        where = conninfo_to_dict(admin)
        self.path = path
        self._host = str(where.get("host") or "localhost")
        self._port = str(where.get("port") or 5432)

    def passwords(self, role: str) -> list[str]:
        """Those of a login, for whatever database, in the order of the file."""
        return [fields[4] for fields in map(_fields, self._lines()) if self._is_of(fields, role)]

    def write(self, role: str, password: str) -> None:
        """Enter the password of a login in the place of what the file says of it."""
        ours = (self._host, self._port, "*", role, password)
        line = ":".join(re.sub(r"([:\\])", r"\\\1", field) for field in ours)
        lines = self._lines()
        others = [line for line in lines if not self._is_of(_fields(line), role)]
        if line in lines and len(lines) == len(others) + 1:
            return
        draft = self.path.with_name(f"{self.path.name}.new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text("\n".join([*others, line]) + "\n")
        draft.replace(self.path)

    def _lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []

    def _is_of(self, fields: list[str], role: str) -> bool:
        return len(fields) == 5 and [*fields[:2], fields[3]] == [self._host, self._port, role]


def _fields(line: str) -> list[str]:
    return [re.sub(r"\\(.)", r"\1", field) for field in FIELD.split(line, maxsplit=4)]
