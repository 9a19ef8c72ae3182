"""What can happen to facts: hypothesis draws it, the model keeps what has to come of it."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from psycopg import errors

from tests import drawn, facts, hosts
from tests.drawn import BILLING_FROM, STRANGER, TENANTS
from tests.facts import Connection
from tests.model import Model
from tests.oracle import Event
from tests.server import Db


def start_over(host: Connection) -> None:
    facts.wipe(host)
    facts.bill_from(host, BILLING_FROM)
    host.execute("update data.settings set raw_retention_days = 100")
    facts.add_tenants(host, ids=TENANTS)


class Facts(RuleBasedStateMachine):
    """Facts arrive, repeat themselves, come late, are corrected, move and go."""

    there_are_facts = precondition(lambda self: self.model.events)

    def __init__(self, db: Db) -> None:
        super().__init__()
        self.model = Model(BILLING_FROM, list(TENANTS))
        self.connect(db)
        start_over(self.host)

    def connect(self, db: Db) -> None:
        """Go on with the sessions of this database."""
        self.db, self.stack = db, ExitStack()
        logins = ("postgres", hosts.current.writer, "billing_operator")
        self.host, self.ingest, self.operator = (
            self.stack.enter_context(db.connect(login)) for login in logins
        )

    def teardown(self) -> None:
        self.stack.close()

    def some_events(self, data: st.DataObject) -> list[Event]:
        events = self.model.events
        keys = st.lists(st.sampled_from(sorted(events)), unique=True, min_size=1, max_size=5)
        return [events[key] for key in data.draw(keys)]

    @initialize(batch=drawn.batches)
    def facts_are_there(self, batch: list[Event]) -> None:
        self.facts_arrive(batch)

    @rule(batch=drawn.batches)
    def facts_arrive(self, batch: list[Event]) -> None:
        """One that is new and of a sealed day, or that was given up, is refused, and all that came
        with it (R18, R21)."""
        if any(map(self.model.refuses, self.model.new(batch).values())):
            with pytest.raises(errors.ObjectNotInPrerequisiteState):
                facts.insert(self.ingest, *batch, keep_first=True)
            return
        facts.insert(self.ingest, *batch, keep_first=True)
        self.model.arrive(batch)

    @there_are_facts
    @rule(data=st.data(), times=st.integers(1, 4))
    def webhooks_repeat_themselves(self, data: st.DataObject, times: int) -> None:
        facts.insert(self.ingest, *self.some_events(data) * times, keep_first=True)

    @there_are_facts
    @rule(data=st.data(), batch=drawn.batches)
    def a_known_id_comes_with_other_content(self, data: st.DataObject, batch: list[Event]) -> None:
        fresh = [event for event in batch if not self.model.refuses(event)]
        with pytest.raises(errors.UniqueViolation):
            facts.insert(self.ingest, *fresh, *self.some_events(data))

    @precondition(lambda self: self.model.complete | self.model.sealed)
    @rule(data=st.data(), late=drawn.events)
    def a_late_fact_arrives(self, data: st.DataObject, late: Event) -> None:
        day = data.draw(st.sampled_from(sorted(self.model.complete | self.model.sealed)))
        self.facts_arrive([drawn.on(day, late)])

    @there_are_facts
    @rule(data=st.data())
    def the_provider_tells_more(self, data: st.DataObject) -> None:
        for event in self.some_events(data):
            columns = {"status": drawn.statuses(event.table)} | drawn.told[type(event)]
            changes = data.draw(st.fixed_dictionaries({}, optional=columns).filter(bool))
            self.model.replace(event, facts.update(self.ingest, event, **changes))

    @there_are_facts
    @rule(data=st.data(), at=drawn.instants, owner=drawn.owners)
    def facts_move(self, data: st.DataObject, at: datetime, owner: UUID) -> None:
        """To another tenant and day, or to another day only where the id is taken."""
        for event in self.some_events(data):
            where: dict[str, Any] = {"occurred_at": at, "tenant_id": owner}
            taken = self.model.events.keys() - {hosts.current.key(event)}
            while hosts.current.key(replace(event, **where)) in taken:
                where.popitem()
            if where and self.model.refuses(replace(event, **where)):
                with pytest.raises(errors.ObjectNotInPrerequisiteState):
                    facts.update(self.host, event, **where)
            elif where:
                self.model.replace(event, facts.update(self.host, event, **where))

    @there_are_facts
    @rule(data=st.data(), whole_days=st.booleans())
    def facts_go(self, data: st.DataObject, whole_days: bool) -> None:
        """Some, or all that their tenants have on their days."""
        gone = self.some_events(data)
        if whole_days:
            days = {(event.tenant_id, event.day) for event in gone}
            gone = [e for e in self.model.events.values() if (e.tenant_id, e.day) in days]
        facts.delete(self.host, *gone)
        self.model.remove(gone)

    @precondition(lambda self: STRANGER not in self.model.tenants)
    @rule()
    def a_stranger_becomes_a_tenant(self) -> None:
        facts.add_tenants(self.ingest, ids=[STRANGER])
        self.model.add_tenant(STRANGER)

    @rule(start=st.sampled_from(drawn.STARTS))
    def billing_starts_elsewhere(self, start: date) -> None:
        """Forth and back; what was counted once stays counted."""
        facts.bill_from(self.host, start)
        self.model.billing_from = start

    @rule(batch=drawn.batches)
    def facts_slip_in(self, batch: list[Event]) -> None:
        """As `pg_restore --disable-triggers` writes them: no marker, and nobody is refused."""
        batch = [event for event in batch if not self.model.refuses(event)]
        if batch:
            with facts.without_triggers(self.host, *batch):
                facts.insert(self.host, *batch, keep_first=True)
            self.model.arrive(batch, marked=False)

    @rule(zone=st.sampled_from(drawn.ZONES))
    def sessions_travel(self, zone: str) -> None:
        for session in (self.host, self.ingest, self.operator):
            session.execute("select set_config('TimeZone', %s, false)", [zone])
