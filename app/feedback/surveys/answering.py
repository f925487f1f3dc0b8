"""Answering an invitation: whoever has the link may fill it in, and change the answer for a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from app.changes.models import ChangeType
from app.changes.service import tell
from app.core.db import lock, lock_key, now
from app.core.errors import Conflict, Gone, NotFound
from app.customers import service as customers
from app.feedback.models import Feedback
from app.feedback.recording import record, scores_of
from app.feedback.rules import Rules
from app.feedback.schemas import FeedbackCreate
from app.feedback.surveys import forms
from app.feedback.surveys.definitions import Definition
from app.feedback.surveys.forms import Reading
from app.feedback.surveys.invitations import hash_of
from app.feedback.surveys.models import InvitationStatus, SurveyInvitation, SurveyVersion
from app.feedback.watching import watch_again
from app.interactions.models import Conversation, Interaction

SOURCE = "survey"
"""Of the feedback; its external id is the invitation's."""
EDIT_WINDOW = timedelta(hours=24)
_SUBJECTS: Mapping[str, type[Interaction | Conversation]] = {
    "interaction_id": Interaction,
    "conversation_id": Conversation,
}


@dataclass(frozen=True, slots=True)
class Visit:
    """An invitation that can be answered, or whose answer can be changed."""

    invitation: SurveyInvitation
    definition: Definition
    reading: Reading | None = None
    """What was sent, where something is wrong with it."""

    @property
    def is_answered(self) -> bool:
        return self.invitation.answered_at is not None


@dataclass(frozen=True, slots=True)
class Submission:
    fields: Mapping[str, str]
    language: str | None
    """In which the page was read."""
    revision: int | None
    """Of the invitation when the form was made out; None: it does not say."""


async def visit(session: AsyncSession, token: str, *, counts: bool) -> Visit:
    """`counts`: a person opens it, not a program that looks where a link leads."""
    invitation = await _find(session, token)
    _check_open(invitation)
    if counts and invitation.opened_at is None:
        invitation.opened_at = now()
        invitation.version += 1
    return Visit(invitation, await _definition(session, invitation))


async def answer(session: AsyncSession, rules: Rules, token: str, submission: Submission) -> Visit:
    """Take an answer, or what is valid of it: then `reading` says what is missing."""
    invitation = await _hold(session, token)
    _check_open(invitation)
    definition = await _definition(session, invitation)
    reading = forms.read(definition, submission.fields, invitation.answers)
    given = Visit(invitation, definition)
    language = submission.language if submission.language in definition.languages else invitation.language
    if given.is_answered and reading == Reading(invitation.answers, {}):
        return given
    if submission.revision not in (None, invitation.revision):
        raise Conflict("It was answered meanwhile.", code="answered_meanwhile", language=language)
    if reading.mistakes:
        if not given.is_answered:
            _keep(invitation, reading)
        return Visit(invitation, definition, reading)
    await _take(session, rules, given, reading, language)
    return given


async def _find(session: AsyncSession, token: str) -> SurveyInvitation:
    statement = select(SurveyInvitation).where(SurveyInvitation.token_hash == hash_of(token))
    invitation = await session.scalar(statement)
    if invitation is None:
        raise NotFound("No invitation has this link.", code="unknown_invitation")
    return invitation


async def _hold(session: AsyncSession, token: str) -> SurveyInvitation:
    """The invitation, with its customer; locked in the order in which recording and merging lock."""
    found = await _find(session, token)
    await lock(session, [lock_key(SOURCE, str(found.id))])
    await customers.hold(session, found.customer_id)
    held = await session.get(SurveyInvitation, found.id, with_for_update=True, populate_existing=True)
    if held is None or held.token_hash != hash_of(token):
        raise NotFound("No invitation has this link any more.", code="unknown_invitation")
    return held


def _check_open(invitation: SurveyInvitation) -> None:
    language = invitation.language
    if invitation.status is InvitationStatus.expired:
        raise Gone("The invitation has expired.", code="invitation_expired", language=language)
    if invitation.answered_at is not None and invitation.answered_at + EDIT_WINDOW <= now():
        raise Conflict("It has been answered.", code="invitation_used", language=language)


async def _definition(session: AsyncSession, invitation: SurveyInvitation) -> Definition:
    version = await session.get(SurveyVersion, invitation.survey_version_id)
    assert version is not None, "a foreign key holds it"
    return Definition.model_validate(version.definition)


def _keep(invitation: SurveyInvitation, reading: Reading) -> None:
    invitation.answers = reading.answers
    invitation.opened_at = invitation.opened_at or now()
    invitation.version += 1


async def _take(session: AsyncSession, rules: Rules, given: Visit, reading: Reading, language: str | None) -> None:
    invitation = given.invitation
    body = FeedbackCreate(
        customer_id=invitation.customer_id,
        source=SOURCE,
        external_id=str(invitation.id),
        channel=invitation.channel,
        agent=invitation.agent,
        case_reference=invitation.case_reference,
        order_reference=invitation.order_reference,
        language=language,
        comment=forms.comment_of(given.definition, reading.answers),
        scores=forms.scores_of(given.definition, reading.answers),
        **await _subjects(session, invitation),
    )
    recorded = await record(session, rules, body)
    if recorded.created:
        recorded.feedback.invitation_id = invitation.id
        invitation.answered_at = recorded.feedback.created_at
    else:
        await _revise(session, rules, recorded.feedback, body)
    invitation.revision += 1
    _keep(invitation, reading)
    await session.flush()


async def _subjects(session: AsyncSession, invitation: SurveyInvitation) -> dict[str, UUID]:
    """What it is about, as far as it is this customer's still: a message may have been filed elsewhere since."""
    subjects: dict[str, UUID] = {}
    for name, model in _SUBJECTS.items():
        subject_id = getattr(invitation, name)
        subject: Any = await session.get(model, subject_id) if subject_id else None
        if subject is not None and subject.customer_id == invitation.customer_id:
            subjects[name] = subject_id
    return subjects


async def _revise(session: AsyncSession, rules: Rules, feedback: Feedback, body: FeedbackCreate) -> None:
    """The same answer with other values; when it was collected stays."""
    shared = feedback.model_dump(include={"customer_id", "collected_at", "channel", "agent"})
    fresh = {(each.measure, each.dimension): each for each in scores_of(body, shared | {"feedback_id": feedback.id})}
    for score in feedback.scores:
        told = fresh.pop((score.measure, score.dimension), None)
        if told is None:
            await session.delete(score)
        else:
            score.value = told.value
    session.add_all(fresh.values())
    feedback.comment, feedback.language = body.comment, body.language
    feedback.version += 1
    feedback.updated_at = now()
    tell(session, ChangeType.feedback_updated, feedback.id, feedback.customer_id, source=feedback.source)
    await session.flush()
    await session.refresh(feedback, ["scores"])
    await watch_again(session, rules.recovery, feedback)
