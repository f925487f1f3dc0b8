"""What the API takes and shows of identity: the log, suggested duplicates, re-filing."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.pagination import PageQuery
from app.core.shapes import UtcTime
from app.customers.models import Rule
from app.identity.models import DuplicateStatus
from app.messages import Confidence


class IdentityEntryRead(BaseModel):
    """Why one message or identifier is in the file."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    interaction_id: UUID | None = Field(description="The message, null where an identifier was linked by itself.")
    rule: Rule
    confidence: Confidence | None
    identifier_kind: str | None
    identifier_value: str | None
    actor: str | None = Field(description="The API key that decided; null: the service's own rules.")
    details: dict[str, Any]
    at: Annotated[UtcTime, Field(validation_alias="created_at")]


class DuplicateQuery(PageQuery):
    status: DuplicateStatus | None = None


class DuplicateRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_ids: list[UUID]
    score: float
    reasons: list[dict[str, Any]]
    status: DuplicateStatus
    created_at: UtcTime
    updated_at: UtcTime


class Refile(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"customer_id": "0198f6c2-5b1e-7c3a-9d4e-2f6a8b0c1d2e"}}
    )

    customer_id: UUID
