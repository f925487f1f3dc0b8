"""Interactions of which more is told later: the stages of a call, the pieces of a long message, a mail completed.

What is told may come twice and in any order; the outcome is the same.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import asyncpg

from app.core.db import Database, lock_key, locked
from app.customers.models import CustomerStatus
from app.identity.resolution import resolve
from app.identity.senders import lock_keys
from app.ingest.filing import Touch
from app.ingest.queries import ADOPT
from app.ingest.translation import join_parts
from app.interactions.queries import ATTACH, KEEP_WITH_INTERACTION
from app.text.folding import text_key

_HOLD = """
    SELECT c.status FROM interaction AS i JOIN customer AS c ON c.id = i.customer_id
    WHERE i.source = $1 AND i.external_id = $2 FOR NO KEY UPDATE OF c"""
"""The customer before the interaction, as whoever erases them."""

_READ = """
    SELECT id, customer_id, direction, status, subject, text, occurred_at, duration_s, attributes::text,
           attachments::text, coalesce(sender_kind, recipient_kind) IS NULL AS of_nobody
    FROM interaction WHERE source = $1 AND external_id = $2 FOR UPDATE"""
_WRITE = """
    WITH grown AS (
        UPDATE interaction SET text = $2, occurred_at = $3, duration_s = $4, attributes = $5::jsonb,
            attachments = $6::jsonb, direction = $7, status = $8, sender_kind = coalesce(sender_kind, $9),
            sender_value = coalesce(sender_value, $10), sender_name = coalesce(sender_name, $11),
            recipient_kind = coalesce(recipient_kind, $12), recipient_value = coalesce(recipient_value, $13),
            recipient_name = coalesce(recipient_name, $14), version = version + 1, updated_at = now(),
            search_words = $16::tsvector
        WHERE id = $1
        RETURNING id, customer_id, status)
    INSERT INTO change (type, customer_id, subject_id, data, at)
    SELECT 'interaction.status', customer_id, id, jsonb_build_object('status', status, 'fields', $15::jsonb), now()
    FROM grown"""
_GROWING = ("text", "occurred_at", "duration_s", "attributes")
_ON_THE_WAY = ("queued", "initiated", "ring", "ringing", "startapp", "in-progress", "answered", "bridged", "paused")
"""Words for what is not over yet, in order."""
_ENDS = ("sender_kind", "sender_value", "sender_name", "recipient_kind", "recipient_value", "recipient_name")


async def grow(database: Database, touch: Touch, request: Sequence[Any]) -> bool:
    """Complete the interaction already recorded with what this touch adds; whether it added anything. If so, the raw
    request is kept."""
    keys = {lock_key(touch.source, touch.external_id or ""), *lock_keys([touch.sender()])}
    async with database.hot() as connection, locked(connection, keys):
        if await connection.fetchval(_HOLD, touch.source, touch.external_id) == CustomerStatus.anonymized:
            return False
        row = await connection.fetchrow(_READ, touch.source, touch.external_id)
        if row is None:
            return False
        grew = await _complete(connection, row, touch)
        if row["customer_id"] is None and touch.identifiers:
            await _adopt(connection, row, touch)
            grew = True
        if grew:
            await connection.execute(KEEP_WITH_INTERACTION, *request, row["id"])
        return grew


async def _complete(connection: asyncpg.Connection, row: asyncpg.Record, touch: Touch) -> bool:
    before = (row["text"], row["occurred_at"], row["duration_s"], json.loads(row["attributes"]))
    shown = json.loads(row["attachments"])
    attributes = _joined(before[3], touch.attributes)
    after = (
        _text(row["text"], touch.text, attributes),
        min(row["occurred_at"], touch.occurred_at),
        max((each for each in (row["duration_s"], touch.duration_s) if each is not None), default=None),
        attributes,
    )
    known = await connection.fetch("SELECT url, provider_id FROM attachment WHERE interaction_id = $1", row["id"])
    files = [each for each in touch.files if (each["url"], each["provider_id"]) not in {tuple(one) for one in known}]
    ends = touch.ends()
    ends_told = row["of_nobody"] and any(ends.values())
    if after == before and not files and not ends_told:
        return False
    shown += [touch.shown(each) for each in files]
    fields = [name for name, old, new in zip(_GROWING, before, after, strict=True) if old != new]
    fields += ["attachments"] * bool(files) + ["from", "to"] * ends_told
    # Who was on which end is told by any stage but those that speak of the recording alone.
    way = (touch.direction, touch.status) if row["of_nobody"] else (row["direction"], row["status"])
    await connection.execute(
        _WRITE,
        row["id"],
        *after[:3],
        json.dumps(attributes),
        json.dumps(shown),
        *way,
        *map(ends.get, _ENDS),
        json.dumps(fields),
        text_key(row["subject"], after[0]),
    )
    if files:
        await connection.execute(ATTACH, row["id"], json.dumps(files))
    return True


async def _adopt(connection: asyncpg.Connection, row: asyncpg.Record, touch: Touch) -> None:
    """File what was nobody's until now: a recording may come before the call it belongs to."""
    began = min(row["occurred_at"], touch.occurred_at)
    (resolution,), findings = await resolve(connection, [replace(touch.sender(), at=began)])
    found = resolution.identifier
    await connection.execute(
        ADOPT,
        row["id"],
        resolution.customer_id,
        resolution.rule,
        found.kind,
        found.value,
        found.confidence,
        began,
        *map(json.dumps, findings.brought),
    )


def _joined(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`new` over `old`; objects join, so that no piece is lost."""
    joined = dict(old)
    for name, value in new.items():
        known = old.get(name)
        if isinstance(value, dict) and isinstance(known, dict):
            joined[name] = _joined(known, value)
        elif known is None or _progress(value) >= _progress(known):
            joined[name] = value
    return joined


def _progress(value: Any) -> int:
    """How far a thing has come by this word: what is over does not begin again because the news of it was late."""
    word = str(value).lower()
    return _ON_THE_WAY.index(word) if word in _ON_THE_WAY else len(_ON_THE_WAY)


def _text(old: str, new: str, attributes: dict[str, Any]) -> str:
    if "parts" in attributes:
        return join_parts(attributes)
    if not new or new in old:
        return old
    return new if not old or old in new else f"{old}\n{new}"
