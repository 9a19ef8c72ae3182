"""The one way from a command to its output: line by line, with nothing in it that acts."""

import json
import sys
from typing import Any

import click

from app.visible import visible


def say(*lines: object, err: bool = False) -> None:
    """Write each as a line of its own; a newline within one is shown and not obeyed.

    What the output's encoding does not have is spelled out, too.
    """
    encoding = (sys.stderr if err else sys.stdout).encoding
    for line in lines:
        shown = visible(str(line)).encode(encoding, "backslashreplace").decode(encoding)
        click.echo(shown, err=err)


def say_document(document: Any) -> None:
    """Write it as JSON in ASCII: everything else in it is escaped."""
    click.echo(json.dumps(document, ensure_ascii=True, default=str, indent=2))


def say_file(text: str) -> None:
    """Write a file as it is; what makes files made its cells harmless (app.csv_text)."""
    click.echo(text, nl=False)
