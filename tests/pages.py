"""The written pages of this repository, README.md, replit.md and docs/, as headings and blocks."""

import re
from dataclasses import dataclass
from pathlib import Path

from app.settings import ROOT

FENCE = re.compile(r"^```(\S*)\s*$")
HEADING = re.compile(r"^#{1,6} (.+?)\s*$")
NOT_RUN = re.compile(r"^<!-- not run: (.+) -->$")


@dataclass(frozen=True)
class Block:
    """What stands between two fences."""

    page: str
    line: int
    heading: str
    language: str
    text: str
    not_run: str | None
    """The reason in the comment above it, if it is not to be run."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every page, the reader's way through them."""
    return [ROOT / "README.md", ROOT / "replit.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    found: list[Block] = []
    heading, before, start, language, reason = "", "", 0, "", None
    lines: list[str] | None = None
    for number, line in enumerate((ROOT / page).read_text().splitlines(), start=1):
        fence = FENCE.match(line)
        if lines is None and fence:
            lines, start, language = [], number, fence[1]
            reason = NOT_RUN.match(before)
        elif lines is not None and line == "```":
            text = "\n".join(lines) + "\n"
            not_run = reason[1] if reason else None
            found.append(Block(page, start, heading, language, text, not_run))
            lines = None
        elif lines is not None:
            lines.append(line)
        elif title := HEADING.match(line):
            heading = title[1]
        before = line or before
    return found


def section(page: str, heading: str, language: str) -> list[str]:
    """The blocks of one language under a heading."""
    return [b.text for b in blocks(page) if (b.heading, b.language) == (heading, language)]
