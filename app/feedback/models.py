"""What customers think of the service: answers, a tidy row for each score in them, the tasks that bad ones open."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid
from sqlmodel import Field, Relationship

from app.core.db import Record, now, text_enum, time_field
from app.messages import Channel


class Measure(StrEnum):
    csat = "csat"
    nps = "nps"
    ces = "ces"
    rating = "rating"
    expectation = "expectation"
    perception = "perception"
    importance = "importance"


class Feedback(Record, table=True):
    """One answer of a customer: scores, a comment, and what it is about."""

    __tablename__ = "feedback"
    __table_args__ = (
        Index(
            "uq_feedback_external_id",
            "source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
    )

    customer_id: UUID = Field(foreign_key="customer.id", index=True)
    source: str
    """The system that told us."""
    external_id: str | None = None
    channel: Channel | None = text_enum(Channel, default=None, nullable=True)
    comment: str | None = None
    interaction_id: UUID | None = Field(default=None, foreign_key="interaction.id", index=True)
    conversation_id: UUID | None = Field(default=None, foreign_key="conversation.id", ondelete="SET NULL", index=True)
    case_reference: str | None = None
    order_reference: str | None = None
    agent: str | None = None
    """Who served, as of the moment it speaks of."""
    language: str | None = None
    collected_at: datetime = time_field()
    invitation_id: UUID | None = Field(default=None, foreign_key="survey_invitation.id", index=True)
    version: int = 1

    scores: list["FeedbackScore"] = Relationship(
        back_populates="feedback", sa_relationship_kwargs={"order_by": "FeedbackScore.id", "lazy": "raise"}
    )


class FeedbackScore(Record, table=True):
    """One score. What summaries group by is copied here from its answer: a million of them are read in one go."""

    __tablename__ = "feedback_score"
    __table_args__ = (
        Index("ix_feedback_score_customer_id", "customer_id", "collected_at", "id"),
        Index("ix_feedback_score_collected_at", "collected_at", "id"),
        Index("ix_feedback_score_updated_at", "updated_at"),
        Index(
            "ix_feedback_score_measure",
            "measure",
            "collected_at",
            postgresql_include=["dimension", "value", "scale_min", "scale_max", "lower_is_better", "channel", "agent"],
        ),
    )

    feedback_id: UUID = Field(foreign_key="feedback.id", index=True)
    customer_id: UUID = Field(foreign_key="customer.id")
    measure: Measure = text_enum(Measure)
    dimension: str | None = None
    """None: the service as a whole."""
    value: float
    scale_min: float
    scale_max: float
    lower_is_better: bool = False
    """The customer effort of 2010 was asked so; a group must not mix it with later ones."""
    collected_at: datetime = time_field()
    channel: Channel | None = text_enum(Channel, default=None, nullable=True)
    agent: str | None = None

    feedback: Feedback = Relationship(back_populates="scores", sa_relationship_kwargs={"lazy": "raise"})

    @property
    def scale(self) -> tuple[float, float]:
        return self.scale_min, self.scale_max

    @property
    def share(self) -> float:
        """How far up its scale the value is, from 0 for the worst to 1 for the best."""
        share = (self.value - self.scale_min) / (self.scale_max - self.scale_min)
        return 1 - share if self.lower_is_better else share


class RecoveryReason(StrEnum):
    detractor = "detractor"
    low_score = "low_score"
    complaint = "complaint"


class RecoveryStatus(StrEnum):
    open = "open"
    closed = "closed"


class RecoveryOutcome(StrEnum):
    won_back = "won_back"
    not_won_back = "not_won_back"
    unreachable = "unreachable"
    unfounded = "unfounded"


class Recovery(Record, table=True):
    """A task: win back a customer who was let down. At most one a reason is opened while another is open."""

    __tablename__ = "recovery"
    __table_args__ = (
        Index("ix_recovery_customer_id", "customer_id", "status"),
        Index("ix_recovery_open", "due_at", postgresql_where=text("status = 'open'")),
        Index("ix_recovery_created_at", "created_at"),
    )

    customer_id: UUID = Field(foreign_key="customer.id")
    feedback_id: UUID | None = Field(default=None, foreign_key="feedback.id", index=True)
    interaction_id: UUID | None = Field(default=None, foreign_key="interaction.id", index=True)
    reason: RecoveryReason = text_enum(RecoveryReason)
    status: RecoveryStatus = text_enum(RecoveryStatus, default=RecoveryStatus.open)
    owner: str | None = None
    due_at: datetime = time_field()
    outcome: RecoveryOutcome | None = text_enum(RecoveryOutcome, default=None, nullable=True)
    note: str | None = None
    closed_at: datetime | None = time_field(default=None)
    measure: Measure | None = text_enum(Measure, default=None, nullable=True)
    dimension: str | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    first_value: float | None = None
    first_at: datetime | None = time_field(default=None)
    """When the first score was collected."""
    second_value: float | None = None
    second_at: datetime | None = time_field(default=None)
    """When the second score was collected: the newest while the task is open, then the first after it was closed."""
    second_feedback_id: UUID | None = Field(default=None, foreign_key="feedback.id", index=True)
    further_feedback_ids: list[UUID] = Field(
        default_factory=list,
        sa_type=ARRAY(Uuid),
        nullable=False,
    )
    """Later answers that would have opened it."""
    version: int = 1

    @property
    def overdue(self) -> bool:
        return self.status is RecoveryStatus.open and self.due_at < now()

    @property
    def scale(self) -> tuple[float, float] | None:
        return None if self.scale_min is None or self.scale_max is None else (self.scale_min, self.scale_max)

    @property
    def second(self) -> dict[str, Any] | None:
        if self.second_feedback_id is None:
            return None
        return {"feedback_id": self.second_feedback_id, "value": self.second_value, "collected_at": self.second_at}
