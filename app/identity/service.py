"""The identity journal, suggested duplicates, and filing a message under another customer by hand."""

from typing import Any
from uuid import UUID

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.changes.models import ChangeType
from app.changes.service import tell
from app.core.db import now
from app.core.errors import Conflict, NotFound
from app.core.pagination import PageQuery, list_page
from app.customers import service as customers
from app.customers.models import Customer, CustomerStatus, IdentityEntry, Rule
from app.identity.holding import hold_files
from app.identity.models import DuplicateStatus, DuplicateSuggestion
from app.identity.schemas import DuplicateQuery
from app.interactions import service as interactions
from app.interactions.models import Interaction
from app.interactions.parting import part


async def log(session: AsyncSession, customer_id: UUID, query: PageQuery) -> dict[str, Any]:
    customer = await customers.get(session, customer_id)
    statement = select(IdentityEntry).where(IdentityEntry.customer_id == customer.id)
    return await list_page(session, statement, query, IdentityEntry.id, of=customer.id)


async def refile(session: AsyncSession, interaction_id: UUID, customer_id: UUID, *, actor: str) -> dict[str, Any]:
    """File an interaction under this customer, where it goes on in a conversation of theirs."""
    whose = await session.scalar(select(Interaction.customer_id).where(Interaction.id == interaction_id))
    customer, *before = await hold_files(session, [customer_id, *([whose] if whose else [])])
    if customer.status is CustomerStatus.anonymized:
        raise Conflict("Nothing can be filed under an anonymized customer.", code="anonymized")
    interaction = await interactions.hold(session, interaction_id)
    parties = [customer.id, *(each.id for each in before)]
    if interaction.customer_id not in (None, *parties):
        raise Conflict("Somebody else files this interaction at the moment; try again.", code="busy")
    if interaction.customer_id != customer.id:
        _journal(session, interaction, customer, actor)
        interaction.customer_id = customer.id
        interaction.version += 1
        at = interaction.occurred_at
        customer.first_contact_at = min(at, customer.first_contact_at or at)
        customer.last_contact_at = max(at, customer.last_contact_at or at)
        await session.flush()
        await part(session, parties)
        await session.refresh(interaction)
    return await interactions.get_whole(session, interaction_id)


def _journal(session: AsyncSession, interaction: Interaction, customer: Customer, actor: str) -> None:
    """Tell who files the interaction under this customer, and where it was."""
    details = {"from": str(interaction.customer_id)} if interaction.customer_id else {}
    session.add(
        IdentityEntry(
            customer_id=customer.id, interaction_id=interaction.id, rule=Rule.refiled, actor=actor, details=details
        )
    )
    tell(session, ChangeType.interaction_filed, interaction.id, customer.id, **{"from": None} | details)


async def list_duplicates(session: AsyncSession, query: DuplicateQuery) -> dict[str, Any]:
    statement = select(DuplicateSuggestion)
    if query.status is not None:
        statement = statement.where(DuplicateSuggestion.status == query.status)
    if query.min_score is not None:
        statement = statement.where(DuplicateSuggestion.score >= query.min_score)
    if query.customer_id is not None:
        pair = (DuplicateSuggestion.customer_a_id, DuplicateSuggestion.customer_b_id)
        statement = statement.where(or_(*(col(each) == customers.current(query.customer_id) for each in pair)))
    return await list_page(session, statement, query, DuplicateSuggestion.id)


async def dismiss(session: AsyncSession, suggestion_id: UUID) -> DuplicateSuggestion:
    """They are two people; the pair is not suggested again."""
    suggestion = await get_suggestion(session, suggestion_id)
    if suggestion.status is not DuplicateStatus.dismissed:
        check_undecided(suggestion)
        suggestion.status, suggestion.updated_at = DuplicateStatus.dismissed, now()
    return suggestion


async def get_suggestion(session: AsyncSession, suggestion_id: UUID) -> DuplicateSuggestion:
    suggestion = await session.get(DuplicateSuggestion, suggestion_id)
    if suggestion is None:
        raise NotFound("No suggestion has this id.")
    return suggestion


def check_undecided(suggestion: DuplicateSuggestion) -> None:
    if suggestion.status is not DuplicateStatus.open:
        raise Conflict("Somebody decided on this pair already.", code="already_decided")
