"""The help of the `billing` command: every verb in its place, with examples that can be typed."""

import json
import re
import shlex

import click
import pytest
from click.testing import CliRunner

from app import check
from app.cli import main
from app.cli_manual import EXAMPLES, SECTIONS
from app.errors import EXIT_CODES
from tests.command_line import DONE, FINDING, Billing
from tests.command_page import verbs

VERBS = dict(verbs())


def test_every_verb_stands_in_one_section() -> None:
    listed = [name for names in SECTIONS.values() for name in names]
    assert sorted(listed) == sorted(main.commands)


def test_every_verb_has_examples() -> None:
    assert set(EXAMPLES) == set(VERBS)
    for name, command in VERBS.items():
        said = CliRunner().invoke(main, [*name.split(), "--help"])
        assert said.exit_code == 0
        for typed, what in EXAMPLES[name]:
            assert f"    # {what}\n    {typed}\n" in said.stdout, name
        assert command.help and command.help.count(".")


@pytest.mark.parametrize("typed", [typed for pairs in EXAMPLES.values() for typed, _ in pairs])
def test_an_example_can_be_typed(typed: str) -> None:
    """Its words are what the verb takes; a mistake in them is exit code 2."""
    first, *words = shlex.split(typed)
    assert first == "billing"
    group: click.Command = main
    while isinstance(group, click.Group):
        group = group.commands[words.pop(0)]
    if "--help" not in words:
        group.make_context(typed, words)


def test_the_page_tells_the_exit_codes() -> None:
    said = CliRunner().invoke(main, ["--help"]).stdout
    plain = re.sub(r"\s+", " ", said)
    for code, meaning in EXIT_CODES.items():
        assert f" {code} {meaning}" in plain
    assert "..." not in said.replace("[ARGS]...", "")


def test_check_as_json(billing: Billing, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a program: the same troubles, the same exit code."""
    sound = billing("check", "--json")
    assert sound.exit_code == DONE
    said = json.loads(sound.stdout)
    assert said["sound"] is True
    assert [entry["kind"] for entry in said["troubles"]] == ["advice"]
    trouble = check.Trouble("finding", "something", "Mend it.")
    monkeypatch.setattr(check, "check", lambda _: [trouble])
    broken = billing("check", "--json")
    assert broken.exit_code == FINDING
    assert json.loads(broken.stdout) == {
        "sound": False,
        "troubles": [{"kind": "finding", "object": "something", "whatToDo": "Mend it."}],
    }
