"""What may stand in the parameters of the API: exactly what the routes and the database accept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.api_schemas import Metrics, Schema
from app.explain import REASONS


@dataclass(frozen=True)
class Choices:
    """Values that the database knows."""

    metrics: Metrics
    plans: Sequence[str]
    columns: Sequence[str]


PERIOD = "(?!0000)[0-9]{4}-(0[1-9]|1[0-2])"
DAY: Schema = {
    "type": "string",
    "format": "date",
    "pattern": "^(?!0000|9999-12-31)[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "examples": ["2026-11-21"],
}


def parameter(path: str, described: Schema, choices: Choices) -> Schema:
    """The description of a parameter with the schema of what is accepted."""
    name = described["name"]
    # where a form may send an empty field, that is as good as none
    period = f"^({PERIOD})?$" if "/tenants" in path else f"^{PERIOD}$"
    accepted: dict[str, Schema] = {
        "period": {"type": "string", "pattern": period, "examples": ["2026-11"]},
        "date": DAY,
        "from": DAY,
        "to": DAY,
        "metric": _one_of(metric["json_name"] for metric in choices.metrics),
        "reason": _one_of(REASONS),
        "q": {"type": "string", "maxLength": 200, "pattern": r"^[^\x00]*$"},
        "plan": _one_of(["", *choices.plans]),
        "status": _one_of(["", "active", "suspended"]),
        "show": _one_of(["", "over", "near", "growing", "quiet"]),
        "sort": _one_of(["", *choices.columns]),
        "dir": _one_of(["", "asc", "desc"]),
    }
    return described | {"schema": accepted.get(name, described["schema"])}


def _one_of(values: Iterable[str]) -> Schema:
    return {"type": "string", "enum": list(values)}
