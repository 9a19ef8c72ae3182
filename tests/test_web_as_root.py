"""What root reads of one tenant: the same as the tenant itself, and on record."""

from tests.browsing import Browser, bearer
from tests.past import rows
from tests.people import FOREIGN_SEGMENTS, People


def test_the_file_of_a_tenant(browser: Browser, people: People) -> None:
    """The very file that the tenant gets; whoever else asks gets none, and leaves no record."""
    path = f"/api/admin/billing/usage/daily.csv?tenantId={people.foreign}"
    audits = "select event from data.audit_events where tenant_id = %s order by id"
    before = rows(people.db, audits, people.foreign)
    for role, whose in (("owner", people.own), ("owner", people.foreign), ("member", people.own)):
        assert browser.get(path, headers=bearer(people.token(role, whose))).status_code == 403
    assert rows(people.db, audits, people.foreign) == before
    file = browser.get(path, headers=bearer(people.token("root")))
    own = browser.get(
        "/api/billing/usage/daily.csv", headers=bearer(people.token("owner", people.foreign))
    )
    assert file.status_code == own.status_code == 200
    assert str(FOREIGN_SEGMENTS) in file.text
    for name in ("content-type", "content-disposition"):
        assert file.headers[name] == own.headers[name]
    assert file.text == own.text
    assert rows(people.db, audits, people.foreign) == [*before, "tenant usage exported"]
    months = {"period=1999-01": 404, "period=x": 422, "period=": 422}
    for query, status in months.items():
        answer = browser.get(f"{path}&{query}", headers=bearer(people.token("root")))
        assert answer.status_code == status
