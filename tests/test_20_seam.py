"""The seam: a host with an identity provider of its own replaces one body and nothing else.

The example of docs/security.md: the provider signs claims with HMAC-SHA256, the host passes them on
as app.session, and the body verifies signature and expiry. The key lies where no web login reads.
"""

import hashlib
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from psycopg.errors import InsufficientPrivilege

from tests.past import rows
from tests.people import People, settle
from tests.server import Db

KEY = b"the provider's and ours".ljust(64, b"\0")

SEAM = """
set role billing_owner;
create table data.claim_key (inner_block bytea not null, outer_block bytea not null);
grant select on data.claim_key to billing_identity;
reset role;
create or replace function billing.session_of_transaction(
  out user_id uuid, out role data.user_role, out tenant_id uuid
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claims constant text := split_part(current_setting('app.session', true), '.', 1);
  v_signature constant text := split_part(current_setting('app.session', true), '.', 2);
  v_document jsonb;
begin
  if v_signature is distinct from (
    select encode(sha256(k.outer_block || sha256(k.inner_block || convert_to(v_claims, 'UTF8'))),
                  'hex')
    from data.claim_key as k) then
    raise exception 'the claims are not signed' using errcode = 'insufficient_privilege';
  end if;
  v_document := convert_from(decode(v_claims, 'base64'), 'UTF8')::jsonb;
  if to_timestamp((v_document ->> 'exp')::bigint) <= clock_timestamp() then
    raise exception 'the claims have expired' using errcode = 'insufficient_privilege';
  end if;
  role := v_document ->> 'role';
  tenant_id := v_document ->> 'tenant';
  user_id := v_document ->> 'sub';
end $$;
"""


def signed(claims: dict[str, Any], key: bytes = KEY) -> str:
    """What the identity provider hands out."""
    text = b64encode(json.dumps({"exp": int(time.time()) + 60} | claims).encode())
    return f"{text.decode()}.{hmac.new(key, text, hashlib.sha256).hexdigest()}"


@pytest.fixture
def people(db: Db) -> Iterator[People]:
    people = settle(db)
    rows(db, SEAM)
    blocks = [bytes(byte ^ pad for byte in KEY) for pad in (0x36, 0x5C)]
    rows(db, "insert into data.claim_key values (%s, %s)", *blocks)
    yield people


def seen(people: People, session: str, tenant: UUID, login: str = "billing_tenant") -> set[UUID]:
    with people.db.connect(login) as connection, connection.transaction():
        for name, value in (("session", session), ("tenant_id", str(tenant))):
            connection.execute("select set_config(%s, %s, true)", [f"app.{name}", value])
        return {row[0] for row in connection.execute("select tenant_id from billing.tenant_usage")}


def test_signed_claims_show_the_tenant_they_name(people: People) -> None:
    session = signed({"role": "owner", "tenant": str(people.own), "sub": str(people.own)})
    assert seen(people, session, people.own) == {people.own}
    root = signed({"role": "root", "sub": str(people.own)})
    assert {people.own, people.foreign} <= seen(people, root, people.own, "billing_root")


def test_anything_else_is_refused(people: People) -> None:
    own: dict[str, Any] = {"role": "owner", "tenant": str(people.own), "sub": str(people.own)}
    foreign = own | {"tenant": str(people.foreign)}
    claims, _, signature = signed(own).partition(".")
    for session, tenant in (
        ("", people.own),
        (claims, people.own),
        (f"{signed(foreign).partition('.')[0]}.{signature}", people.foreign),
        (signed(own, b"x" * 64), people.own),
        (signed(own | {"exp": int(time.time()) - 1}), people.own),
        (signed(own | {"role": "member"}), people.own),
        (signed(own), people.foreign),
    ):
        with pytest.raises(InsufficientPrivilege):
            seen(people, session, tenant)


def test_the_key_is_out_of_reach(people: People) -> None:
    for login in ("billing_tenant", "billing_root", "billing_auth"):
        with people.db.connect(login) as connection, pytest.raises(InsufficientPrivilege):
            connection.execute("select * from data.claim_key")
