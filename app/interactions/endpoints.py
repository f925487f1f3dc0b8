"""HTTP for reading the timeline."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.auth import reading
from app.core.dependencies import SessionDep, StorageDep
from app.core.errors import documented
from app.core.pagination import Page, PageQuery
from app.interactions import attachments, service
from app.interactions.schemas import (
    ConversationFull,
    ConversationQuery,
    ConversationRead,
    InteractionFull,
    InteractionQuery,
    InteractionRead,
)

_THE_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"*/*": {}}, "description": "The file."}}

router = APIRouter(prefix="/v1", tags=["Interactions"], dependencies=reading)


@router.get("/interactions", response_model=Page[InteractionRead], summary="List interactions")
async def list_interactions(session: SessionDep, query: Annotated[InteractionQuery, Query()]) -> dict[str, Any]:
    """Newest first, by the time they occurred."""
    return await service.list_interactions(session, query)


@router.get(
    "/interactions/{interaction_id}",
    response_model=InteractionFull,
    responses=documented(404),
    summary="Get an interaction with its full text",
)
async def get_interaction(session: SessionDep, interaction_id: UUID) -> dict[str, Any]:
    return await service.get_whole(session, interaction_id)


@router.get(
    "/customers/{customer_id}/timeline",
    response_model=Page[InteractionRead],
    responses=documented(404),
    tags=["Customers"],
    summary="List a customer's interactions",
)
async def get_timeline(session: SessionDep, customer_id: UUID, query: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    return await service.timeline(session, customer_id, query)


@router.get(
    "/attachments/{attachment_id}",
    response_class=Response,
    responses=_THE_FILE | documented(404, 409, 410),
    summary="Get a file that came with an interaction",
)
async def get_attachment(session: SessionDep, storage: StorageDep, attachment_id: UUID) -> Response:
    """409 `attachment_pending` while the provider still keeps it, 410 `attachment_failed` if it could not be had."""
    return await attachments.content_of(session, storage, attachment_id)


@router.get("/conversations", response_model=Page[ConversationRead], summary="List conversations")
async def list_conversations(session: SessionDep, query: Annotated[ConversationQuery, Query()]) -> dict[str, Any]:
    return await service.list_conversations(session, query)


@router.get(
    "/conversations/{conversation_id}",
    response_model=ConversationFull,
    responses=documented(404),
    summary="Get a conversation with its interactions",
)
async def get_conversation(session: SessionDep, conversation_id: UUID) -> dict[str, Any]:
    return await service.get_conversation(session, conversation_id)
