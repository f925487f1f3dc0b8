"""Surveys: what is asked, each version of it, and the invitations by which customers answer."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from app.core.db import Record, json_field, now, text_enum, time_field
from app.messages import Channel


class Survey(Record, table=True):
    """A survey by its name; what it asks is its newest version."""

    __tablename__ = "survey"

    name: str
    active: bool = True
    definition_version: int = 1
    recontact_days: int
    """Nobody is invited who was invited, to whatever survey, so many days ago or less."""
    expires_days: int
    version: int = 1


class SurveyVersion(Record, table=True):
    """What a survey asked at a time; never changed, since answers keep pointing at it."""

    __tablename__ = "survey_version"
    __table_args__ = (UniqueConstraint("survey_id", "number"),)

    survey_id: UUID = Field(foreign_key="survey.id")
    number: int
    """Counted from 1."""
    definition: dict[str, Any] = json_field()


class InvitationStatus(StrEnum):
    created = "created"
    sent = "sent"
    opened = "opened"
    answered = "answered"
    expired = "expired"


class SurveyInvitation(Record, table=True):
    """One customer asked about one occasion. Its status is told by the times of what happened to it."""

    __tablename__ = "survey_invitation"

    survey_id: UUID = Field(foreign_key="survey.id", index=True)
    survey_version_id: UUID = Field(foreign_key="survey_version.id")
    customer_id: UUID = Field(foreign_key="customer.id", index=True)
    token_hash: bytes = Field(unique=True)
    occasion: str | None = None
    channel: Channel | None = text_enum(Channel, default=None, nullable=True)
    language: str | None = None
    """None: whichever of the survey's languages the visitor's browser asks for."""
    interaction_id: UUID | None = Field(default=None, foreign_key="interaction.id", index=True)
    conversation_id: UUID | None = Field(default=None, foreign_key="conversation.id", ondelete="SET NULL", index=True)
    case_reference: str | None = None
    order_reference: str | None = None
    agent: str | None = None
    """Who served, as of the occasion."""
    expires_at: datetime = time_field()
    sent_at: datetime | None = time_field(default=None)
    opened_at: datetime | None = time_field(default=None)
    answered_at: datetime | None = time_field(default=None)
    answers: dict[str, Any] = json_field()
    """By the keys of the questions, also while some are missing."""
    revision: int = 0
    """How often it was answered: a form that was made out before the last time is stale."""
    version: int = 1

    @property
    def status(self) -> InvitationStatus:
        if self.answered_at is not None:
            return InvitationStatus.answered
        if self.expires_at <= now():
            return InvitationStatus.expired
        if self.opened_at is not None:
            return InvitationStatus.opened
        return InvitationStatus.created if self.sent_at is None else InvitationStatus.sent
