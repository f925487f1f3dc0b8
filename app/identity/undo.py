"""A merge taken back: each side gets its rows, its addresses, and what arrived since through them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col, select

from app.changes.models import ChangeType
from app.changes.service import tell
from app.core.db import now
from app.core.errors import Conflict, NotFound
from app.customers import service as customers
from app.customers.models import Customer, CustomerStatus, IdentityEntry, Rule
from app.identity import pairs
from app.identity.arrivals import filed_by_hand, give_arrivals
from app.identity.fields import fields_of, taken_back
from app.identity.holding import hold_files
from app.identity.merge import moving
from app.identity.models import Merge, MergeStatus
from app.identity.references import move_back, put_back
from app.interactions import parting

_REAPPEAR = """
    UPDATE customer SET version = version + 1, updated_at = now() WHERE id = ANY (:ids)"""

_UNDOUBLE = """
    UPDATE customer_identifier SET released_at = NULL, updated_at = now()
    WHERE id = :doubled AND released_at = CAST(CAST(:released_at AS text) AS timestamptz)"""
_OPT_BACK = """
    UPDATE customer_identifier SET opted_out_at = NULL, updated_at = now()
    WHERE id = :kept AND opted_out_at = CAST(CAST(:opted_out_at AS text) AS timestamptz)"""

_CONTACT = """
    UPDATE customer AS c SET first_contact_at = least(c.first_contact_at, seen.first_at),
                             last_contact_at = greatest(c.last_contact_at, seen.last_at)
    FROM (SELECT each.id, min(i.occurred_at) AS first_at, max(i.occurred_at) AS last_at
          FROM unnest(CAST(:ids AS uuid[])) AS each(id) JOIN interaction AS i ON i.customer_id = each.id
          GROUP BY each.id) AS seen
    WHERE c.id = seen.id"""


async def undo(session: AsyncSession, merge_id: UUID, *, actor: str) -> Merge:
    """Part the files; 409 `undo_first` names a later merge that lies on top of this one."""
    merge = await _get(session, merge_id)
    (survivor,) = await hold_files(session, [merge.survivor_id])
    merge = await _get(session, merge_id)
    await _check(session, merge, survivor)
    loser_ids = [UUID(each) for each in merge.customer_ids]
    await _reappear(session, merge, loser_ids)
    by_hand = await filed_by_hand(session, merge)
    for loser_id in loser_ids:
        await _give_back(session, survivor.id, loser_id, _but(merge.trace["losers"][str(loser_id)], by_hand))
    await give_arrivals(session, merge, by_hand)
    await _part(session, merge, [survivor.id, *loser_ids])
    await _restore(session, merge, survivor)
    await session.execute(text(_CONTACT), {"ids": [survivor.id, *loser_ids]})
    _note(session, merge, actor)
    merge.status, merge.undone_at, merge.undone_by, merge.trace = MergeStatus.undone, now(), actor, {}
    await session.flush()
    await customers.seek_duplicates(session, survivor.id, *loser_ids)
    return merge


async def _get(session: AsyncSession, merge_id: UUID) -> Merge:
    merge = await session.get(Merge, merge_id, populate_existing=True)
    if merge is None:
        raise NotFound("No merge has this id.")
    return merge


async def _check(session: AsyncSession, merge: Merge, survivor: Customer) -> None:
    if merge.status is MergeStatus.undone:
        raise Conflict("This merge has been undone already.", code="already_undone")
    if merge.survivor_id != survivor.id:
        raise Conflict("This file is being merged or parted by others; try again.", code="busy")
    if survivor.status is CustomerStatus.anonymized or not merge.trace:
        raise Conflict("The file was anonymized since; nobody knows any more what was whose.", code="anonymized")
    later = await session.scalar(
        select(Merge.id)
        .where(Merge.survivor_id == survivor.id, Merge.status == MergeStatus.done, Merge.id > merge.id)
        .order_by(col(Merge.id).desc())
        .limit(1)
    )
    if later is not None:
        raise Conflict("A later merge has to be undone first.", code="undo_first", merge_id=str(later))


async def _reappear(session: AsyncSession, merge: Merge, loser_ids: list[UUID]) -> None:
    """The files' rows as they were; an organisation that was merged since is its survivor now."""
    await session.execute(text("DELETE FROM customer_alias WHERE id = ANY (:ids)"), {"ids": loser_ids})
    rows = [merge.trace["losers"][str(loser_id)]["row"] for loser_id in loser_ids]
    for row in rows:
        if (id_ := row["organization_id"]) and id_ not in merge.customer_ids:
            own = await _organization(session, id_)
            row["organization_id"] = own and str(own)
    await put_back(session, SQLModel.metadata.tables["customer"], rows)
    await session.execute(text(_REAPPEAR), {"ids": loser_ids})


