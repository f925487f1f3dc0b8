"""What answers and invitations are about: interactions and conversations, which must be of the customer who answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self
from uuid import UUID

import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core.errors import AppError, Conflict, FieldError, Unprocessable
from app.interactions.models import Conversation, Interaction

_COLUMNS = [col(getattr(Interaction, name)) for name in ("id", "customer_id", "conversation_id", "agent", "channel")]


class About(Protocol):
    interaction_id: UUID | None
    conversation_id: UUID | None


@dataclass(frozen=True, slots=True)
class Subjects:
    """What some of them are about, as far as it exists."""

    interactions: dict[UUID, Any]
    conversations: dict[UUID, Any]

    @classmethod
    async def of(cls, session: AsyncSession, bodies: Sequence[About]) -> Self:
        interactions = {body.interaction_id for body in bodies} - {None}
        conversations = {body.conversation_id for body in bodies} - {None}
        touches = sqlalchemy.select(*_COLUMNS).where(col(Interaction.id).in_(interactions))
        threads = select(Conversation.id, Conversation.customer_id).where(col(Conversation.id).in_(conversations))
        return cls(
            {row.id: row for row in await session.execute(touches)} if interactions else {},
            {row.id: row for row in await session.execute(threads)} if conversations else {},
        )

    def interaction(self, body: About) -> Any:
        """Its conversation, agent and channel; None where it is about none."""
        return self.interactions.get(body.interaction_id) if body.interaction_id else None

    def refusal(self, body: About, customer_id: UUID) -> AppError | None:
        """Why what this customer says cannot be about it."""
        for name, known in (("interaction", self.interactions), ("conversation", self.conversations)):
            subject_id = getattr(body, f"{name}_id")
            if subject_id is None:
                continue
            if subject_id not in known:
                return unknown(name)
            if known[subject_id].customer_id != customer_id:
                return not_theirs(name)
        return None


def unknown(name: str) -> AppError:
    error = FieldError(field=f"{name}_id", message=f"no {name} has this id")
    return Unprocessable(f"No {name} has this id.", code=f"unknown_{name}", errors=[error])


def not_theirs(name: str) -> AppError:
    error = FieldError(field=f"{name}_id", message="is not this customer's")
    return Conflict(f"The {name} is not this customer's.", code="not_theirs", errors=[error])
