"""A progress line on a terminal, nothing in a pipe."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.visible import visible

Advance = Callable[..., None]


@contextmanager
def bar(unit: str, total: int | None) -> Generator[Advance]:
    """Yield `advance(done, total=None, note="")`; shows done, total and time left."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as display:
        task = display.add_task(unit, total=total, note="")

        def advance(done: int, total: int | None = None, note: str = "") -> None:
            display.update(task, completed=done, note=visible(note))
            if total is not None:
                display.update(task, total=total)

        yield advance
