"""How much is measured: the default fits into three minutes, `full` is the published table."""

import argparse
from dataclasses import asdict, dataclass, fields, replace


@dataclass(frozen=True)
class Sizes:
    """Events are rows of the four sources; a tenant-day is a row of billing_usage_daily."""

    rows_a_day: int
    days: int
    tenants: int
    rounds: int
    """Of the cases of one day; a back-fill has three, or more if they are many."""
    read_tenants: tuple[int, ...]
    """How many tenants the pages are read with, in turn."""
    read_days: int
    months: tuple[int, ...]
    """Lengths of history between which the cost of a day must not grow."""
    growth_rows_a_day: int
    idle_tenants: tuple[int, ...]
    """Tenants without a row, between which the cost of a day must not grow."""
    load_seconds: int
    """Of each load on the web application."""


SMALL = Sizes(
    rows_a_day=125_000,  # as many to a tenant as in the published table
    days=8,
    tenants=3_000,
    rounds=5,
    read_tenants=(5_000,),
    read_days=65,
    months=(1, 6, 24),
    growth_rows_a_day=1_000,
    idle_tenants=(500, 5_000, 50_000),
    load_seconds=2,
)
FULL = replace(
    SMALL,
    rows_a_day=222_000,
    days=90,
    tenants=5_000,
    rounds=7,
    read_tenants=(5_000, 50_000),
    read_days=400,
    growth_rows_a_day=10_000,
    load_seconds=10,
)
PARTS = ("counting", "reads", "web", "growth")


@dataclass(frozen=True)
class Asked:
    size: str
    sizes: Sizes
    parts: frozenset[str]
    publish: bool


def parse() -> Asked:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="make bench BENCH='…'",
        description="Measure every case beside its floor; print the ratios and keep them.",
    )
    parser.add_argument("size", nargs="?", choices=("small", "full"), default="small")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; repeatable")
    parser.add_argument("--publish", action="store_true", help="into docs/performance.md")
    numbers = [field.name for field in fields(Sizes) if field.type is int]
    for name in numbers:
        parser.add_argument(f"--{name.replace('_', '-')}", type=positive, metavar="N")
    given = vars(parser.parse_args())
    changes = {name: given[name] for name in numbers if given[name] is not None}
    sizes = replace(FULL if given["size"] == "full" else SMALL, **changes)
    return Asked(given["size"], sizes, frozenset(given["only"] or PARTS), given["publish"])


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return number


def words(sizes: Sizes) -> dict[str, object]:
    """For the record."""
    return {name.replace("_", " "): value for name, value in asdict(sizes).items()}
