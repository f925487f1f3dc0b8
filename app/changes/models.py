"""What changed, in the order in which it was committed."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, text
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

from app.core.db import json_field, now, text_enum, time_field


class ChangeType(StrEnum):
    """What happened, to what."""

    customer_created = "customer.created"
    customer_updated = "customer.updated"
    customer_merged = "customer.merged"
    customer_unmerged = "customer.unmerged"
    customer_erased = "customer.erased"
    identifier_added = "identifier.added"
    identifier_updated = "identifier.updated"
    identifier_released = "identifier.released"
    interaction_received = "interaction.received"
    interaction_filed = "interaction.filed"
    """Under another customer than before."""
    interaction_status = "interaction.status"
    feedback_received = "feedback.received"
    feedback_updated = "feedback.updated"
    """Its customer changed the answer."""


class TransactionId(UserDefinedType[int]):
    """PostgreSQL's `xid8`."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class Change(SQLModel, table=True):
    """One change. It names customers without foreign keys: what is told of a file outlives it."""

    __tablename__ = "change"

    transaction: int | None = Field(
        default=None,
        sa_column=Column("transaction", TransactionId(), server_default=text("pg_current_xact_id()"), primary_key=True),
    )
    number: int | None = Field(
        default=None, sa_column=Column("number", BigInteger, Identity(always=True), primary_key=True)
    )
    type: ChangeType = text_enum(ChangeType)
    customer_id: UUID | None = Field(default=None)
    """None: of an interaction that is nobody's."""
    subject_id: UUID
    """The customer, identifier, interaction or feedback that changed."""
    data: dict[str, Any] = json_field()
    at: datetime = time_field(default_factory=now)
