"""Configured provider accounts, what they sent us, and what their signatures leave uncovered."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from app.core.db import Record, json_field, now, text_enum, time_field


class Source(Record, table=True):
    """A provider account whose webhooks arrive at `/v1/ingest/{name}`."""

    __tablename__ = "source"

    name: str = Field(unique=True)
    provider: str
    sealed_credentials: bytes
    default_region: str | None = None
    public_url: str | None = None
    settings: dict[str, Any] = json_field()
    version: int = 1


class InboundRequestStatus(StrEnum):
    filed = "filed"
    ignored = "ignored"
    quarantined = "quarantined"


class InboundRequest(Record, table=True):
    """A verified provider request as it came, secrets blanked; it can be replayed."""

    __tablename__ = "inbound_request"
    __table_args__ = (
        # A redelivery of what was not filed is known by its bytes; of what was filed, by its messages' ids.
        Index(
            "uq_inbound_request_unfiled",
            "source",
            "fingerprint",
            unique=True,
            postgresql_where=text("status <> 'filed'"),
        ),
        Index("ix_inbound_request_unfiled", "status", "id", postgresql_where=text("status <> 'filed'")),
    )

    source: str
    provider: str
    status: InboundRequestStatus = text_enum(InboundRequestStatus)
    reason: str | None = None
    method: str
    path: str
    """Behind the source's name."""
    query: bytes
    headers: dict[str, str] = json_field()
    body: bytes
    fingerprint: bytes
    """SHA-256 of method, path, query and body."""


class WebhookNonce(SQLModel, table=True):
    """A signature that does not cover the body, and the content it first came with."""

    __tablename__ = "webhook_nonce"

    source: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    digest: bytes
    seen_at: datetime = time_field(default_factory=now, index=True)
