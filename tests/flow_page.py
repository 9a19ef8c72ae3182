"""The flow in docs/architecture.md: a line per file of sql/, as its own header says it. `make docs`
writes it anew."""

import re
import textwrap

from app.settings import ROOT

PAGE = ROOT / "docs/architecture.md"
FLOW = re.compile(r"(?<=<!-- flow -->\n```text\n).*?(?=```\n)", re.DOTALL)
HEADER = re.compile(r"-- \d\d · [^:]+: (.+?)\.(?:\s|$)", re.DOTALL)


def flow() -> str:
    lines: list[str] = []
    for path in sorted((ROOT / "sql").glob("*.sql")):
        comment = path.read_text().split("\n\n")[0].replace("\n-- ", " ").replace("\n--", "")
        header = HEADER.match(comment)
        assert header, f"{path.name} begins with `-- NN · Name: what it is.`"
        lines += textwrap.wrap(f"{path.stem:<24}{header[1]}", 99, subsequent_indent=" " * 24)
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole page, with its flow as it is now."""
    return FLOW.sub(lambda _: flow(), PAGE.read_text())


if __name__ == "__main__":
    PAGE.write_text(page())
