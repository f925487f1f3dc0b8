"""Files that may belong to one person, and those that were made one."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint, text
from sqlmodel import Field

from app.core.db import Record, json_field, text_enum, time_field


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
    customer_b_id: UUID | None = Field(default=None, foreign_key="customer.id", index=True)
    """None: the pair was merged, and `customer_a_id` is the file that both are in now."""
    pair: list[str] = json_field(list, sa_column_kwargs={"server_default": text("'[]'")})
    """The two as they were, of a pair that was merged."""
    score: float
    reasons: list[dict[str, Any]] = json_field(list)
    status: DuplicateStatus = text_enum(DuplicateStatus, default=DuplicateStatus.open)

    @property
    def customer_ids(self) -> list[UUID]:
        if self.customer_b_id is None:
            return [UUID(each) for each in self.pair]
        return [self.customer_a_id, self.customer_b_id]


class MergeStatus(StrEnum):
    done = "done"
    undone = "undone"


class Merge(Record, table=True):
    """Files that became one, and all it takes to part them again."""

    __tablename__ = "merge"

    survivor_id: UUID = Field(foreign_key="customer.id", index=True)
    """The file they are in now: it moves on when that one is merged itself."""
    customer_ids: list[str] = json_field(list)
    """Those that were merged into it."""
    actor: str | None = None
    automatic: bool = False
    """A rule of the service decided, nobody asked for it."""
    status: MergeStatus = text_enum(MergeStatus, default=MergeStatus.done)
    undone_at: datetime | None = time_field(default=None)
    undone_by: str | None = None
    moved: dict[str, int] = json_field()
    """How many rows of each table moved."""
    trace: dict[str, Any] = json_field()
    """What `app.identity.undo` needs: the files as they were and the keys of what moved. It holds personal data, so
    it is emptied when the merge is undone or the survivor erased."""
