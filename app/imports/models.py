"""Imports, and what became of each of their rows."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from app.core.db import Record, json_field, text_enum, time_field


class ImportStatus(StrEnum):
    running = "running"
    finished = "finished"
    failed = "failed"
    undoing = "undoing"
    undone = "undone"


class ImportFormat(StrEnum):
    csv = "csv"
    xlsx = "xlsx"
    vcard = "vcard"
    ndjson = "ndjson"


class RowResult(StrEnum):
    created = "created"
    updated = "updated"
    unchanged = "unchanged"
    duplicate = "duplicate"
    rejected = "rejected"


class CustomerImport(Record, table=True):
    """A file of customers, worked through chunk by chunk."""

    __tablename__ = "customer_import"
    __table_args__ = (
        Index("ix_customer_import_updated_at", "updated_at"),
        CheckConstraint("done <= row_count", name="done"),
    )

    status: ImportStatus = text_enum(ImportStatus, default=ImportStatus.running)
    format: ImportFormat = text_enum(ImportFormat)
    file_name: str | None = None
    storage_key: str | None = None
    """Where the file lies; None once it is worked through."""
    options: dict[str, Any] = json_field()
    """Region, source, sheet, overwrite."""
    dry_run: bool = False
    mapping: dict[str, str | None] = json_field()
    row_count: int = 0
    done: int = 0
    """Rows whose outcome is committed: where a crashed import goes on."""
    counts: dict[str, int] = json_field()
    actor: str | None = None
    failure: str | None = None
    finished_at: datetime | None = time_field(default=None)


class ImportRow(SQLModel, table=True):
    """What became of one row, and what it changed, for taking it back."""

    __tablename__ = "import_row"
    __table_args__ = (Index("ix_import_row_customer_id", "customer_id"),)

    import_id: UUID = Field(foreign_key="customer_import.id", primary_key=True)
    line: int = Field(primary_key=True)
    result: RowResult = text_enum(RowResult)
    customer_id: UUID | None = None
    """No foreign key: what is told of a row outlives the file it made."""
    version: int | None = None
    """Of the customer when the row's chunk was done."""
    reasons: list[dict[str, Any]] = json_field(list)
    changes: dict[str, Any] = json_field()
    """`{"fields": {name: [before, after]}, "identifiers": [ids]}`."""
    undone: str | None = None
    """`deleted`, `restored` or `kept`."""
