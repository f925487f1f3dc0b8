"""An identifier that moves: a customer changed the number behind an account, and the provider tells so."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.db import Database, lock_key, locked
from app.core.ids import uuid7
from app.core.jobs import FIND_DUPLICATES
from app.customers.models import Rule
from app.identity.findings import suggestion
from app.identity.queries import SUGGEST
from app.identity.senders import Digests
from app.interactions.queries import KEEP_WITH_CUSTOMER
from app.messages import IdentifierChange

_OWNERS = """
    SELECT s.place, i.id, i.customer_id FROM (VALUES ('old', $1, $2), ('new', $3, $4)) AS s(place, kind, value)
    JOIN customer_identifier AS i
      ON i.kind = s.kind AND i.value = s.value AND i.released_at IS NULL AND NOT i.shared
    JOIN customer AS c ON c.id = i.customer_id
    ORDER BY c.id FOR NO KEY UPDATE OF c, i"""

_MOVE = f"""
    WITH released AS (
        UPDATE customer_identifier SET released_at = $9, updated_at = now() WHERE id = $1
        RETURNING id, customer_id, kind),
    added AS (
        INSERT INTO customer_identifier (id, created_at, updated_at, customer_id, kind, value, raw, confidence, shared,
                                         opted_out_at, first_seen_at, last_seen_at)
        SELECT $2, now(), now(), $3, $4, $5, $6, 'observed', false,
               coalesce(old.opted_out_at,
                        (SELECT min(suppressed_at) FROM suppressed_address WHERE digest = ANY ($12::text[]))), $9, $9
        FROM customer_identifier AS old WHERE old.id = $1 AND $7
        RETURNING id, customer_id, kind),
    sought AS ({FIND_DUPLICATES}customer_id::text, 'UTF8') FROM added),
    changed AS (
        INSERT INTO change (type, customer_id, subject_id, data, at)
        SELECT 'identifier.released', customer_id, id, jsonb_build_object('kind', kind), now() FROM released
        UNION ALL
        SELECT 'identifier.added', customer_id, id, jsonb_build_object('kind', kind), now() FROM added)
    INSERT INTO identity_journal (id, created_at, updated_at, customer_id, rule, confidence, identifier_kind,
                                  identifier_value, details)
    VALUES ($8, now(), now(), $3, $10, 'observed', $4, $5, $11::jsonb)"""  # noqa: S608  constants

_HAS_MOVED = """
    SELECT true FROM customer_identifier AS i JOIN identity_journal AS j ON j.customer_id = i.customer_id
    WHERE i.kind = $1 AND i.value = $2 AND j.rule = 'moved' AND j.details ->> 'notice' = $3 LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Notice:
    """How a change was told."""

    source: str
    at: datetime
    request: Sequence[Any]
    """The raw request, as `KEEP_WITH_CUSTOMER` keeps it."""
    digests: Digests


async def move_identifier(database: Database, change: IdentifierChange, notice: Notice) -> bool | None:
    """Release the old identifier and give its owner the new one. False: it has moved before; None: nobody had it.

    Where the new one is another customer's already, it stays there: the pair becomes a suggested duplicate.
    """
    old, new = change.old, change.new
    if (old.kind, old.value) == (new.kind, new.value):
        return None
    keys = [lock_key(each.kind, each.value) for each in (old, new)]
    async with database.hot() as connection, locked(connection, keys):
        rows = await connection.fetch(_OWNERS, old.kind, old.value, new.kind, new.value)
        owners = {row["place"]: row for row in rows}
        if "old" not in owners:
            has_moved = await connection.fetchval(_HAS_MOVED, old.kind, old.value, change.external_id)
            return False if has_moved else None
        customer_id = owners["old"]["customer_id"]
        holder = owners["new"]["customer_id"] if "new" in owners else None
        moment = change.occurred_at or notice.at
        details = {"moved_from": old.value, "source": notice.source, "notice": change.external_id}
        await connection.execute(
            _MOVE,
            owners["old"]["id"],
            uuid7(),
            customer_id,
            new.kind,
            new.value,
            new.raw,
            holder is None,
            uuid7(),
            moment,
            Rule.moved,
            json.dumps(details),
            notice.digests(new.kind, new.value),
        )
        await connection.execute(KEEP_WITH_CUSTOMER, *notice.request, customer_id)
        if holder is not None and holder != customer_id:
            suggested = suggestion(customer_id, holder, "number_changed", [(new.kind, new.value)])
            await connection.execute(SUGGEST, json.dumps([suggested]))
    return True
