"""Files that may belong to one person."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field

from app.core.db import Record, json_field, text_enum


class DuplicateStatus(StrEnum):
    open = "open"
    merged = "merged"
    dismissed = "dismissed"


class DuplicateSuggestion(Record, table=True):
    """Two files that may be one person's, for somebody to decide."""

    __tablename__ = "duplicate_suggestion"
    __table_args__ = (
        UniqueConstraint("customer_a_id", "customer_b_id"),
        CheckConstraint("customer_a_id < customer_b_id", name="ordered"),
    )

    customer_a_id: UUID = Field(foreign_key="customer.id")
    customer_b_id: UUID = Field(foreign_key="customer.id", index=True)
    score: float
    reasons: list[dict[str, Any]] = json_field(list)
    status: DuplicateStatus = text_enum(DuplicateStatus, default=DuplicateStatus.open)

    @property
    def customer_ids(self) -> list[UUID]:
        return [self.customer_a_id, self.customer_b_id]
