"""What the API shows of interactions and conversations."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.pagination import PageQuery
from app.core.shapes import Moment, UtcTime
from app.interactions.models import AttachmentState, ConversationStatus
from app.messages import Channel, Direction, IdentifierKind, InteractionKind, InteractionStatus, ReceiptEvent
from app.text.fields import Typed

SHOWN_TEXT = 2000
"""Characters of text in lists and in the customer file."""


class PartyRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    kind: IdentifierKind
    value: str
    name: str | None = None


class AttachmentRead(BaseModel):
    id: UUID
    name: str | None
    content_type: str
    size: int | None
    state: AttachmentState = AttachmentState.stored


class InteractionRead(BaseModel):
    """One touch, in or out. Lists cut long text (`text_truncated`); the interaction by id has all of it."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)

    id: UUID
    customer_id: UUID | None
    conversation_id: UUID | None
    channel: Channel
    direction: Direction
    kind: InteractionKind
    provider: str | None
    source: str
    external_id: str | None
    occurred_at: UtcTime
    received_at: UtcTime
    subject: str | None
    text: str
    text_truncated: bool
    reply_text: str = Field(description="What the person newly wrote: no quotes, no signature.")
    language: str | None
    from_: Annotated[PartyRead | None, Field(alias="from", validation_alias="sender")]
    to: Annotated[PartyRead | None, Field(validation_alias="recipient")]
    status: InteractionStatus
    automatic: bool
    agent: str | None
    duration_s: int | None
    location: str | None
    attachments: list[AttachmentRead]
    attributes: dict[str, Any]
    version: int
    updated_at: UtcTime


class StatusRead(BaseModel):
    """What the provider told of a message we sent."""

    model_config = ConfigDict(from_attributes=True)

    event: ReceiptEvent
    recipient: str = Field(description="Of a message to several; empty where the provider names none.")
    occurred_at: UtcTime
    error_code: str | None


class InteractionFull(InteractionRead):
    html: str | None
    statuses: list[StatusRead] = Field(description="The receipts that came for it, in their order.")
    inbound_request_id: UUID | None


class InteractionQuery(PageQuery):
    q: Typed | None = Field(
        default=None,
        description="Words of subject and text, all of which must be there; the last may be unfinished. Of very long "
        "texts the beginning is searched. A page may have fewer items than `limit` and lead on.",
        examples=["سفارش نرسیده"],
    )
    customer_id: UUID | None = None
    channel: Channel | None = None
    direction: Direction | None = None
    conversation_id: UUID | None = None
    filed: bool | None = Field(default=None, description="`false`: those that belong to no customer yet.")
    occurred_after: Moment | None = None
    occurred_before: Moment | None = None


class ConversationRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    channel: Channel
    status: ConversationStatus
    subject: str | None
    first_at: UtcTime
    last_at: UtcTime
    created_at: UtcTime
    updated_at: UtcTime


class ConversationQuery(PageQuery):
    customer_id: UUID | None = None
    channel: Channel | None = None
    status: ConversationStatus | None = None


class ConversationFull(ConversationRead):
    interactions: list[InteractionRead] = Field(description="The 200 newest, newest first.")