async def _organization(session: AsyncSession, id_: str) -> UUID | None:
    return await session.scalar(select(Customer.id).where(Customer.id == customers.current(UUID(id_))))


def _but(taken: dict[str, Any], by_hand: set[UUID]) -> dict[str, Any]:
    """What moved, but for what somebody has filed under the survivor since."""
    messages = [key for key in taken["moved"][_MESSAGES] if UUID(key[0]) not in by_hand]
    return taken | {"moved": taken["moved"] | {_MESSAGES: messages}}


_MESSAGES = "interaction.customer_id"


async def _give_back(session: AsyncSession, survivor_id: UUID, loser_id: UUID, taken: dict[str, Any]) -> None:
    for reference in moving():
        await move_back(session, reference, taken["moved"].get(reference.name, []), survivor_id, loser_id)
    for table, rows in taken["removed"].items():
        await put_back(session, SQLModel.metadata.tables[table], rows)
    for pair in taken["doubled"]:
        await session.execute(text(_UNDOUBLE), {"doubled": UUID(pair["doubled"]), "released_at": pair["released_at"]})
        if pair["opted_out_at"]:
            await session.execute(text(_OPT_BACK), {"kept": UUID(pair["kept"]), "opted_out_at": pair["opted_out_at"]})


async def _part(session: AsyncSession, merge: Merge, parties: list[UUID]) -> None:
    closed = [id_ for taken in merge.trace["losers"].values() for id_ in taken["closed"]]
    await parting.reopen(session, closed)
    await parting.part(session, parties)
    await pairs.part(session, merge, merge.trace["pairs"])


async def _restore(session: AsyncSession, merge: Merge, survivor: Customer) -> None:
    """Take back what the merge filled in the survivor's fields and nobody changed since."""
    await session.refresh(survivor)
    current, before, after = fields_of(survivor), merge.trace["before"], merge.trace["after"]
    restored = taken_back(current, before, after)
    if any(current[name] != after[name] for name in after):
        restored["status"] = current["status"]  # whoever changed the file knows the customer
    if id_ := restored["organization_id"]:
        restored["organization_id"] = await _organization(session, id_)
    for name, value in (restored | _times(merge)).items():
        setattr(survivor, name, value)
    survivor.version += 1
    await session.flush()


def _times(merge: Merge) -> dict[str, Any]:
    return {name: value and datetime.fromisoformat(value) for name, value in merge.trace["contact"].items()}


def _note(session: AsyncSession, merge: Merge, actor: str) -> None:
    """Journal it in every file, and tell it."""
    details = {"merge_id": str(merge.id), "survivor_id": str(merge.survivor_id), "customer_ids": merge.customer_ids}
    for customer_id in (merge.survivor_id, *map(UUID, merge.customer_ids)):
        session.add(IdentityEntry(customer_id=customer_id, rule=Rule.unmerged, actor=actor, details=details))
    tell(session, ChangeType.customer_unmerged, merge.survivor_id, merge.survivor_id, **details)
