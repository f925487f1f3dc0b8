"""What the API takes and shows of invitations."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.pagination import PageQuery
from app.core.shapes import UtcTime
from app.customers.schemas import Language
from app.feedback.schemas import Reference
from app.feedback.surveys.models import InvitationStatus
from app.messages import Channel, IdentifierKind
from app.text.fields import ShortText

_INVITATION: dict[str, Any] = {
    "customer_id": "0198f6c2-5b1e-7c3a-9d4e-2f6a8b0c1d2e",
    "occasion": "visit",
    "channel": "sms",
    "agent": "n.ahmadi",
    "language": "fa",
}


class InvitationCreate(BaseModel):
    """Whom to ask, and about what."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _INVITATION})

    customer_id: UUID
    occasion: ShortText | None = Field(default=None, description="What it is about, in your own words.")
    interaction_id: UUID | None = Field(default=None, description="An interaction of this customer,")
    conversation_id: UUID | None = Field(default=None, description="a conversation,")
    case_reference: Reference | None = Field(default=None, description="a case,")
    order_reference: Reference | None = Field(default=None, description="an order.")
    agent: ShortText | None = Field(default=None, description="Who served. Unless given, the interaction's.")
    channel: Channel | None = Field(
        default=None, description="On which the link will be sent: its addresses must not have opted out."
    )
    language: Language | None = Field(
        default=None,
        description="One of the survey's. Unless given, the customer's if it is one of them, else the visitor's.",
    )


class InvitationRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    survey_id: UUID
    definition_version: int = Field(description="Which version of the survey's questions is asked.")
    customer_id: UUID
    status: InvitationStatus
    occasion: str | None
    channel: Channel | None
    language: str | None
    interaction_id: UUID | None
    conversation_id: UUID | None
    case_reference: str | None
    order_reference: str | None
    agent: str | None
    expires_at: UtcTime
    sent_at: UtcTime | None
    opened_at: UtcTime | None
    answered_at: UtcTime | None
    answers: dict[str, int | str] = Field(
        description="By the keys of the questions; before it is answered, what was filled in so far."
    )
    feedback_id: UUID | None
    version: int
    created_at: UtcTime
    updated_at: UtcTime


class AddressRead(BaseModel):
    kind: IdentifierKind
    value: str


class InvitationLink(InvitationRead):
    link: str = Field(
        description="The page for the customer, told this once; only a hash of it is kept.",
        examples=["https://onefile.example.org/s/4fTqk9ZJ0aXw7LmP3sVb2R"],
    )
    addresses: list[AddressRead] = Field(description="The customer's, on this channel, that have not opted out.")


class InvitationQuery(PageQuery):
    survey_id: UUID | None = None
    customer_id: UUID | None = None
    status: InvitationStatus | None = None
    channel: Channel | None = None
    agent: ShortText | None = None
    interaction_id: UUID | None = None
