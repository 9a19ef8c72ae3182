"""The figures of docs/performance.md, out of kept runs: `python -m bench.publish FILE…`."""

import json
import sys
from pathlib import Path
from typing import Any

from bench import curves, report

PAGE = report.ROOT / "docs/performance.md"
IMAGE = report.ROOT / "docs/images/growth.svg"
BEGIN, END = "<!-- figures: make bench BENCH='full --publish' -->", "<!-- end of figures -->"
HEAD = "| | case | beside | floor | median | best | ratio | bar | aim | |\n" + "|---" * 10 + "|"


def publish(files: list[Path]) -> None:
    """Write the runs' figures between the page's two marks, and draw the curves of the last."""
    records = [json.loads(file.read_text()) for file in files]
    for record in records:
        if record["curves"]:
            IMAGE.parent.mkdir(exist_ok=True)
            IMAGE.write_text(curves.draw(record["curves"]))
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    figures = "\n\n".join(section(record) for record in records)
    PAGE.write_text(f"{before}{BEGIN}\n{figures}\n{END}{after}")


def section(record: dict[str, Any]) -> str:
    lines = [
        f"**{record['at'][:16].replace('T', ' ')} UTC** · {report.line(record['machine'])}  ",
        report.line(record["sizes"]),
        "",
        HEAD,
        *(f"| {' | '.join(report.cells(case))} |" for case in record["cases"]),
        "",
        *(f"- {name}: {report.words(fact)}" for name, fact in record["facts"].items()),
        *(f"- {name}: {fact}" for name, fact in record["slopes"].items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    publish([Path(name) for name in sys.argv[1:]])
