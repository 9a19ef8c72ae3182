"""How `billing --help` reads: verbs by purpose, an example for each, the exit codes.

docs/commands.md is made from the same words (`make docs`).
"""

from typing import Any

import click

from app.errors import EXIT_CODES
from app.visible import visible

SECTIONS: dict[str, tuple[str, ...]] = {
    "Install and look after": ("migrate", "check", "settings", "retention"),
    "Count": ("run", "aggregate"),
    "Prove": ("verify", "explain", "quality"),
    "People": ("user", "session"),
    "Serve and show": ("serve", "demo"),
}

# What to type, and what it is for; a tenant's id stands for any.
EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "migrate": (("billing migrate", "at every deployment; a second time it changes nothing"),),
    "check": (
        ("billing check", "is the database what this checkout says, and sound?"),
        ("billing check --json", "the same for a program"),
    ),
    "settings": (
        ("billing settings", "every setting with its meaning"),
        ("billing settings nightly_hour_utc 3", "the nightly run at 03:00 UTC"),
        ("billing settings raw_retention_days ''", "keep raw rows for ever"),
    ),
    "retention": (
        ("billing settings raw_retention_days 400", "switch it on: keep raw rows for 400 days"),
        ("billing retention --dry-run", "which days would be sealed?"),
        ("billing retention", "seal them and delete their raw rows"),
    ),
    "run": (
        ("billing run", "count what is due, now"),
        ("billing run --trigger cron", "from a scheduler of yours, every 5 minutes"),
    ),
    "aggregate": (
        ("billing aggregate 2026-11-21", "recount one day"),
        ("billing aggregate 2026-11-01 2026-11-21", "recount three weeks, both ends included"),
        ("billing aggregate 2026-11-01 2026-11-21 --dry-run", "what would change?"),
        ("billing aggregate 2026-01-01 2026-11-21 --jobs 2", "a back-fill in two sessions"),
        (
            "billing aggregate 2026-11-21 --tenant 6f7e1c1e-0000-4000-8000-000000000001",
            "one tenant only",
        ),
    ),
    "verify": (
        ("billing verify 2026-11-01 2026-11-21", "are the stored numbers what the rows say?"),
        ("billing verify 2026-11-01 2026-11-21 --json", "the same for a program"),
    ),
    "explain": (
        (
            "billing explain 6f7e1c1e-0000-4000-8000-000000000001 2026-11-21 sms_outbound_count",
            "the rows that make up a number, and those that do not count",
        ),
        (
            "billing explain 6f7e1c1e-0000-4000-8000-000000000001 2026-11-21 emails_sent --csv",
            "all of them, as CSV",
        ),
    ),
    "quality": (
        ("billing quality", "which kinds of questionable facts are there?"),
        ("billing quality unclassified", "the rows of one kind"),
    ),
    "user add": (
        (
            "billing user add you@example.org --role root",
            "the first root user; asks for a password",
        ),
        (
            "billing user add ann@example.org --role owner"
            " --tenant 6f7e1c1e-0000-4000-8000-000000000001",
            "an owner of a tenant",
        ),
    ),
    "user passwd": (("billing user passwd ann@example.org", "another password, sessions end"),),
    "user disable": (("billing user disable ann@example.org", "no more signing in"),),
    "user enable": (("billing user enable ann@example.org", "signing in is possible again"),),
    "user list": (("billing user list", "everybody"),),
    "session": (
        ("billing session owner@demo.example", "a token for 15 minutes, and the line for psql"),
    ),
    "serve": (
        ("billing serve", "the web application on BILLING_HOST and BILLING_PORT"),
        ("billing serve --workers 2", "in two processes"),
    ),
    "demo": (
        ("billing demo", "40 tenants, 120 days; again: what came since"),
        ("billing demo --tenants 500 --events 1000000", "about a million rows"),
    ),
}


class Manual(click.Group):
    """The `billing` command with a help page in sections."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, names in SECTIONS.items():
            verbs = [(name, self.commands[name]) for name in names if name in self.commands]
            if verbs:
                with formatter.section(title):
                    formatter.write_dl([(n, verb.get_short_help_str(200)) for n, verb in verbs])
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])
        with formatter.section("Begin"):
            formatter.write_dl(
                [
                    ("make run", "everything on this machine, with demo data"),
                    ("billing VERB --help", "what a verb does, with examples"),
                ]
            )

    def invoke(self, ctx: click.Context) -> Any:
        """What click refuses of a command line it quotes: on one line, nothing in it acting."""
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise click.UsageError(visible(error.format_message()), error.ctx) from None

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        super().add_command(cmd, name)
        _exemplify(cmd, str(name or cmd.name))


def _exemplify(command: click.Command, verb: str) -> None:
    """Let the help of a verb, and of every verb below it, end with its examples."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            _exemplify(below, f"{verb} {name}")
    elif verb in EXAMPLES:
        lines = "\n".join(f"  # {what}\n  {typed}" for typed, what in EXAMPLES[verb])
        command.epilog = f"\b\nExamples:\n{lines}"
