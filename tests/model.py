"""What has to be stored and said after every step of a history, in plain Python: facts, what was
counted of them, what waits to be counted, what is published."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from tests import hosts
from tests.oracle import METRICS, ZERO, Event, Figures, Key, Rows, expected

A_DAY = timedelta(days=1)
NIGHTLY_HOUR = time(4, tzinfo=UTC)
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
    open: set[date] = field(default_factory=set)
    nights: set[datetime] = field(default_factory=set)
    new_tenants: set[UUID] = field(default_factory=set)
    published: set[date] = field(default_factory=set)
    sealed: set[date] = field(default_factory=set)
    purged: set[Key] = field(default_factory=set)
    marks: set[Mark] = field(default_factory=set)
    restatements: Counter[Restatement] = field(default_factory=Counter[Restatement])

    def __post_init__(self) -> None:
        self.new_tenants |= set(self.tenants)

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

    def arrive(self, batch: Iterable[Event], *, marked: bool = True) -> None:
        fresh = self.new(batch)
        self.events |= fresh
        if marked:
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
        """Facts that came before their tenant are looked for by the next run."""
        self.tenants.append(tenant)
        self.new_tenants.add(tenant)

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
        """Days counted whole, by the real clock long after their end."""
        self.complete |= set(days)
        self.open -= set(days)
        return self.recount_whole(days)

    def recount_whole(self, days: Collection[date]) -> int:
        self.marks = {(tenant, day) for tenant, day in self.marks if day not in days}
        return self.recount(self.tenants, days)

    def count_tenant(self, tenant: UUID, days: Collection[date]) -> int:
        """One tenant alone: no day becomes complete by that."""
        self.marks -= {(tenant, day) for day in days}
        return self.recount([tenant], days)

    def run(self, as_of: datetime, *, nightly: bool) -> None:
        """What is due and nothing else, then the night's work if nobody has done it (R3, R5)."""
        today = as_of.date()
        self.marks |= {
            (e.tenant_id, e.day)
            for e in self.events.values()
            if e.tenant_id in self.new_tenants and (e.occurred_at < as_of or e.day in self.complete)
        }
        self.new_tenants.clear()
        billed = set(between(self.billing_from, today + A_DAY))
        whole = {day for day in billed | self.open if day <= today}
        whole -= self.complete | self.sealed
        marked = [mark for mark in self.marks if mark[1] in self.complete and mark[1] <= today]
        self.recount_whole(whole)
        for tenant, day in marked:
            self.recount([tenant] if tenant in self.tenants else [], [day])
        self.marks -= set(marked)
        self.open = self.open - whole | whole & {today}
        self.complete |= whole - {today}
        night = self.night_before(as_of)
        if nightly or not any(night <= done <= as_of for done in self.nights):
            self.do_nights_work(as_of, today if nightly else night.date())
        else:
            self.publish(night.date())

    def do_nights_work(self, as_of: datetime, publish_before: date) -> None:
        """All past days are counted again, marked or not; there are fewer than 30 of them."""
        self.nights.add(as_of)
        self.recount_whole({day for day in self.complete if day < as_of.date()})
        self.publish(publish_before)
        kept = self.complete | self.open | self.sealed
        self.marks = {m for m in self.marks if m[1] >= self.billing_from or m[1] in kept}

    def publish(self, before: date) -> None:
        if self.tenants:
            self.published |= {day for day in self.complete if day < before}

    @staticmethod
    def night_before(as_of: datetime) -> datetime:
        night = datetime.combine(as_of.date(), NIGHTLY_HOUR)
        return night if night <= as_of else night - A_DAY

    def can_be_sealed(self, day: date) -> bool:
        """Billed, complete, published, right, and nothing would be lost (R20)."""
        return (
            hosts.current is hosts.OURS  # another host gives up its rows itself, or not at all
            and day >= self.billing_from
            and day in self.complete & self.published
            and not self.differences([day])
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
                waits = key in waiting or key[0] in self.new_tenants
                found |= {
                    (*key, name, old[name], new[name], waits)
                    for name in ZERO
                    if old[name] != new[name]
                }
        said = {(tenant, day) for tenant, day, *_ in found}
        return found | {(*mark, None, None, None, True) for mark in waiting - said}


def between(start: date, end: date) -> list[date]:
    """The days of [start, end)."""
    return [start + n * A_DAY for n in range((end - start).days)]
