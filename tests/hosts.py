"""Whose tables the facts of a test are in: `hosts.current` says how the events of tests.oracle are
written there. Ours are the tables of migrations/; tests/adopted brings a second host's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID, uuid4

from psycopg import sql

from tests.oracle import AiRequest, Call, Email, Event, Key, Message

KINDS: tuple[type[Event], ...] = (Message, Call, Email, AiRequest)
Translate = Callable[[Any], Any]


def as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Table:
    """Where one kind of event is stored: field → column and the host's way to say it."""

    name: sql.Identifier
    columns: Mapping[str, tuple[str, Translate]]
    key: tuple[str, ...] = ("tenant_id", "provider_id")
    """The fields that are unique together."""
    constants: Mapping[str, Any] | None = None
    """Columns that make a row one of this kind, in a table of several."""

    def row(self, event: Event) -> dict[str, Any]:
        """Column → value of a new row."""
        return dict(self.constants or {}) | self.values(
            {name: getattr(event, name) for name in self.columns}
        )

    def values(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Fields as the host's columns."""
        translated = ((*self.columns[name], value) for name, value in changes.items())
        return {column: translate(value) for column, translate, value in translated}

    def where(self, event: Event) -> dict[str, Any]:
        """What finds the row of an event again."""
        return dict(self.constants or {}) | self.values(
            {name: getattr(event, name) for name in self.key}
        )


@dataclass(frozen=True)
class Host:
    """An application that keeps facts and tenants."""

    writer: str
    """The login that writes facts."""
    tables: Mapping[str, Table]
    tenants: sql.SQL
    """Adds a tenant: id, name."""
    new_id: Callable[[], UUID]
    tenant_key: Translate
    """How the host numbers a tenant."""
    own_tables: tuple[sql.Identifier, ...]
    """Everything it writes, to be emptied between tests."""

    def table(self, kind: type[Event] | Event) -> Table:
        return self.tables[kind.table]

    def key(self, event: Event) -> Key:
        """Equal for two events that cannot both be stored."""
        return (event.table, *(getattr(event, name) for name in self.table(event).key))


def _ours(kind: type[Event]) -> Table:
    columns = {field.name: (field.name, as_it_is) for field in fields(kind)}
    return Table(sql.Identifier("data", kind.table), columns)


OURS = Host(
    writer="billing_ingest",
    tables={kind.table: _ours(kind) for kind in KINDS},
    tenants=sql.SQL("insert into data.tenants (id, name) values (%s, %s)"),
    new_id=uuid4,
    tenant_key=as_it_is,
    own_tables=tuple(sql.Identifier("data", kind.table) for kind in KINDS),
)
current = OURS
