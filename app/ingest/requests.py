"""Reading what providers sent, as it was kept."""

import base64
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlmodel import select

from app.channels.base import WebhookRequest
from app.core.errors import NotFound
from app.core.pagination import list_page
from app.ingest.models import InboundRequest
from app.ingest.schemas import InboundRequestQuery


async def get(session: AsyncSession, request_id: UUID) -> InboundRequest:
    kept = await session.get(InboundRequest, request_id)
    if kept is None:
        raise NotFound("No inbound request has this id.")
    return kept


async def list_requests(session: AsyncSession, query: InboundRequestQuery) -> dict[str, Any]:
    statement = select(InboundRequest).options(defer(InboundRequest.body))  # type: ignore[arg-type]
    if query.source is not None:
        statement = statement.where(InboundRequest.source == query.source)
    if query.status is not None:
        statement = statement.where(InboundRequest.status == query.status)
    return await list_page(session, statement, query, InboundRequest.id)


def as_webhook(kept: InboundRequest) -> WebhookRequest:
    """The request as its adapter first read it, less what proved it."""
    return WebhookRequest(
        method=kept.method,
        url="",
        segments=tuple(kept.path.split("/")) if kept.path else (),
        query=kept.query,
        headers=kept.headers,
        body=kept.body,
        received_at=kept.created_at,
    )


def show(kept: InboundRequest) -> dict[str, Any]:
    try:
        body, encoding = kept.body.decode(), "utf-8"
    except UnicodeDecodeError:
        body, encoding = base64.b64encode(kept.body).decode(), "base64"
    shown = {"query": kept.query.decode("utf-8", "replace"), "body": body, "body_encoding": encoding}
    return kept.model_dump(exclude={"body", "query", "fingerprint"}) | shown
