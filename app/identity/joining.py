"""Files that become one by themselves: a provisional one joins the established one that the same message names."""

from collections.abc import Iterable
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core.db import Database, now
from app.core.errors import DATABASE_ERRORS, AppError
from app.customers.models import Customer, CustomerIdentifier, CustomerStatus
from app.customers.policies import Held, Policies
from app.identity.holding import hold_files
from app.identity.merge import merge
from app.identity.models import DuplicateStatus, DuplicateSuggestion
from app.identity.resolution import Pair

logger = structlog.get_logger()


async def join(database: Database, pairs: Iterable[Pair], policies: Policies) -> dict[UUID, UUID]:
    """Merge these files, a transaction each; the ids that are gone, with the survivor's.

    Call it when the messages are committed and no locks are held. What fails here stays a suggested duplicate.
    """
    joined: dict[UUID, UUID] = {}
    for established, provisional in dict.fromkeys(pairs):
        try:
            async with database.session() as session:
                if await _join(session, established, provisional, policies):
                    joined[provisional] = established
        except (AppError, *DATABASE_ERRORS) as error:
            logger.warning("identity.join.failed", customer_id=str(established), error=type(error).__name__)
    return joined


async def _join(session: AsyncSession, established: UUID, provisional: UUID, policies: Policies) -> bool:
    survivor, loser = await hold_files(session, [established, provisional])
    if (survivor.id, loser.id) != (established, provisional) or not _is_open(survivor, loser):
        return False
    if not await _is_suggested(session, established, provisional):
        return False
    if not await _has_room(session, established, provisional, policies):
        return False
    made = await merge(session, established, [provisional], actor=None, automatic=True)
    logger.info("identity.join.done", customer_id=str(established), merge_id=str(made.id))
    return True


def _is_open(survivor: Customer, loser: Customer) -> bool:
    return survivor.status is CustomerStatus.active and loser.status is CustomerStatus.provisional


async def _is_suggested(session: AsyncSession, one: UUID, other: UUID) -> bool:
    """Not so where somebody judged the pair: by dismissing it, or by undoing its merge."""
    first, second = sorted((one, other))
    statement = select(DuplicateSuggestion.status).where(
        DuplicateSuggestion.customer_a_id == first, DuplicateSuggestion.customer_b_id == second
    )
    return await session.scalar(statement) is DuplicateStatus.open


async def _has_room(session: AsyncSession, established: UUID, provisional: UUID, policies: Policies) -> bool:
    """Whether the established file may have what the other one brings."""
    rows = await session.scalars(
        select(CustomerIdentifier).where(
            col(CustomerIdentifier.customer_id).in_([established, provisional]),
            col(CustomerIdentifier.released_at).is_(None),
            col(CustomerIdentifier.shared).is_(False),
        )
    )
    held: dict[UUID, list[Held]] = {established: [], provisional: []}
    for row in rows:
        held[row.customer_id].append(Held(row.kind, row.value, row.first_seen_at))
    return policies.has_room(held[established], held[provisional], now())
