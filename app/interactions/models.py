"""The timeline: one row for each touch, in or out, and the conversations they form."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field, SQLModel

from app.core.db import FOUND_SOON, UPDATED_IN_PLACE, Record, json_field, text_enum, time_field
from app.messages import Channel, Direction, IdentifierKind, InteractionKind, InteractionStatus, ReceiptEvent


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
            "pair_key",
            unique=True,
            postgresql_where=text("pair_key IS NOT NULL AND status = 'open'"),
        ),
        # Without `last_at`, which every message changes: it would put each version of a conversation into all indexes.
        Index("ix_conversation_customer_id", "customer_id"),
        {"postgresql_with": UPDATED_IN_PLACE},
    )

    customer_id: UUID = Field(foreign_key="customer.id")
    channel: Channel = text_enum(Channel)
    pair_key: str | None = None
    """What its messages share where no reply headers hold them together: our address, in mail with the subject."""
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
        Index("ix_interaction_conversation_id", "conversation_id", "id"),
        Index("ix_interaction_occurred_at", "occurred_at", "id"),
        Index("ix_interaction_updated_at", "updated_at"),
        Index(
            "ix_interaction_inbound_request_id",
            "inbound_request_id",
            postgresql_where=text("inbound_request_id IS NOT NULL"),
        ),
    )

    customer_id: UUID | None = Field(default=None, foreign_key="customer.id")
    """None: nobody it could be filed under."""
    conversation_id: UUID | None = Field(default=None, foreign_key="conversation.id")
    inbound_request_id: UUID | None = Field(default=None, foreign_key="inbound_request.id")
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


# Not an attribute: whoever reads an interaction never wants it. `text_key` of subject and text; NULL as in `Customer`.
SEARCH_WORDS: Column[str] = Column("search_words", TSVECTOR)
Interaction.metadata.tables["interaction"].append_column(SEARCH_WORDS)
Index("ix_interaction_search_words", SEARCH_WORDS, postgresql_using="gin", postgresql_with=FOUND_SOON)
Index(
    "ix_interaction_not_searchable",
    Interaction.id,  # type: ignore[arg-type]
    postgresql_where=text("search_words IS NULL"),
)


class ConversationReference(SQLModel, table=True):
    """A mail, seen or only spoken of, and the conversation it belongs to, so that late siblings find each other."""

    __tablename__ = "conversation_reference"

    customer_id: UUID = Field(foreign_key="customer.id", primary_key=True)
    message_id: str = Field(primary_key=True)
    conversation_id: UUID = Field(foreign_key="conversation.id", index=True)


class StatusRow(Record, table=True):
    """What a provider told of a message we sent; each kind of news once a recipient."""

    __tablename__ = "interaction_status"
    __table_args__ = (
        UniqueConstraint("interaction_id", "event", "recipient"),
        Index(
            "ix_interaction_status_inbound_request_id",
            "inbound_request_id",
            postgresql_where=text("inbound_request_id IS NOT NULL"),
        ),
    )

    interaction_id: UUID = Field(foreign_key="interaction.id")
    event: ReceiptEvent = text_enum(ReceiptEvent)
    recipient: str = ""
    inbound_request_id: UUID | None = None
    """What told it; without a foreign key, since both are written at once and the request may go first."""
    occurred_at: datetime = time_field()
    error_code: str | None = None


class InteractionRequest(SQLModel, table=True):
    """A raw request that told more of a known interaction: a later stage of a call, a part of a long message."""

    __tablename__ = "interaction_request"

    interaction_id: UUID = Field(foreign_key="interaction.id", primary_key=True)
    inbound_request_id: UUID = Field(foreign_key="inbound_request.id", primary_key=True, index=True)


class AttachmentState(StrEnum):
    pending = "pending"
    """The provider still keeps it."""
    stored = "stored"
    failed = "failed"


class Attachment(Record, table=True):
    """A file that came with an interaction, and where it is."""

    __tablename__ = "attachment"

    interaction_id: UUID | None = Field(default=None, foreign_key="interaction.id", index=True)
    """None: of an interaction that is erased; the row waits for its content to be removed."""
    state: AttachmentState = text_enum(AttachmentState)
    reason: str | None = None
    """Why it failed."""
    name: str | None = None
    content_type: str
    size: int | None = None
    content_id: str | None = None
    storage_key: str | None = Field(default=None, index=True)
    url: str | None = None
    provider_id: str | None = None


class ForgottenMessage(SQLModel, table=True):
    """A message or an answer that was erased: told again, it does not come back."""

    __tablename__ = "forgotten_message"

    digest: bytes = Field(primary_key=True)
    """SHA-256 of `source:external_id`, of an answer with `feedback:` before it."""
