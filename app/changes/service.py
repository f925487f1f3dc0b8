"""Telling what changed, in the transaction that changes it."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.changes.models import Change, ChangeType


def tell(session: AsyncSession, change: ChangeType, subject_id: UUID, customer_id: UUID | None, /, **data: Any) -> None:
    """Put a change into the feed. `data` says what ids alone do not; never a message's text, never an address."""
    session.add(Change(type=change, subject_id=subject_id, customer_id=customer_id, data=data))
