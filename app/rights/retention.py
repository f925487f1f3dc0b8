"""Keeping things only for a time: what is older than its setting allows is deleted, some at once, and counted."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from pydantic import BaseModel, Field
from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.config import Settings
from app.core import metrics
from app.core.audit import AuditEntry
from app.core.db import Database, now
from app.core.jobs import ENQUEUE
from app.core.shapes import UtcTime
from app.ingest.models import InboundRequest
from app.interactions.models import Attachment, AttachmentState, Interaction
from app.rights.erasure import part
from app.rights.models import RetentionRun

logger = structlog.get_logger()

_AT_ONCE = 1_000
_FORGET_FILES = f"""
    WITH marked AS (
        UPDATE attachment SET state = :state, reason = 'kept no longer', name = NULL, url = NULL, provider_id = NULL,
                              updated_at = now()
        WHERE id = ANY (:ids) RETURNING id)
    {ENQUEUE} SELECT 0, 'queued', 'forget_file', convert_to(id::text, 'UTF8') FROM marked"""  # noqa: S608  constants
_SHOW_NO_LONGER = """
    UPDATE interaction AS i
    SET version = i.version + 1, updated_at = now(),
        attachments = coalesce((SELECT jsonb_agg(file) FROM jsonb_array_elements(i.attachments) AS file
                                WHERE CAST(file ->> 'id' AS uuid) <> ALL (:ids)), '[]')
    WHERE i.id IN (SELECT interaction_id FROM attachment WHERE id = ANY (:ids))"""

Deletion = Callable[[AsyncSession, UUID], Awaitable[int]]
"""Deletes some of what is older than this id, and says how many."""


async def _raw_requests(session: AsyncSession, before: UUID) -> int:
    due = await _some(session, InboundRequest, col(InboundRequest.id) < before)
    await _delete_requests(session, due)
    return len(due)


async def _recordings(session: AsyncSession, before: UUID) -> int:
    """Files of calls; that there was a call stays."""
    of_calls = col(Attachment.interaction_id).in_(select(Interaction.id).where(Interaction.channel == "voice"))
    kept = col(Attachment.state) != AttachmentState.failed
    due = await _some(session, Attachment, (col(Attachment.id) < before) & of_calls & kept)
    await session.execute(text(_SHOW_NO_LONGER), {"ids": due})
    await _forget_files(session, due)
    return len(due)


async def _unfiled(session: AsyncSession, before: UUID) -> int:
    """Messages that are nobody's, with their files and the requests that brought nothing else."""
    due = await _some(session, Interaction, (col(Interaction.id) < before) & col(Interaction.customer_id).is_(None))
    theirs = col(Interaction.id).in_(due)
    requests = select(Interaction.inbound_request_id).where(theirs)
    others = select(Interaction.inbound_request_id).where(~theirs, col(Interaction.inbound_request_id).in_(requests))
    alone = requests.where(col(Interaction.inbound_request_id).not_in(others))
    brought = [each for each in await session.scalars(alone) if each is not None]
    files = select(Attachment.id).where(col(Attachment.interaction_id).in_(due))
    await _forget_files(session, list(await session.scalars(files)))
    await part(session, Interaction.__table__, theirs)  # type: ignore[attr-defined]
    await session.execute(delete(Interaction).where(theirs))
    await _delete_requests(session, brought)
    return len(due)


async def _audit(session: AsyncSession, before: UUID) -> int:
    due = await _some(session, AuditEntry, col(AuditEntry.id) < before)
    await session.execute(delete(AuditEntry).where(col(AuditEntry.id).in_(due)))
    return len(due)


_RULES: dict[str, Deletion] = {
    "raw_requests": _raw_requests,
    "recordings": _recordings,
    "unfiled": _unfiled,
    "audit": _audit,
}


class RetentionRule(BaseModel):
    kind: str
    days: int | None = Field(description="null: kept for ever.")
    ran_at: UtcTime | None = Field(description="When it was last applied.")
    deleted: int = Field(description="How many that time.")
    deleted_in_all: int


class Retention(BaseModel):
    rules: list[RetentionRule]


async def enforce(database: Database, settings: Settings) -> dict[str, int]:
    """Apply every rule there is a setting for; how many of each kind were deleted."""
    counts: dict[str, int] = {}
    for kind, deletion in _RULES.items():
        days = _days(settings, kind)
        if days is not None:
            counts[kind] = await _apply(database, kind, deletion, _first_id_of(now() - timedelta(days=days)))
    if any(counts.values()):
        logger.info("retention.deleted", **counts)
    return counts


async def show(session: AsyncSession, settings: Settings) -> dict[str, Any]:
    runs = {run.kind: run.model_dump() for run in await session.scalars(select(RetentionRun))}
    never = {"ran_at": None, "deleted": 0, "deleted_in_all": 0}
    return {"rules": [{"kind": kind, "days": _days(settings, kind)} | runs.get(kind, never) for kind in _RULES]}


async def _apply(database: Database, kind: str, deletion: Deletion, before: UUID) -> int:
    """Some at once, each a transaction: what is deleted is short of locks, and a failure loses little."""
    count, more = 0, True
    while more:
        async with database.session() as session:
            deleted = await deletion(session, before)
        count, more = count + deleted, deleted == _AT_ONCE
        metrics.RETENTION.labels(kind).inc(deleted)
    async with database.session() as session:
        told = insert(RetentionRun).values(kind=kind, ran_at=now(), deleted=count, deleted_in_all=count)
        newer = {
            "ran_at": told.excluded.ran_at,
            "deleted": count,
            "deleted_in_all": RetentionRun.deleted_in_all + count,
        }
        await session.execute(told.on_conflict_do_update(index_elements=["kind"], set_=newer))
    return count


def _days(settings: Settings, kind: str) -> int | None:
    days: int | None = getattr(settings, f"retention_{kind}_days")
    return days


def _first_id_of(moment: datetime) -> UUID:
    """Ids tell the age of their rows (UUIDv7): so the primary key finds the old ones."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


async def _some(session: AsyncSession, model: type[Any], condition: Any) -> list[UUID]:
    """The oldest, held; those another process is deleting are left to it."""
    statement = select(model.id).where(condition).order_by(model.id).limit(_AT_ONCE).with_for_update(skip_locked=True)
    return list(await session.scalars(statement))


async def _forget_files(session: AsyncSession, attachments: list[UUID]) -> None:
    await session.execute(text(_FORGET_FILES), {"ids": attachments, "state": AttachmentState.failed})


async def _delete_requests(session: AsyncSession, requests: list[UUID]) -> None:
    theirs = col(InboundRequest.id).in_(requests)
    await part(session, InboundRequest.__table__, theirs)  # type: ignore[attr-defined]
    await session.execute(delete(InboundRequest).where(theirs))
