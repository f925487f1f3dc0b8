"""Whether a customer may be asked: not too often, and not who has said no."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core.db import now
from app.core.errors import Conflict
from app.customers import consents
from app.customers.models import ConsentStatus, Customer, CustomerIdentifier, CustomerStatus
from app.feedback.surveys.models import Survey, SurveyInvitation
from app.messages import Channel, IdentifierKind

PURPOSE = "survey"
"""Of the consent whose withdrawal forbids to ask."""

_REACHED_BY: Mapping[Channel, Sequence[IdentifierKind]] = {
    Channel.sms: [IdentifierKind.phone],
    Channel.voice: [IdentifierKind.phone],
    Channel.email: [IdentifierKind.email],
    Channel.whatsapp: [IdentifierKind.whatsapp],
    Channel.chat: [IdentifierKind.telegram],
    Channel.fax: [IdentifierKind.fax],
    Channel.app: [IdentifierKind.device],
    Channel.social: [IdentifierKind.social],
}
"""Other channels, such as a visit, need no address."""
_ANY = frozenset(kind for kinds in _REACHED_BY.values() for kind in kinds)


def addresses(customer: Customer, channel: Channel | None) -> list[CustomerIdentifier]:
    """Those that this channel reaches; without one, those that any reaches."""
    kinds = _ANY if channel is None else _REACHED_BY.get(channel, ())
    return [each for each in customer.identifiers if each.kind in kinds]


async def check_may_ask(session: AsyncSession, survey: Survey, customer: Customer, channel: Channel | None) -> None:
    """Raises `Conflict`. Call it while holding the customer: two invitations at once would pass both."""
    if not survey.active:
        raise Conflict("Nobody is invited to this survey any more.", code="survey_inactive")
    if customer.status is CustomerStatus.anonymized:
        raise Conflict("An anonymized customer cannot be asked.", code="anonymized")
    known = addresses(customer, channel)
    if known and all(each.opted_out_at for each in known):
        raise Conflict("The customer's addresses for this channel have opted out.", code="opted_out")
    if await consents.standing(session, customer.id, PURPOSE, channel) is ConsentStatus.withdrawn:
        raise Conflict("The customer has withdrawn the consent to surveys.", code="opted_out")
    await _check_not_asked_recently(session, survey, customer)


async def _check_not_asked_recently(session: AsyncSession, survey: Survey, customer: Customer) -> None:
    """Every invitation counts, of whatever survey, told as sent or not: a caller may send without telling."""
    last = await session.scalar(
        select(func.max(col(SurveyInvitation.created_at))).where(SurveyInvitation.customer_id == customer.id)
    )
    if last is None or (allowed := last + timedelta(days=survey.recontact_days)) <= now():
        return
    raise Conflict(
        f"The customer was invited less than {survey.recontact_days} days ago, and may be again "
        f"from {allowed.isoformat(timespec='seconds')}.",
        code="recently_asked",
        allowed_from=allowed.isoformat(),
    )
