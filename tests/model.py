"""What has to be stored and said after every step of a history, in plain Python: facts, what was
counted of them, what waits to be counted."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from tests import hosts
from tests.oracle import METRICS, ZERO, Event, Figures, Key, Rows, expected

A_DAY = timedelta(days=1)
Mark = tuple[UUID, date]
Difference = tuple[UUID, date, str | None, int | None, int | None, bool]
Restatement = tuple[UUID, date, str, int, int]


@dataclass
class Model:
    """Every day of it is past to the real clock, so every change leaves a mark (R3)."""

    billing_from: date
    tenants: list[UUID]
    events: dict[Key, Event] = field(default_factory=dict)
    counted: Rows = field(default_factory=dict)
    complete: set[date] = field(default_factory=set)
    published: set[date] = field(default_factory=set)
    sealed: set[date] = field(default_factory=set)
    purged: set[Key] = field(default_factory=set)
    marks: set[Mark] = field(default_factory=set)
    restatements: Counter[Restatement] = field(default_factory=Counter[Restatement])

    def new(self, batch: Iterable[Event]) -> dict[Key, Event]:
        """Ids that are known already are repeated webhooks: the first fact stays (R16, R18)."""
        fresh: dict[Key, Event] = {}
        for event in batch:
            if (key := hosts.current.key(event)) not in self.events:
                fresh.setdefault(key, event)
        return fresh

    def refuses(self, new: Event) -> bool:
        """Its day is sealed, or its id was given up with another one (R18, R21)."""
        return new.day in self.sealed or hosts.current.key(new) in self.purged

    def arrive(self, batch: Iterable[Event]) -> None:
        fresh = self.new(batch)
        self.events |= fresh
        self.marks |= {(event.tenant_id, event.day) for event in fresh.values()}

    def replace(self, old: Event, new: Event) -> None:
        del self.events[hosts.current.key(old)]
        self.events[hosts.current.key(new)] = new
        self.marks |= {(old.tenant_id, old.day), (new.tenant_id, new.day)}

    def remove(self, gone: Iterable[Event]) -> None:
        for event in gone:
            del self.events[hosts.current.key(event)]
            self.marks.add((event.tenant_id, event.day))

    def add_tenant(self, tenant: UUID) -> None:
        """Facts that came before their tenant are due from now on."""
        self.tenants.append(tenant)
        self.marks |= {(tenant, e.day) for e in self.events.values() if e.tenant_id == tenant}

    def recount(self, tenants: Collection[UUID], days: Collection[date]) -> int:
        """Rows that counting has to change: those that differ, the vanished ones to 0 (R1, R2)."""
        truth, changed = self.truth(), 0
        for tenant, day in truth.keys() | self.counted.keys():
            if tenant in tenants and day in days:
                row = truth.get((tenant, day), ZERO)
                changed += self.counted.get((tenant, day)) != row
                self.restate(tenant, day, self.counted.get((tenant, day), ZERO), row)
                self.counted[tenant, day] = row
        return changed

    def restate(self, tenant: UUID, day: date, old: Figures, new: Figures) -> None:
        """After its first night every change of a number is kept."""
        if day in self.published:
            names = [name for name in METRICS if old[name] != new[name]]
            self.restatements.update((tenant, day, name, old[name], new[name]) for name in names)

    def count(self, days: Collection[date]) -> int:
        """Days counted whole, now."""
        self.marks = {(tenant, day) for tenant, day in self.marks if day not in days}
        self.complete |= set(days)
        return self.recount(self.tenants, days)

    def count_tenant(self, tenant: UUID, days: Collection[date]) -> int:
        """One tenant alone: no day becomes complete by that."""
        self.marks -= {(tenant, day) for day in days}
        return self.recount([tenant], days)

    def run(self, as_of: datetime, *, nightly: bool) -> None:
        """Afterwards nothing is due: what was not marked was right already (R3, R5)."""
        today = as_of.date()
        days = [day for day in between(self.billing_from, today + A_DAY) if day not in self.sealed]
        first = self.billing_from if nightly else date.min
        self.marks = {mark for mark in self.marks if mark[1] not in days and mark[1] >= first}
        self.complete |= set(days) - {today}
        self.recount(self.tenants, days)
        if nightly:
            self.published |= {day for day in self.complete if day < today}

    def can_be_sealed(self, day: date) -> bool:
        """Complete, published by a night, nothing waits, nothing would be lost (R20)."""
        return (
            hosts.current is hosts.OURS  # another host gives up its rows itself, or not at all
            and day in self.complete & self.published
            and all(marked != day for _, marked in self.marks)
            and all(e.tenant_id in self.tenants for e in self.events.values() if e.day == day)
        )

    def seal(self, day: date) -> int:
        """Its rows go, its numbers stay; returns how many rows."""
        gone = [key for key, event in self.events.items() if event.day == day]
        for key in gone:
            del self.events[key]
        self.purged.update(gone)
        self.complete.remove(day)
        self.sealed.add(day)
        return len(gone)

    def truth(self) -> Rows:
        return expected(self.events.values(), self.tenants)

    def differences(self, days: Collection[date]) -> set[Difference]:
        """What verifying complete days has to say: every figure that waits to be counted, and who
        waits without a difference."""
        truth, found = self.truth(), set[Difference]()
        waiting = {mark for mark in self.marks if mark[1] in days and mark[1] in self.complete}
        for key in truth.keys() | self.counted.keys():
            if key[1] in days and key[1] in self.complete:
                old, new = self.counted.get(key, ZERO), truth.get(key, ZERO)
                found |= {
                    (*key, name, old[name], new[name], key in waiting)
                    for name in ZERO
                    if old[name] != new[name]
                }
        said = {(tenant, day) for tenant, day, *_ in found}
        return found | {(*mark, None, None, None, True) for mark in waiting - said}


def between(start: date, end: date) -> list[date]:
    """The days of [start, end)."""
    return [start + n * A_DAY for n in range((end - start).days)]
