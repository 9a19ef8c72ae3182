"""docs/database.md names every variable of the environment, and no other."""

import re

from app.settings import LOGINS, ROOT

VARIABLE = re.compile(r"\bBILLING_[A-Z_]+\b")


def test_every_variable_is_in_the_table() -> None:
    read = set(VARIABLE.findall((ROOT / "app/settings.py").read_text()))
    read |= {f"BILLING_{login.upper()}_URL" for login in LOGINS}
    page = (ROOT / "docs/database.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `BILLING_")]
    named = {name for row in rows for name in VARIABLE.findall(row)}
    assert named == read
