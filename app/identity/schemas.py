"""What the API takes and shows of identity: the log, suggested duplicates, re-filing, merges."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.pagination import PageQuery
from app.core.shapes import UtcTime
from app.customers.models import Rule
from app.customers.schemas import CustomerRead
from app.identity.matching import ACCEPT_AT
from app.identity.models import DuplicateStatus, MergeStatus, ScanStatus
from app.messages import Confidence


class IdentityEntryRead(BaseModel):
    """Why one message or identifier is in the file."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    interaction_id: UUID | None = Field(
        description="The message; null where an identifier was linked by itself, or an answer came through it."
    )
    rule: Rule
    confidence: Confidence | None
    identifier_kind: str | None
    identifier_value: str | None
    actor: str | None = Field(description="The API key that decided; null: the service's own rules.")
    details: dict[str, Any]
    at: Annotated[UtcTime, Field(validation_alias="created_at")]


class DuplicateQuery(PageQuery):
    status: DuplicateStatus | None = None
    min_score: float | None = Field(default=None, ge=0, le=1, description="Only pairs at least this probable.")
    customer_id: UUID | None = Field(default=None, description="Only pairs with this file.")


class DuplicateRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_ids: list[UUID]
    score: float = Field(description="How probable it is that both are one person, 0 to 1.")
    reasons: list[dict[str, Any]] = Field(
        description="What was compared (`field`), in words (`text`), and what it adds for or against (`weight`, in "
        "bits); or the `rule` of identity resolution that met both."
    )
    status: DuplicateStatus
    created_at: UtcTime
    updated_at: UtcTime


class Refile(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"customer_id": "0198f6c2-5b1e-7c3a-9d4e-2f6a8b0c1d2e"}}
    )

    customer_id: UUID


class MergeCreate(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"customer_ids": ["0198f6c2-5b1e-7c3a-9d4e-2f6a8b0c1d2e"], "dry_run": True}},
    )

    customer_ids: list[UUID] = Field(min_length=1, max_length=100, description="The files to merge into this one.")
    dry_run: bool = Field(default=False, description="Only tell what it would be.")


class MergedCustomer(CustomerRead):
    """The surviving customer; of a dry run, what it would be."""

    merge_id: UUID | None = Field(description="For its undoing; null: a dry run.")
    moved: dict[str, int] = Field(
        description="How many rows of each table moved, or would.", examples=[{"interaction": 12}]
    )


class MergeQuery(PageQuery):
    customer_id: UUID | None = Field(default=None, description="Those whose files are in this one now.")
    status: MergeStatus | None = None


class MergeRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    survivor_id: UUID = Field(description="The file they are in now.")
    customer_ids: list[UUID] = Field(description="The files that were merged into it.")
    actor: str | None = Field(description="The API key that merged them; null: the service's own rules.")
    automatic: bool
    status: MergeStatus
    moved: dict[str, int] = Field(description="How many rows of each table moved.")
    undone_at: UtcTime | None
    undone_by: str | None
    created_at: UtcTime
    updated_at: UtcTime


class ScanRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    status: ScanStatus
    customers: int = Field(description="Files read.")
    compared: int = Field(description="Pairs compared.")
    passed_over: int = Field(description="Pairs that share so little that likelier ones were compared in their place.")
    crowds: int = Field(description="Groups too large to compare everybody in them, although three keys are the same.")
    suggested: int = Field(description="Pairs found to be probably one person's.")
    done: float = Field(description="Part of the way, 0 to 1.")
    created_at: UtcTime
    updated_at: UtcTime
    finished_at: UtcTime | None


class AcceptQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    min_score: float = Field(default=ACCEPT_AT, ge=0, le=1, description="Pairs at least this probable are merged.")


class AcceptedRead(BaseModel):
    merged: int
    finished: bool = Field(description="False: there are more; ask again.")
    min_score: float
    merge_ids: list[UUID] = Field(description="For `POST /v1/merges/{id}/undo`.")
