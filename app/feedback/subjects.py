"""What answers are about: interactions and conversations, which must be of the customer who answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core.errors import AppError, Conflict, FieldError, Unprocessable
from app.feedback.schemas import FeedbackCreate
from app.interactions.models import Conversation, Interaction


@dataclass(frozen=True, slots=True)
class Subjects:
    """What some answers are about, as far as it exists."""

    interactions: dict[UUID, Any]
    conversations: dict[UUID, Any]

    @classmethod
    async def of(cls, session: AsyncSession, bodies: Sequence[FeedbackCreate]) -> Self:
        interactions = {body.interaction_id for body in bodies} - {None}
        conversations = {body.conversation_id for body in bodies} - {None}
        columns = [col(getattr(Interaction, name)) for name in ("id", "customer_id", "agent", "channel")]
        touches = sqlalchemy.select(*columns).where(col(Interaction.id).in_(interactions))
        threads = select(Conversation.id, Conversation.customer_id).where(col(Conversation.id).in_(conversations))
        return cls(
            {row.id: row for row in await session.execute(touches)} if interactions else {},
            {row.id: row for row in await session.execute(threads)} if conversations else {},
        )

    def refusal(self, body: FeedbackCreate, customer_id: UUID) -> AppError | None:
        """Why this answer of this customer cannot be about what it says."""
        for name, known in (("interaction", self.interactions), ("conversation", self.conversations)):
            subject_id = getattr(body, f"{name}_id")
            if subject_id is None:
                continue
            if subject_id not in known:
                error = FieldError(field=f"{name}_id", message=f"no {name} has this id")
                return Unprocessable(f"No {name} has this id.", code=f"unknown_{name}", errors=[error])
            if known[subject_id].customer_id != customer_id:
                error = FieldError(field=f"{name}_id", message="is not this customer's")
                return Conflict(f"The {name} is not this customer's.", code="not_theirs", errors=[error])
        return None
