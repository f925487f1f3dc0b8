"""Invitations: a link for one customer and one occasion. Answering is `app.feedback.surveys.answering`."""

import secrets
import string
from collections.abc import Collection
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core.audit import concerns
from app.core.db import now
from app.core.errors import Conflict, FieldError, Gone, NotFound, Unprocessable
from app.core.pagination import list_page, wanted
from app.customers import service as customers
from app.customers.models import Customer
from app.customers.service import current
from app.feedback.models import Feedback
from app.feedback.subjects import Subjects
from app.feedback.surveys import asking
from app.feedback.surveys import service as surveys
from app.feedback.surveys.invitation_schemas import InvitationCreate, InvitationQuery
from app.feedback.surveys.models import InvitationStatus, SurveyInvitation, SurveyVersion

_ALPHABET = string.ascii_letters + string.digits
_TOKEN_LENGTH = 22
"""131 random bits. Letters and digits only: what ends in a dash is cut short where messages are turned into links."""


async def create(session: AsyncSession, survey_id: UUID, body: InvitationCreate, *, base_url: str) -> dict[str, Any]:
    survey, version = await surveys.newest(session, survey_id)
    customer = await customers.hold(session, body.customer_id)
    await asking.check_may_ask(session, survey, customer, body.channel)
    language = _language(body.language, customer, version.definition["languages"])
    about = await Subjects.of(session, [body])
    if (refusal := about.refusal(body, customer.id)) is not None:
        raise refusal
    touch = about.interaction(body)
    token = _token()
    told = body.model_dump(exclude={"customer_id", "language", "agent"})
    invitation = SurveyInvitation(
        **told,
        survey_id=survey.id,
        survey_version_id=version.id,
        customer_id=customer.id,
        token_hash=hash_of(token),
        language=language,
        agent=body.agent or (touch and touch.agent),
        expires_at=now() + timedelta(days=survey.expires_days),
    )
    session.add(invitation)
    await session.flush()
    return await _show_link(session, invitation, customer, base_url, token)


async def renew(session: AsyncSession, invitation_id: UUID, *, base_url: str) -> dict[str, Any]:
    """Another link; the one before stops working."""
    invitation = await _find(session, invitation_id, held=True)
    if invitation.status is InvitationStatus.expired:
        raise Gone("The invitation has expired.", code="invitation_expired")
    if invitation.status is InvitationStatus.answered:
        raise Conflict("The invitation has been answered.", code="invitation_used")
    token = _token()
    invitation.token_hash = hash_of(token)
    await _touch(session, invitation)
    customer = await customers.get(session, invitation.customer_id)
    return await _show_link(session, invitation, customer, base_url, token)


async def mark_sent(session: AsyncSession, invitation_id: UUID) -> dict[str, Any]:
    invitation = await _find(session, invitation_id, held=True)
    if invitation.sent_at is None:
        invitation.sent_at = now()
        await _touch(session, invitation)
    return await _show(session, invitation)


async def get(session: AsyncSession, invitation_id: UUID) -> dict[str, Any]:
    return await _show(session, await _find(session, invitation_id))


async def list_invitations(session: AsyncSession, query: InvitationQuery) -> dict[str, Any]:
    filters = wanted(query, SurveyInvitation, "survey_id", "channel", "agent", "interaction_id")
    statement = select(SurveyInvitation).where(*filters)
    if query.customer_id is not None:
        statement = statement.where(SurveyInvitation.customer_id == current(query.customer_id))
    if query.status is not None:
        statement = statement.where(_has(query.status))
    page = await list_page(session, statement, query, SurveyInvitation.id)
    return page | {"items": await _show_all(session, page["items"])}


def hash_of(token: str) -> bytes:
    # Random enough that a plain hash cannot be reversed by guessing.
    return sha256(token.encode("utf-8", "replace")).digest()


def _token() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_LENGTH))


async def _find(session: AsyncSession, invitation_id: UUID, *, held: bool = False) -> SurveyInvitation:
    invitation = await session.get(SurveyInvitation, invitation_id, with_for_update=held, populate_existing=held)
    if invitation is None:
        raise NotFound("No invitation has this id.")
    concerns(invitation.customer_id)
    return invitation


async def _touch(session: AsyncSession, invitation: SurveyInvitation) -> None:
    invitation.version += 1
    invitation.updated_at = now()
    await session.flush()


def _language(told: str | None, customer: Customer, offered: Collection[str]) -> str | None:
    if told is None:
        return customer.language if customer.language in offered else None
    if told not in offered:
        error = FieldError(field="language", message=f"one of {', '.join(offered)}")
        raise Unprocessable("The survey does not have this language.", code="unknown_language", errors=[error])
    return told


def _has(status: InvitationStatus) -> ColumnElement[bool]:
    """`SurveyInvitation.status` in SQL."""
    answered = col(SurveyInvitation.answered_at).is_not(None)
    expired = col(SurveyInvitation.expires_at) <= now()
    opened = col(SurveyInvitation.opened_at).is_not(None)
    sent = col(SurveyInvitation.sent_at).is_not(None)
    conditions = {
        InvitationStatus.answered: answered,
        InvitationStatus.expired: and_(~answered, expired),
        InvitationStatus.opened: and_(~answered, ~expired, opened),
        InvitationStatus.sent: and_(~answered, ~expired, ~opened, sent),
        InvitationStatus.created: and_(~answered, ~expired, ~opened, ~sent),
    }
    return conditions[status]


async def _show_link(
    session: AsyncSession, invitation: SurveyInvitation, customer: Customer, base_url: str, token: str
) -> dict[str, Any]:
    reached = [each for each in asking.addresses(customer, invitation.channel) if each.opted_out_at is None]
    shown = await _show(session, invitation)
    return shown | {"link": f"{base_url}/s/{token}", "addresses": [each.model_dump() for each in reached]}


async def _show(session: AsyncSession, invitation: SurveyInvitation) -> dict[str, Any]:
    (shown,) = await _show_all(session, [invitation])
    return shown


async def _show_all(session: AsyncSession, invitations: list[SurveyInvitation]) -> list[dict[str, Any]]:
    ids = [each.id for each in invitations]
    answers = await session.execute(
        select(Feedback.invitation_id, Feedback.id).where(col(Feedback.invitation_id).in_(ids))
    )
    versions = await session.execute(
        select(SurveyVersion.id, SurveyVersion.number).where(
            col(SurveyVersion.id).in_([each.survey_version_id for each in invitations])
        )
    )
    feedback_ids: dict[UUID | None, UUID] = {row[0]: row[1] for row in answers}
    numbers: dict[UUID, int] = {row[0]: row[1] for row in versions}
    return [
        each.model_dump()
        | {
            "status": each.status,
            "definition_version": numbers[each.survey_version_id],
            "feedback_id": feedback_ids.get(each.id),
        }
        for each in invitations
    ]
