"""docs/counting.md is true: a test holds each rule, and statuses, states and units are those of the
database."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from app.settings import ROOT
from tests.oracle import STATUSES, STEPS
from tests.past import rows
from tests.server import Db

PAGE = ROOT / "docs/counting.md"
RULES = {*range(1, 17), *range(18, 26), 28, 29, 30, 32}
TEST = re.compile(r"`(tests/[\w/]+\.py::test_\w+)`")


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, without its head."""
    text = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def rules_with_tests() -> dict[int, list[str]]:
    return {int(rule[1:]): TEST.findall(tests) for rule, _, tests in table("The rules")}


@cache
def functions(path: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_rule_is_there_once_and_has_tests() -> None:
    rules = [int(rule[1:]) for rule, *_ in table("The rules")]
    assert rules == sorted(RULES)
    for rule, promise, tests in table("The rules"):
        assert len(promise) > 20, rule
        assert TEST.sub("", tests).strip() == "", rule
        assert TEST.findall(tests), rule


def test_every_test_that_is_named_runs() -> None:
    """It is collected, is not skipped, and says itself which rule it holds."""
    named = {test for tests in rules_with_tests().values() for test in tests}
    files = sorted({test.partition("::")[0] for test in named})
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert collected.returncode == 0, collected.stdout
    found = {line.partition("[")[0] for line in collected.stdout.splitlines()}
    assert named - found == set()
    for rule, tests in rules_with_tests().items():
        for test in tests:
            path, name = test.split("::")
            function = functions(path)[name]
            assert re.search(rf"\bR{rule}\b", ast.get_docstring(function) or ""), (rule, test)
            marks = " ".join(map(ast.unparse, function.decorator_list))
            assert "skip" not in marks and "xfail" not in marks, test


def test_tests_named_elsewhere_on_the_page_exist() -> None:
    for test in TEST.findall(PAGE.read_text()):
        path, name = test.split("::")
        assert name in functions(path), test


def test_no_other_rule_is_quoted_anywhere() -> None:
    """A number in SQL, in Python or in a test can be looked up."""
    files: list[Path] = [
        path
        for folder in ("sql", "migrations", "app", "tests", "bench")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".sql", ".py")
    ]
    quoted = {int(n) for path in files for n in re.findall(r"\bR(\d+)\b", path.read_text())}
    assert quoted - RULES == set()


def test_the_statuses_are_those_that_are_counted() -> None:
    """The oracle's words, which the tests of sql/30 hold against the database."""
    said = {
        name: dict(
            zip(
                ("counted", "not_counted", "pending"),
                (set(words.split()) for words in outcomes),
                strict=True,
            )
        )
        for name, *outcomes in table("Which rows count")
    }
    assert said == {
        name: {outcome: set(words) for outcome, words in outcomes.items()}
        for name, outcomes in STATUSES.items()
    }


def test_the_order_is_that_of_the_oracle() -> None:
    """R14: step by step, which the tests of sql/31 hold against the database."""
    said = {
        name: tuple(
            frozenset(re.findall(r"[\w-]+", step))
            for cell in cells
            for step in cell.split("→")
            if step.strip()
        )
        for name, *cells in table("In which order statuses come")
    }
    assert said == {name: tuple(map(frozenset, steps)) for name, steps in STEPS.items()}


def test_the_units_are_those_of_the_metrics(module_db: Db) -> None:
    units = set(rows(module_db, "select unit from billing.metrics"))
    counted = {unit for _, unit, *_ in table("What is counted")}
    charged = {by.partition(":")[0] for *_, by in table("What is counted") if by}
    assert counted | charged == units
    assert counted == set(rows(module_db, "select unit from billing.metrics where on_card"))


def test_the_states_are_those_of_a_day(module_db: Db) -> None:
    """As the columns and views that make them say."""
    said = {state.strip("`") for state, _ in table("What a day is")}
    (made,) = rows(
        module_db,
        "select pg_get_expr(adbin, adrelid) from pg_attrdef"
        " join pg_attribute on attrelid = adrelid and attnum = adnum"
        " where adrelid = 'data.usage_days'::regclass and attname = 'state'",
    )
    of_column = set(re.findall(r"'(\w+)'::text", made)) - {"UTC"}
    assert said == of_column | {"before_start", "missing"}
