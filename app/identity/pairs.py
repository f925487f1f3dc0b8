"""Suggested duplicates when files are merged or parted: a pair that is one file now, and pairs with third parties."""

from typing import Any
from uuid import UUID

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col, select

from app.customers.models import Customer
from app.identity.findings import CONFLICT_SCORE
from app.identity.models import DuplicateStatus, DuplicateSuggestion, Merge
from app.identity.references import put_back

_WEIGHT = [DuplicateStatus.dismissed, DuplicateStatus.open, DuplicateStatus.merged]


async def settle(session: AsyncSession, survivor_id: UUID, loser_ids: set[UUID]) -> dict[str, Any]:
    """Pairs among the merged are marked so; pairs with others become the survivor's, once each."""
    parties = {survivor_id, *loser_ids}
    a, b = col(DuplicateSuggestion.customer_a_id), col(DuplicateSuggestion.customer_b_id)
    rows = (await session.scalars(select(DuplicateSuggestion).where(or_(a.in_(parties), b.in_(parties))))).all()
    changed = [row for row in rows if {row.customer_a_id, row.customer_b_id} & loser_ids]
    trace = [row.model_dump(mode="json", include=_KEPT) for row in changed]
    removed = []
    kept: dict[frozenset[UUID | None], DuplicateSuggestion] = {}
    # A pair that somebody judged outweighs one that is open.
    for row in sorted(rows, key=lambda row: (_WEIGHT.index(row.status), row in changed)):
        ends = frozenset(survivor_id if end in loser_ids else end for end in (row.customer_a_id, row.customer_b_id))
        if len(ends) == 2 and None not in ends and kept.setdefault(ends, row) is not row:
            removed.append(row)
    for row in removed:
        await session.delete(row)
    await session.flush()
    for row in changed:
        if row not in removed:
            _take_over(row, survivor_id, loser_ids)
    await session.flush()
    return {"changed": trace, "removed": [row.model_dump(mode="json") for row in removed]}


_KEPT = {"id", "customer_a_id", "customer_b_id", "status"}


def _take_over(row: DuplicateSuggestion, survivor_id: UUID, loser_ids: set[UUID]) -> None:
    ends = {survivor_id if end in loser_ids else end for end in (row.customer_a_id, row.customer_b_id)}
    if ends == {survivor_id}:
        row.pair = [str(each) for each in row.customer_ids]
        row.customer_a_id, row.customer_b_id, row.status = survivor_id, None, DuplicateStatus.merged
    elif row.customer_b_id is None:
        row.customer_a_id = survivor_id
    else:
        row.customer_a_id, row.customer_b_id = sorted(end for end in ends if end)


async def part(session: AsyncSession, merge: Merge, trace: dict[str, Any]) -> None:
    """Give the files their pairs back. What a rule had joined by itself is not suggested again."""
    loser_ids = {UUID(each) for each in merge.customer_ids}
    for was in trace["changed"]:
        row = await session.get(DuplicateSuggestion, UUID(was["id"]), populate_existing=True)
        if row is not None:
            _give_back(row, was, merge, loser_ids)
    await session.flush()
    removed = [was for was in trace["removed"] if await _exist(session, was)]
    await put_back(session, SQLModel.metadata.tables[DuplicateSuggestion.__tablename__], removed)
    if merge.automatic:
        await _dismiss(session, merge, loser_ids)
    await session.flush()


def _give_back(row: DuplicateSuggestion, was: dict[str, Any], merge: Merge, loser_ids: set[UUID]) -> None:
    a, b = UUID(was["customer_a_id"]), was["customer_b_id"] and UUID(was["customer_b_id"])
    if b is None:
        row.customer_a_id = a
    elif row.customer_b_id is None:
        row.customer_a_id, row.customer_b_id, row.pair, row.status = a, b, [], DuplicateStatus(was["status"])
    else:
        # The other end may have been merged since: it is the one that is not the survivor.
        others = {row.customer_a_id, row.customer_b_id} - {merge.survivor_id}
        row.customer_a_id, row.customer_b_id = sorted(each for each in others | ({a, b} & loser_ids) if each)


async def _dismiss(session: AsyncSession, merge: Merge, loser_ids: set[UUID]) -> None:
    for loser_id in loser_ids:
        a, b = sorted((merge.survivor_id, loser_id))
        pair = select(DuplicateSuggestion).where(
            DuplicateSuggestion.customer_a_id == a, DuplicateSuggestion.customer_b_id == b
        )
        row = await session.scalar(pair)
        if row is None:
            reasons = [{"rule": "unmerged"}]
            row = DuplicateSuggestion(customer_a_id=a, customer_b_id=b, score=CONFLICT_SCORE, reasons=reasons)
            session.add(row)
        row.status = DuplicateStatus.dismissed


async def _exist(session: AsyncSession, row: dict[str, Any]) -> bool:
    ids = {UUID(row["customer_a_id"]), UUID(row["customer_b_id"])}
    found = (await session.scalars(select(Customer.id).where(col(Customer.id).in_(ids)))).all()
    return set(found) == ids
