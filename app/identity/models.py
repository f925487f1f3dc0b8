"""Files that may belong to one person, what finding them needs, and those that were made one."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

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


class BlockingKey(SQLModel, table=True):
    """What a file may be found by when another looks for its duplicates; a hash.

    No foreign key: keys are derived, follow their customer late, and do not move when files are merged.
    """

    __tablename__ = "blocking_key"
    __table_args__ = (Index("ix_blocking_key_key", "key"),)

    customer_id: UUID = Field(primary_key=True)
    key: int = Field(sa_type=BigInteger, primary_key=True)


class ValueCount(SQLModel, table=True):
    """How many files had a value at the last scan, where it was more than two; the value as a hash."""

    __tablename__ = "value_count"

    key: int = Field(sa_column=Column("key", BigInteger, primary_key=True, autoincrement=False))
    count: int


class ScanStatus(StrEnum):
    running = "running"
    finished = "finished"
    failed = "failed"


class DuplicateScan(Record, table=True):
    """A comparison of all files with each other, and what was learned from it."""

    __tablename__ = "duplicate_scan"
    __table_args__ = (Index("uq_running_scan", "status", unique=True, postgresql_where=text("status = 'running'")),)

    status: ScanStatus = text_enum(ScanStatus, default=ScanStatus.running)
    customers: int = 0
    compared: int = Field(default=0, sa_type=BigInteger)
    suggested: int = 0
    done: float = 0.0
    """Part of the way, 0 to 1."""
    finished_at: datetime | None = time_field(default=None)
    passed_over: int = Field(default=0, sa_type=BigInteger)
    crowds: int = 0
    reached: UUID | None = None
    """The last file whose pairs are compared: where an interrupted scan goes on."""
    least: float = 0.0
    model: dict[str, Any] = json_field()
