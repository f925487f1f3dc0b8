"""Recoveries, the tasks of winning customers back: opened by hand, worked on, closed. What opens them when an answer is
bad is `app.feedback.watching`."""

from typing import Any
from uuid import UUID

from sqlalchemy import and_, not_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core.audit import concerns
from app.core.db import now
from app.core.dependencies import check_version
from app.core.errors import AppError, Conflict, NotFound
from app.core.pagination import list_page, wanted
from app.customers.service import current
from app.feedback.models import Feedback, Recovery, RecoveryStatus
from app.feedback.recovery_schemas import RecoveryCreate, RecoveryPatch, RecoveryQuery
from app.feedback.rules import RecoveryStandard
from app.feedback.subjects import not_theirs, unknown
from app.identity.claiming import claim
from app.interactions.models import Interaction

_SUBJECTS: dict[str, type[Interaction | Feedback]] = {"interaction": Interaction, "feedback": Feedback}


async def create(session: AsyncSession, standard: RecoveryStandard, body: RecoveryCreate) -> Recovery:
    """Open one by hand. 409 `recovery_open` names the one that is open for the same reason."""
    customer_id = await _whose(session, body)
    open_one = await session.scalar(
        select(Recovery.id).where(
            Recovery.customer_id == customer_id,
            Recovery.reason == body.reason,
            Recovery.status == RecoveryStatus.open,
        )
    )
    if open_one is not None:
        raise Conflict("A recovery is open for this reason.", code="recovery_open", recovery_id=str(open_one))
    told = body.model_dump(exclude={"customer_id", "due_at"})
    recovery = Recovery(**told, customer_id=customer_id, due_at=body.due_at or now() + standard.due)
    session.add(recovery)
    await session.flush()
    return recovery


async def _whose(session: AsyncSession, body: RecoveryCreate) -> UUID:
    """The customer, held; what the task is about must be theirs."""
    owners = {
        name: await _owner(session, name, subject_id)
        for name in _SUBJECTS
        if (subject_id := getattr(body, f"{name}_id")) is not None
    }
    asked = body.customer_id or next(filter(None, owners.values()), None)
    if asked is None:
        raise Conflict("The interaction is not in a customer's file yet.", code="unfiled")
    ((customer_id, _),) = (await claim(session, [asked])).found
    if isinstance(customer_id, AppError):
        raise customer_id
    for name, owner in owners.items():
        if owner != customer_id:
            raise not_theirs(name)
    concerns(customer_id)
    return customer_id


async def _owner(session: AsyncSession, name: str, subject_id: UUID) -> UUID | None:
    subject: Interaction | Feedback | None = await session.get(_SUBJECTS[name], subject_id)
    if subject is None:
        raise unknown(name)
    return subject.customer_id


async def get(session: AsyncSession, recovery_id: UUID, *, held: bool = False) -> Recovery:
    recovery = await session.get(Recovery, recovery_id, with_for_update=held, populate_existing=held)
    if recovery is None:
        raise NotFound("No recovery has this id.")
    concerns(recovery.customer_id)
    return recovery


async def change(
    session: AsyncSession, recovery_id: UUID, patch: RecoveryPatch, *, expected_version: int | None
) -> Recovery:
    """Apply a merge patch; an outcome closes the task, and may be corrected afterwards."""
    recovery = await get(session, recovery_id, held=True)
    check_version(recovery.version, expected_version)
    for name, value in patch.model_dump(exclude_unset=True).items():
        setattr(recovery, name, value)
    if recovery.outcome is not None and recovery.closed_at is None:
        recovery.status, recovery.closed_at = RecoveryStatus.closed, now()
    recovery.version += 1
    recovery.updated_at = now()
    await session.flush()
    return recovery


async def list_recoveries(session: AsyncSession, query: RecoveryQuery) -> dict[str, Any]:
    statement = select(Recovery).where(*wanted(query, Recovery, "status", "reason", "outcome", "owner"))
    if query.customer_id is not None:
        statement = statement.where(Recovery.customer_id == current(query.customer_id))
    if query.overdue is not None:
        late = and_(col(Recovery.status) == RecoveryStatus.open, col(Recovery.due_at) < now())
        statement = statement.where(late if query.overdue else not_(late))
    return await list_page(session, statement, query, Recovery.id)
