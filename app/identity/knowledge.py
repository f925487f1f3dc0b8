"""What is known of the addresses that senders bring: whose they are, who shares them, what else their owners have."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from app.customers.models import CustomerStatus
from app.customers.policies import Held
from app.identity.senders import Sender
from app.messages import Identifier
from app.text.folding import fold

_FIND = """
    WITH wanted AS (SELECT * FROM unnest($1::text[], $2::text[]) AS s(kind, value)),
    found AS (
        SELECT i.id FROM wanted AS s JOIN customer_identifier AS i
          ON i.kind = s.kind AND i.value = s.value AND i.released_at IS NULL AND NOT i.shared
        UNION ALL
        SELECT i.id FROM wanted AS s JOIN customer_identifier AS i
          ON i.kind = s.kind AND i.value = s.value AND i.released_at IS NULL AND i.shared)
    SELECT i.kind, i.value, i.id, i.customer_id, i.shared, i.last_seen_at, c.status, c.display_name,
           concat_ws(' ', c.given_name, c.family_name) AS full_name
    FROM customer_identifier AS i JOIN customer AS c ON c.id = i.customer_id
    WHERE i.id IN (SELECT id FROM found) AND i.released_at IS NULL
    ORDER BY c.id FOR NO KEY UPDATE OF c, i"""
"""Owners are held: whoever is erased or loses the identifier meanwhile is not found, or keeps it until the end."""

_HELD = """
    SELECT customer_id, kind, value, first_seen_at FROM customer_identifier
    WHERE customer_id = ANY ($1::uuid[]) AND released_at IS NULL AND NOT shared"""

Address = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Owner:
    """A customer and one address of theirs."""

    customer_id: UUID
    identifier_id: UUID | None
    """None: found in this very transaction."""
    status: CustomerStatus
    names: frozenset[str]
    """Folded."""
    last_seen_at: datetime


@dataclass(slots=True)
class Knowledge:
    """Kept up to date while the senders of one transaction are dealt with one after the other."""

    owners: dict[Address, Owner] = field(default_factory=dict)
    holders: dict[Address, dict[UUID, Owner]] = field(default_factory=dict)
    """Of shared addresses."""
    held: dict[UUID, list[Held]] = field(default_factory=dict)
    """What counts towards a customer's limits: shared addresses do not."""

    def is_shared(self, sender: Sender, identifier: Identifier) -> bool:
        """Whether it identifies nobody alone: by the policy, or as one of those who have it was told to share it."""
        address = (identifier.kind, identifier.value)
        if sender.policies.is_shared(*address):
            return True
        return address not in self.owners and address in self.holders

    def those_who_share(self, identifier: Identifier) -> dict[UUID, Owner]:
        address = (identifier.kind, identifier.value)
        owner = self.owners.get(address)
        return ({owner.customer_id: owner} if owner else {}) | self.holders.get(address, {})

    def owner(self, identifier: Identifier) -> Owner | None:
        return self.owners.get((identifier.kind, identifier.value))

    def learn(self, identifier: Identifier, owner: Owner, *, shared: bool) -> None:
        address = (identifier.kind, identifier.value)
        if shared:
            self.holders.setdefault(address, {})[owner.customer_id] = owner
        else:
            self.owners[address] = owner
            held = self.held.setdefault(owner.customer_id, [])
            held.append(Held(identifier.kind, identifier.value, owner.last_seen_at))


async def look_up(connection: asyncpg.Connection, senders: Sequence[Sender]) -> Knowledge:
    wanted = {(each.kind, each.value) for sender in senders for each in sender.identifiers}
    kinds, values = zip(*wanted, strict=True)
    known = Knowledge()
    for row in await connection.fetch(_FIND, kinds, values):
        address = (row["kind"], row["value"])
        owner = Owner(row["customer_id"], row["id"], row["status"], _names(row), row["last_seen_at"])
        if row["shared"]:
            known.holders.setdefault(address, {})[owner.customer_id] = owner
        else:
            known.owners[address] = owner
    if growing := _growing(senders, known):
        for row in await connection.fetch(_HELD, growing):
            held = known.held.setdefault(row["customer_id"], [])
            held.append(Held(row["kind"], row["value"], row["first_seen_at"]))
    return known


def _names(row: asyncpg.Record) -> frozenset[str]:
    return frozenset(filter(None, (fold(each) for each in (row["display_name"], row["full_name"]) if each)))


def _growing(senders: Sequence[Sender], known: Knowledge) -> list[UUID]:
    """Customers who may get a further address of a kind that is limited."""
    growing: set[UUID] = set()
    for sender in senders:
        new = [each for each in sender.identifiers if known.owner(each) is None]
        if any(sender.policies.is_limited(each.kind) for each in new):
            for each in sender.identifiers:
                growing |= known.those_who_share(each).keys()
    return sorted(growing)
