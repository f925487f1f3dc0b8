"""The timeline: one row for each touch, in or out, and the conversations they form."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field

from app.core.db import UPDATED_IN_PLACE, Record, json_field, text_enum, time_field
from app.messages import Channel, Direction, IdentifierKind, InteractionKind, InteractionStatus


class ConversationStatus(StrEnum):
    open = "open"
    closed = "closed"


class Conversation(Record, table=True):
    """Interactions of one customer that answer each other."""

    __tablename__ = "conversation"
    __table_args__ = (
        Index(
            "uq_open_pair",
            "customer_id",
            "channel",
            "our_address",
            unique=True,
            postgresql_where=text("our_address IS NOT NULL AND status = 'open'"),
        ),
        Index("ix_conversation_customer_id", "customer_id", "last_at"),
        {"postgresql_with": UPDATED_IN_PLACE},
    )

    customer_id: UUID = Field(foreign_key="customer.id")
    channel: Channel = text_enum(Channel)
    our_address: str | None = None
    """For channels whose messages are threaded by the pair of addresses: ours, "" where the provider tells none."""
    status: ConversationStatus = text_enum(ConversationStatus, default=ConversationStatus.open)
    subject: str | None = None
    first_at: datetime = time_field()
    last_at: datetime = time_field()


class Interaction(Record, table=True):
    """One touch: a message, a call, a visit, a letter, a form."""

    __tablename__ = "interaction"
    __table_args__ = (
        Index(
            "uq_interaction_external_id",
            "source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index(
            "ix_interaction_customer_id",
            "customer_id",
            "occurred_at",
            "id",
            postgresql_include=["channel", "direction"],
        ),
        Index("ix_interaction_unfiled", "id", postgresql_where=text("customer_id IS NULL")),
        Index("ix_interaction_message_id", "message_id", postgresql_where=text("message_id IS NOT NULL")),
        Index("ix_interaction_conversation_id", "conversation_id", "id"),
        Index("ix_interaction_occurred_at", "occurred_at", "id"),
        Index("ix_interaction_updated_at", "updated_at"),
    )

    customer_id: UUID | None = Field(default=None, foreign_key="customer.id")
    """None: nobody it could be filed under."""
    conversation_id: UUID | None = Field(default=None, foreign_key="conversation.id")
    inbound_request_id: UUID | None = Field(default=None, foreign_key="inbound_request.id", index=True)
    channel: Channel = text_enum(Channel)
    direction: Direction = text_enum(Direction)
    kind: InteractionKind = text_enum(InteractionKind)
    status: InteractionStatus = text_enum(InteractionStatus)
    source: str
    """The configured provider account, or the system that told us."""
    provider: str | None = None
    external_id: str | None = None
    message_id: str | None = None
    """What replies refer to, where that is not the external id (RFC 5322 Message-ID without brackets)."""
    occurred_at: datetime = time_field()
    subject: str | None = None
    text: str = ""
    html: str | None = None
    reply_text: str | None = None
    """None: the whole text is newly written."""
    language: str | None = None
    sender_kind: IdentifierKind | None = text_enum(IdentifierKind, check="sender_kind", default=None, nullable=True)
    sender_value: str | None = None
    sender_name: str | None = None
    recipient_kind: IdentifierKind | None = text_enum(
        IdentifierKind, check="recipient_kind", default=None, nullable=True
    )
    recipient_value: str | None = None
    recipient_name: str | None = None
    automatic: bool = False
    agent: str | None = None
    duration_s: int | None = None
    location: str | None = None
    attachments: list[dict[str, Any]] = json_field(list)
    attributes: dict[str, Any] = json_field()
    version: int = 1
