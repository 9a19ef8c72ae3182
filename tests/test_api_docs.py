"""The description of the API: of what is counted, as the database says, and true of the answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from tests.browsing import SUMMARY, Browser, bearer, browsing
from tests.past import rows
from tests.people import People

DOCUMENT = "/schema/openapi.json"


@pytest.fixture(scope="module")
def browser(people: People) -> Iterator[Browser]:
    with browsing(people.db) as browser:
        yield browser


def described(browser: Browser, people: People) -> dict[str, Any]:
    response = browser.get(DOCUMENT, headers=bearer(people.token("root")))
    assert response.status_code == 200, response.text
    return response.json()


def test_metrics_and_limits_are_those_of_the_view(browser: Browser, people: People) -> None:
    """Each with its label and its unit."""
    schemas = described(browser, people)["components"]["schemas"]
    metrics = rows(
        people.db, "select json_name, label, unit, limit_json_name from metrics order by sort_order"
    )
    names = [name for name, *_ in metrics]
    assert list(schemas["UsageTotals"]["properties"]) == names
    assert schemas["UsageTotals"]["required"] == names
    assert list(schemas["UsageDay"]["properties"]) == ["date", "state", *names]
    assert list(schemas["PlanLimits"]["properties"]) == [limit for *_, limit in metrics if limit]
    for name, label, unit, _ in metrics:
        said = schemas["UsageTotals"]["properties"][name]["description"]
        assert said.startswith(f"{label}, in {unit}. ")


def test_the_answer_is_as_described(browser: Browser, people: People) -> None:
    document = described(browser, people)
    schema = document | {"$ref": "#/components/schemas/UsageSummary"}
    validator = Draft202012Validator(schema)
    answer = browser.get(SUMMARY, headers=bearer(people.token())).json()
    assert list(validator.iter_errors(answer)) == []
    answer["totalsForPeriod"]["smsOutboundCount"] = "7"
    del answer["dailyUsage"][3]["aiRequests"]
    assert len(list(validator.iter_errors(answer))) == 2


def test_refusals_are_described(browser: Browser, people: People) -> None:
    """And none that no route gives."""
    answers = described(browser, people)["paths"][SUMMARY]["get"]["responses"]
    assert set(answers) == {"200", "401", "403", "404", "422", "503"}
    for status, answer in answers.items():
        kind, name = (
            ("application/json", "UsageSummary")
            if status == "200"
            else ("application/problem+json", "Problem")
        )
        assert answer["content"][kind]["schema"] == {"$ref": f"#/components/schemas/{name}"}


def test_whoever_is_not_root_learns_nothing_of_it(browser: Browser, people: People) -> None:
    assert browser.get(DOCUMENT, headers=bearer(people.token())).status_code == 403
    assert browser.get(DOCUMENT).status_code == 401
