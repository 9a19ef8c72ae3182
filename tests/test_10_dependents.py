"""What a host has built on objects of ours stops the rebuild; nothing of it is dropped silently."""

import re

import pytest

from app.errors import REFUSED, Problem
from tests.past import rows, value
from tests.releases import FINGERPRINT, build, force_rebuild, migrate
from tests.server import Db

# what a host may have built on billing's objects → how the refusal calls it
DEPENDENTS = {
    "alter table data.plans add constraint mine check (billing.utc_day(now()) is not null)": (
        "constraint mine on table plans"
    ),
    "create view host.v as select * from billing.metrics": "rule _RETURN on view host.v",
    "create materialized view host.m as select name from billing.metrics": (
        "rule _RETURN on materialized view host.m"
    ),
    "create table host.d (d date default billing.utc_day(now()))": (
        "default value for column d of table host.d"
    ),
    "create table host.g (at timestamptz,"
    " d date generated always as (billing.utc_day(at)) stored)": (
        "default value for column d of table host.g"
    ),
    "create index mine on data.messages (billing.utc_day(occurred_at))": "index mine",
    "create index part on data.calls (tenant_id)"
    " where billing.call_outcome(status, is_test) = 'counted'": "index part",
    "create statistics host.s on billing.utc_day(occurred_at), tenant_id from data.emails": (
        "statistics object host.s"
    ),
    "create table host.t (kinds billing.usage_kind[])": "column kinds of table host.t",
    "create table host.r (metric billing.metrics)": "column metric of table host.r",
    "create function host.a(k billing.usage_kind) returns int language sql as 'select 1'": (
        "function host.a(usage_kind)"
    ),
    "create function host.b() returns date language sql return billing.utc_day(now())": (
        "function host.b()"
    ),
    "create domain host.o as billing.usage_kind": "type host.o",
    "create table host.p (id uuid); create policy mine on host.p"
    " using (id = billing.current_tenant_id())": "policy mine on table host.p",
    "create trigger mine before truncate on host.p"
    " for each statement execute function billing.refuse_truncate()": (
        "trigger mine on table host.p"
    ),
}


def test_what_leans_on_us_is_not_dropped_silently(db: Db) -> None:
    """`drop schema … cascade` would take a CHECK, a view or a column with it, and say nothing."""
    rows(db, "create schema host")
    for statement in DEPENDENTS:
        rows(db, statement)
    force_rebuild(db)
    before, installed = build(db), value(db, FINGERPRINT)
    with pytest.raises(Problem) as refusal:
        migrate(db)
    assert refusal.value.exit_code == REFUSED
    match = re.match(
        r"the release cannot be rebuilt: (.*) depends on schema billing\. Drop it, or move what it"
        r" needs out of schema billing; nothing was changed\.$",
        str(refusal.value),
    )
    assert match is not None
    assert set(match[1].split("; ")) == set(DEPENDENTS.values())
    assert (build(db), value(db, FINGERPRINT)) == (before, installed)
