"""A case and its floor, measured in turn: the ratio of one run is the evidence."""

import os
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Wanted = Literal["at most", "at least"]


@dataclass
class Case:
    """What is measured, beside what, and which ratio of the medians is wanted."""

    name: str
    what: str
    floor_is: str
    bar: float | None = None
    aim: float | None = None
    wanted: Wanted = "at most"
    unit: str = "ms"
    values: list[float] = field(default_factory=list[float])
    floor: list[float] = field(default_factory=list[float])

    @property
    def ratio(self) -> float:
        return statistics.median(self.values) / statistics.median(self.floor)

    @property
    def best(self) -> float:
        return min(self.values) if self.unit == "ms" else max(self.values)

    def reaches(self, mark: float | None) -> bool:
        if mark is None:
            return True
        return self.ratio <= mark if self.wanted == "at most" else self.ratio >= mark

    @property
    def verdict(self) -> str:
        if self.bar is None:
            return ""
        return "aim" if self.reaches(self.aim) else "bar" if self.reaches(self.bar) else "missed"

    def round(self, floor: Callable[[], object], work: Callable[[], object]) -> None:
        """Time the floor, then the case."""
        self.floor.append(milliseconds(floor))
        self.values.append(milliseconds(work))

    def summary(self) -> dict[str, Any]:
        """What the history keeps."""
        return {
            "name": self.name,
            "what": self.what,
            "floor is": self.floor_is,
            "unit": self.unit,
            "median": round(statistics.median(self.values), 3),
            "best": round(self.best, 3),
            "floor median": round(statistics.median(self.floor), 3),
            "ratio": round(self.ratio, 3),
            "wanted": self.wanted,
            "bar": self.bar,
            "aim": self.aim,
            "verdict": self.verdict,
            "values": [round(value, 3) for value in self.values],
            "floor": [round(value, 3) for value in self.floor],
        }


def milliseconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def computed(pid: int) -> float:
    """Seconds of processor time of a process and of its children, those that are gone included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    seconds = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    for child in children(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            seconds += computed(child)
    return seconds


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
