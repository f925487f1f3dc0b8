"""Believing suggestions: a pair somebody looked at, or all that are probable enough. Every merge can be undone."""

import time
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core.db import Database
from app.core.errors import AppError
from app.customers import service as customers
from app.customers.models import CustomerStatus
from app.identity.merge import merge
from app.identity.models import DuplicateStatus, DuplicateSuggestion, Merge
from app.identity.service import check_undecided, get_suggestion

logger = structlog.get_logger()

_WITHIN_REQUEST_S = 25.0
_AT_ONCE = 500


async def accept(session: AsyncSession, suggestion_id: UUID, *, actor: str) -> Merge:
    """Merge the pair into the file that is known best: active before provisional, then the older."""
    suggestion = await get_suggestion(session, suggestion_id)
    check_undecided(suggestion)
    known = [await customers.get(session, each) for each in suggestion.customer_ids]
    survivor, other = sorted(known, key=lambda each: (each.status is CustomerStatus.provisional, each.id))
    return await merge(session, survivor.id, [other.id], actor=actor)


async def accept_all(database: Database, min_score: float, *, actor: str) -> dict[str, Any]:
    """Each pair in a transaction of its own, the most probable first. Who is one with two others is one with both."""
    until = time.monotonic() + _WITHIN_REQUEST_S
    merge_ids: list[UUID] = []
    refused: set[UUID] = set()
    finished = False
    while not finished and time.monotonic() < until:
        waiting = await _waiting(database, min_score, refused)
        finished = not waiting
        for suggestion_id in waiting:
            if time.monotonic() > until:
                break
            try:
                async with database.session() as session:
                    made = await accept(session, suggestion_id, actor=actor)
                merge_ids.append(made.id)
            except AppError as error:
                # Merged meanwhile through a third file, or not to be merged at all.
                refused.add(suggestion_id)
                logger.info("duplicates.not_merged", suggestion_id=str(suggestion_id), code=error.code)
    return {"merged": len(merge_ids), "finished": finished, "min_score": min_score, "merge_ids": merge_ids}


async def _waiting(database: Database, min_score: float, refused: set[UUID]) -> list[UUID]:
    statement = (
        select(DuplicateSuggestion.id)
        .where(DuplicateSuggestion.status == DuplicateStatus.open, DuplicateSuggestion.score >= min_score)
        .where(col(DuplicateSuggestion.id).not_in(refused))
        .order_by(col(DuplicateSuggestion.score).desc(), col(DuplicateSuggestion.id))
        .limit(_AT_ONCE)
    )
    async with database.session() as session:
        return list(await session.scalars(statement))
