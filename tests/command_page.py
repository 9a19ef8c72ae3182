"""docs/commands.md: what `billing --help` says, as a page. `make docs` writes it anew."""

import inspect
from collections.abc import Iterator

import click

from app.cli import main
from app.cli_manual import EXAMPLES
from app.errors import EXIT_CODES
from app.settings import ROOT

PAGE = ROOT / "docs/commands.md"
HEAD = """# Commands

Generated from `billing --help` by `make docs`; `make check` says when it is out of date. Dates are
UTC days, and a range includes both its ends. What `make` can do is listed by `make help`.

## Exit codes

The same for every verb.

| code | meaning |
|---|---|
"""


def verbs(group: click.Group = main, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every verb that does something, by its whole name."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def entry(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    words = " ".join(command.collect_usage_pieces(context))
    options = [record for p in command.params if (record := p.get_help_record(context))]
    table = "".join(f"| `{option}` | {text} |\n" for option, text in options)
    examples = "".join(f"# {what}\n{typed}\n" for typed, what in EXAMPLES.get(name, ()))
    purpose = inspect.cleandoc(command.help or "")
    return (
        f"\n## billing {name}\n\n`billing {name} {words}`\n\n{purpose}\n"
        + (f"\n| option | meaning |\n|---|---|\n{table}" if table else "")
        + "\n<!-- not run: tests/test_cli_manual.py parses the examples of every verb -->\n"
        + f"```sh\n{examples}```\n"
    )


def page() -> str:
    """The whole page."""
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    return HEAD + codes + "".join(entry(name, command) for name, command in verbs())


if __name__ == "__main__":
    PAGE.write_text(page())
