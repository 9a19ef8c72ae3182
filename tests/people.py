"""Two tenants with counted use, people of every role, their sessions; all by the real logins."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from tests.past import rows, value
from tests.server import Db

Connection = psycopg.Connection[TupleRow]

FOREIGN_NAME = "Foreign Ltd"
FOREIGN_SEGMENTS = 991177
"""Segments that the foreign tenant sends each day, for three days."""
SECRETS = (FOREIGN_NAME, *(str(FOREIGN_SEGMENTS * days) for days in (1, 2, 3)))
"""What the own tenant must never be told, in whatever words."""

READ = "select tenant_id, sms_outbound_segments from billing.tenant_usage"
_numbers = count(1)


@dataclass(frozen=True)
class People:
    """`own` is the attacker's tenant, `foreign` the one that must stay out of reach."""

    db: Db
    own: UUID
    foreign: UUID
    _emails: dict[str, str] = field(default_factory=dict)

    def add(self, role: str, tenant: UUID | None = None) -> str:
        """A new user; returns the e-mail address."""
        email = f"{role}-{next(_numbers)}@people.example"
        rows(
            self.db,
            "select billing.add_user(%s, %s, %s, '-')",
            *(email, role, None if role == "root" else tenant or self.own),
            login="billing_operator",
        )
        return email

    def token(self, role: str = "owner", tenant: UUID | None = None) -> str:
        """A session of a user of this role and tenant, who is added if need be."""
        key = f"{role} {tenant or self.own}"
        if key not in self._emails:
            self._emails[key] = self.add(role, tenant)
        return signed_in(self.db, self._emails[key])

    @contextmanager
    def request(self, token: str, login: str = "billing_tenant") -> Iterator[Connection]:
        """A transaction on a connection of its own that has entered the session."""
        with self.db.connect(login, autocommit=False) as connection:
            enter(connection, token)
            yield connection
            connection.rollback()


@contextmanager
def as_at_a_host(db: Db) -> Iterator[None]:
    """With what PostgreSQL gives everybody, and a database of ours takes away: code, temporary
    objects."""
    rights = ("usage on language plpgsql", f"temporary on database {db.name}")
    for right in rights:
        rows(db, f"grant {right} to public")
    try:
        yield
    finally:
        for right in rights:
            rows(db, f"revoke {right} from public")


def settle(db: Db) -> People:
    """Two tenants with messages on three counted days; the foreign one's numbers are secrets."""
    rows(db, "update data.settings set billing_from = billing.utc_day(now()) - 2")
    own, foreign = (
        value(
            db,
            "insert into data.tenants (name, plan_code) values (%s, 'pro') returning id",
            name,
            login="billing_ingest",
        )
        for name in ("Own Inc", FOREIGN_NAME)
    )
    for tenant, segments in ((own, 1), (foreign, FOREIGN_SEGMENTS)):
        rows(
            db,
            "insert into data.messages (tenant_id, occurred_at, provider_id, channel, direction,"
            " status, num_segments) select %s, now() - n * interval '1 day', 'SM' || n, 'sms',"
            " 'outbound', 'sent', %s from generate_series(0, 2) as n",
            *(tenant, segments),
            login="billing_ingest",
        )
    assert value(db, "select billing.run_usage('test')", login="billing_operator") == 0
    rows(
        db,
        "insert into data.usage_restatements"
        " (tenant_id, usage_date, metric, old_value, new_value, restated_at)"
        " select tenant_id, usage_date, 'sms_outbound_segments', 0, sms_outbound_segments, now()"
        " from data.billing_usage_daily",
    )
    return People(db, own, foreign)


def signed_in(db: Db, email: str) -> str:
    """The token of a new session, opened by the operator."""
    token = f"token-{next(_numbers)}"
    rows(
        db,
        "select billing.issue_session(%s, %s, 15)",
        *(email, digest(token)),
        login="billing_operator",
    )
    return token


def digest(token: str) -> bytes:
    """What the database stores of a token."""
    return sha256(token.encode()).digest()


def enter(connection: Connection, token: str) -> None:
    connection.execute("select billing.enter(%s)", [token])


def tenants_seen(connection: Connection, query: str = READ) -> set[UUID]:
    """Whose rows a query returns; the tenant's id is the first column."""
    return {row[0] for row in connection.execute(query.encode())}


def claim(connection: Connection, name: str, text: str, *, local: bool = True) -> None:
    """Set app.<name> as an attacker would, without billing.enter."""
    connection.execute("select set_config(%s, %s, %s)", [f"app.{name}", text, local])


def forge(connection: Connection, token: str, tenant: UUID | str, *, local: bool = True) -> None:
    """All three settings as billing.enter would set them, the transaction's stamp included."""
    stamp = connection.execute(
        "select pg_backend_pid() || '/' || extract(epoch from transaction_timestamp())"
    ).fetchone()
    assert stamp is not None
    claim(connection, "tenant_id", str(tenant), local=local)
    claim(connection, "session", digest(token).hex(), local=local)
    claim(connection, "transaction", stamp[0], local=local)


def harmless(connection: Connection, attack: str, **names: Any) -> str | None:
    """Run the attacker's SQL, several statements at will: whatever comes back, notices and error
    included, holds nothing of the foreign tenant. Returns the SQLSTATE of the error, if any."""
    notices: list[str] = []
    connection.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
    literals = {name: sql.Literal(text) for name, text in names.items()}
    said, state = [], None
    try:
        cursor = connection.execute(sql.SQL(attack).format(**literals))  # type: ignore[arg-type]
        said = [row for result in cursor.results() if result.description for row in result]
    except psycopg.Error as error:
        state, diagnosis = error.sqlstate, error.diag
        said = [(diagnosis.message_primary, diagnosis.message_detail, diagnosis.context)]
    for secret in SECRETS:
        assert secret not in f"{said} {notices}", attack
    return state
