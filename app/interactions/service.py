"""Reading the timeline. What writes it is `app.ingest.filing`."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, cast, false
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.core.audit import concerns
from app.core.errors import NotFound
from app.core.pagination import PageQuery, list_page, wanted
from app.core.searching import Search, search_page
from app.customers import service as customers
from app.interactions.models import SEARCH_WORDS, Conversation, Interaction, StatusRow
from app.interactions.schemas import SHOWN_TEXT, ConversationQuery, InteractionQuery
from app.text.search_terms import text_words

_WITHOUT_HTML = select(Interaction).options(defer(Interaction.html))  # type: ignore[arg-type]


async def get(session: AsyncSession, interaction_id: UUID) -> Interaction:
    return _found(await session.get(Interaction, interaction_id))


async def hold(session: AsyncSession, interaction_id: UUID) -> Interaction:
    """The interaction, locked against other changes until the end of the transaction."""
    return _found(await session.get(Interaction, interaction_id, with_for_update=True, populate_existing=True))


def _found(interaction: Interaction | None) -> Interaction:
    if interaction is None:
        raise NotFound("No interaction has this id.")
    concerns(interaction.customer_id)
    return interaction


async def get_whole(session: AsyncSession, interaction_id: UUID) -> dict[str, Any]:
    """All of its text, and what became of it."""
    interaction = await get(session, interaction_id)
    receipts = select(StatusRow).where(StatusRow.interaction_id == interaction_id).order_by(col(StatusRow.occurred_at))
    return show(interaction, limit=None) | {"statuses": (await session.scalars(receipts)).all()}


async def list_interactions(session: AsyncSession, query: InteractionQuery) -> dict[str, Any]:
    if query.q is None:
        return await _page(session, _filtered(query), query)
    page = await search_page(session, search_for(query), query, Interaction.occurred_at, Interaction.id)
    return page | {"items": [show(each) for each in page["items"]]}


def search_for(query: InteractionQuery) -> Search:
    words = text_words(query.q or "")
    matches = SEARCH_WORDS.bool_op("@@")(cast(words, TSQUERY)) if words else false()
    narrow = _within(query)
    return Search(
        listed=_filtered(query),
        # In this form no index serves it: the planner would sort all that a frequent word finds.
        matches=matches.is_(True),
        scope=select(Interaction.occurred_at, Interaction.id).where(*narrow, *_period(query)),
        # Whoever names a customer or a conversation has narrowed the search more than words do.
        found=[] if narrow else [select(col(Interaction.id)).where(matches)],
        filtered=(query.channel, query.direction, query.filed) != (None, None, None),
    )


def _filtered(query: InteractionQuery) -> SelectOfScalar[Interaction]:
    filters = wanted(query, Interaction, "channel", "direction")
    statement = _WITHOUT_HTML.where(*_within(query), *_period(query), *filters)
    if query.filed is not None:
        statement = statement.where(col(Interaction.customer_id).is_not(None) == query.filed)
    return statement


def _within(query: InteractionQuery) -> list[ColumnElement[bool]]:
    within = []
    if query.customer_id is not None:
        within.append(col(Interaction.customer_id) == customers.current(query.customer_id))
    if query.conversation_id is not None:
        within.append(col(Interaction.conversation_id) == query.conversation_id)
    return within


def _period(query: InteractionQuery) -> list[ColumnElement[bool]]:
    period = []
    if query.occurred_after is not None:
        period.append(col(Interaction.occurred_at) > query.occurred_after)
    if query.occurred_before is not None:
        period.append(col(Interaction.occurred_at) < query.occurred_before)
    return period


async def timeline(session: AsyncSession, customer_id: UUID, query: PageQuery) -> dict[str, Any]:
    customer = await customers.get(session, customer_id)
    return await _page(session, _WITHOUT_HTML.where(Interaction.customer_id == customer.id), query, of=customer.id)


async def list_conversations(session: AsyncSession, query: ConversationQuery) -> dict[str, Any]:
    statement = select(Conversation)
    if query.customer_id is not None:
        statement = statement.where(Conversation.customer_id == customers.current(query.customer_id))
    statement = statement.where(*wanted(query, Conversation, "channel", "status"))
    return await list_page(session, statement, query, Conversation.id)


async def get_conversation(session: AsyncSession, conversation_id: UUID) -> dict[str, Any]:
    conversation = await session.get(Conversation, conversation_id)
    if conversation is None:
        raise NotFound("No conversation has this id.")
    concerns(conversation.customer_id)
    statement = _WITHOUT_HTML.where(Interaction.conversation_id == conversation_id)
    page = await _page(session, statement, PageQuery(limit=200))
    return conversation.model_dump() | {"interactions": page["items"]}


def show(interaction: Interaction, *, limit: int | None = SHOWN_TEXT) -> dict[str, Any]:
    """An interaction as the API shows it; `limit` characters of text, None for all.

    `app.customers.queries` builds the same shape in SQL; a test holds the two together.
    """
    shown = interaction.model_dump(exclude=set() if limit is None else {"html"})
    for end in ("sender", "recipient"):
        kind = shown.pop(f"{end}_kind")
        value, name = shown.pop(f"{end}_value"), shown.pop(f"{end}_name")
        shown[end] = {"kind": kind, "value": value, "name": name} if kind else None
    reply = interaction.text if interaction.reply_text is None else interaction.reply_text
    return shown | {
        "received_at": interaction.created_at,
        "text": interaction.text[:limit],
        "text_truncated": limit is not None and len(interaction.text) > limit,
        "reply_text": reply[:limit],
    }


async def _page(
    session: AsyncSession, statement: SelectOfScalar[Any], query: PageQuery, *, of: UUID | None = None
) -> dict[str, Any]:
    page = await list_page(session, statement, query, Interaction.occurred_at, Interaction.id, of=of)
    return page | {"items": [show(each) for each in page["items"]]}
