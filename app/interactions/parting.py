"""Conversations when files are merged or parted, or a message is filed under another customer: each holds interactions
of one customer only."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import uuid7

_CLOSE_OLDER = """
    UPDATE conversation AS older SET status = 'closed', updated_at = now()
    FROM conversation AS newer
    WHERE older.customer_id IN (:one, :other) AND newer.customer_id IN (:one, :other)
      AND older.customer_id <> newer.customer_id AND older.channel = newer.channel
      AND older.pair_key = newer.pair_key AND older.status = 'open' AND newer.status = 'open'
      AND (older.last_at, older.id) < (newer.last_at, newer.id)
    RETURNING older.id"""

_FREE = """NOT EXISTS (
    SELECT FROM conversation AS rival
    WHERE rival.customer_id = {owner} AND rival.channel = c.channel AND rival.pair_key = c.pair_key
      AND rival.status = 'open' AND rival.id <> c.id)"""

_REOPEN = f"""
    UPDATE conversation AS c SET status = 'open', updated_at = now()
    WHERE c.id = ANY (:ids) AND c.status = 'closed' AND {_FREE.format(owner="c.customer_id")}"""  # noqa: S608

_FOLLOW = f"""
    UPDATE conversation AS c SET customer_id = owner.id, updated_at = now()
    FROM (SELECT i.conversation_id, (array_agg(i.customer_id))[1] AS id
          FROM interaction AS i
          WHERE i.conversation_id IN (SELECT conversation_id FROM interaction
                                      WHERE customer_id = ANY (:parties) AND conversation_id IS NOT NULL)
          GROUP BY i.conversation_id HAVING count(DISTINCT i.customer_id) = 1) AS owner
    WHERE c.id = owner.conversation_id AND c.customer_id <> owner.id
      AND (c.pair_key IS NULL OR c.status = 'closed' OR {_FREE.format(owner="owner.id")})"""  # noqa: S608

_STRAY = """
    SELECT DISTINCT i.customer_id, c.id AS conversation_id
    FROM interaction AS i JOIN conversation AS c ON c.id = i.conversation_id
    WHERE i.customer_id = ANY (:parties) AND c.customer_id <> i.customer_id"""

_OWN = """
    SELECT own.id FROM conversation AS c JOIN conversation AS own
      ON own.channel = c.channel AND own.pair_key = c.pair_key AND own.status = 'open'
    WHERE c.id = :conversation_id AND own.customer_id = :customer_id
    UNION ALL
    SELECT own.conversation_id FROM conversation_reference AS r JOIN conversation_reference AS own USING (message_id)
    WHERE r.conversation_id = :conversation_id AND own.customer_id = :customer_id
    LIMIT 1"""

_COPY = """
    INSERT INTO conversation (id, created_at, updated_at, customer_id, channel, pair_key, status, subject, first_at,
                              last_at)
    SELECT :id, now(), now(), :customer_id, channel, pair_key, status, subject, first_at, last_at
    FROM conversation WHERE id = :conversation_id"""

_TAKE = """
    WITH taken AS (
        UPDATE interaction SET conversation_id = :id, version = version + 1, updated_at = now()
        WHERE conversation_id = :conversation_id AND customer_id = :customer_id
        RETURNING message_id)
    INSERT INTO conversation_reference (customer_id, message_id, conversation_id)
    SELECT DISTINCT CAST(:customer_id AS uuid), message_id, CAST(:id AS uuid) FROM taken WHERE message_id IS NOT NULL
    ON CONFLICT (customer_id, message_id) DO UPDATE SET conversation_id = excluded.conversation_id"""

_SPOKEN_OF = """
    UPDATE feedback SET conversation_id = :id, version = version + 1, updated_at = now()
    WHERE conversation_id = :conversation_id AND customer_id = :customer_id"""

_LEAVE = """
    UPDATE conversation_reference SET conversation_id = :id
    WHERE conversation_id = :conversation_id
      AND NOT EXISTS (SELECT FROM interaction WHERE conversation_id = :conversation_id)"""
_END = """
    DELETE FROM conversation
    WHERE id = :conversation_id AND NOT EXISTS (SELECT FROM interaction WHERE conversation_id = :conversation_id)"""

_REFERENCES = (
    """UPDATE conversation_reference AS r SET customer_id = c.customer_id
       FROM conversation AS c
       WHERE c.id = r.conversation_id AND r.customer_id = ANY (:parties) AND r.customer_id <> c.customer_id
         AND NOT EXISTS (SELECT FROM conversation_reference AS s
                         WHERE s.customer_id = c.customer_id AND s.message_id = r.message_id)""",
    """DELETE FROM conversation_reference AS r USING conversation AS c
       WHERE c.id = r.conversation_id AND r.customer_id = ANY (:parties) AND r.customer_id <> c.customer_id""",
)

_TIMES = """
    UPDATE conversation AS c SET first_at = seen.first_at, last_at = seen.last_at, updated_at = now()
    FROM (SELECT conversation_id, min(occurred_at) AS first_at, max(occurred_at) AS last_at
          FROM interaction WHERE conversation_id = ANY (:ids) GROUP BY conversation_id) AS seen
    WHERE c.id = seen.conversation_id"""


async def close_older(session: AsyncSession, one: UUID, other: UUID) -> list[str]:
    """Of two open conversations of the same pair, one in each file, the newer goes on; the ids of those closed."""
    return [str(each) for each in await session.scalars(text(_CLOSE_OLDER), {"one": one, "other": other})]


async def reopen(session: AsyncSession, ids: Sequence[str]) -> None:
    await session.execute(text(_REOPEN), {"ids": [UUID(each) for each in ids]})


async def part(session: AsyncSession, parties: Sequence[UUID]) -> None:
    """Give every interaction of these customers a conversation of its own customer.

    A conversation whose interactions all went follows them; one that both took part in is parted, and each goes on in
    the one it has, open between the same pair or of the same mails, or in a new one.
    """
    await session.execute(text(_FOLLOW), {"parties": parties})
    strays = (await session.execute(text(_STRAY), {"parties": parties})).mappings().all()
    changed = [id_ for stray in strays for id_ in await _part(session, dict(stray))]
    for statement in _REFERENCES:
        await session.execute(text(statement), {"parties": parties})
    await session.execute(text(_TIMES), {"ids": changed})


async def _part(session: AsyncSession, stray: dict[str, Any]) -> tuple[UUID, UUID]:
    """The conversation that the customer's interactions left, and the one they are in now."""
    new = await session.scalar(text(_OWN), stray)
    if new is None:
        new = uuid7()
        await session.execute(text(_COPY), stray | {"id": new})
    for statement in (_TAKE, _SPOKEN_OF, _LEAVE, _END):
        await session.execute(text(statement), stray | {"id": new})
    return stray["conversation_id"], new
