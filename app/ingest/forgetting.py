"""Removing the content of files nobody has any more, in two steps.

The same bytes are kept once, and between `Storage.put` and the commit of the message they came with nothing tells that
they are wanted. So they are put aside first, where no `put` finds them; a look that comes later than any such commit
removes them or brings them back.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core.db import Database
from app.core.jobs import ENQUEUE
from app.core.storage import Storage
from app.interactions.models import Attachment, AttachmentState

_GRACE = timedelta(minutes=10)
"""No message takes so long from `put` to its commit."""

_REMOVE_LATER = """
    INSERT INTO pgqueuer (priority, status, entrypoint, payload, execute_after)
    VALUES (0, 'queued', 'remove_file', convert_to($1::uuid::text, 'UTF8'), now() + $2::interval)"""

FORGET_CONTENT = f"""
    WITH waiting AS (
        INSERT INTO attachment (id, created_at, updated_at, state, reason, content_type, storage_key)
        SELECT gen_random_uuid(), now(), now(), 'failed', 'forgotten', 'application/octet-stream', key
        FROM unnest($1::text[]) AS key
        WHERE NOT EXISTS (SELECT FROM attachment WHERE storage_key = key AND state = 'stored')
        RETURNING id)
    {ENQUEUE} SELECT 0, 'queued', 'forget_file', convert_to(id::text, 'UTF8') FROM waiting"""  # noqa: S608  constants
"""For content ($1 its keys) that was stored, but has not come into any interaction."""


def keys_of(files: Iterable[Mapping[str, Any]]) -> list[str]:
    """What rows of `attachment` have in the store."""
    return [file["storage_key"] for file in files if file["storage_key"] is not None]


async def put_aside(database: Database, storage: Storage, attachment_id: UUID) -> None:
    """Take away the content of a forgotten attachment, unless somebody else's has the same."""
    async with database.session() as session:
        attachment = await session.get(Attachment, attachment_id)
        if attachment is None:
            return
        key = attachment.storage_key
        if key is None or await _is_used(session, key):
            await session.delete(attachment)
            return
    await storage.put_aside(key, str(attachment_id))
    async with database.hot() as connection:
        await connection.execute(_REMOVE_LATER, attachment_id, _GRACE)


async def remove(database: Database, storage: Storage, attachment_id: UUID) -> None:
    """Remove what was put aside; the row, which knows where it lies, goes last."""
    async with database.session() as session:
        attachment = await session.get(Attachment, attachment_id)
        key = attachment.storage_key if attachment is not None else None
        used = key is not None and await _is_used(session, key)
    if attachment is None:
        return
    if key is not None:
        await (storage.bring_back if used else storage.discard)(key, str(attachment_id))
    async with database.session() as session:
        await session.delete(attachment)


async def _is_used(session: AsyncSession, key: str) -> bool:
    others = exists().where(col(Attachment.storage_key) == key, col(Attachment.state) == AttachmentState.stored)
    return bool(await session.scalar(select(others)))
