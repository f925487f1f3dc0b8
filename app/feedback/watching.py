"""Closing the loop: whoever was let down is somebody's task until it is settled.

A bad answer opens one in the transaction that records it, at most one a reason while another is open. What the
customer answers afterwards to the same question is shown beside the first answer; it settles nothing by itself.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core.db import now
from app.feedback.models import Feedback, FeedbackScore, Measure, Recovery, RecoveryReason, RecoveryStatus
from app.feedback.rules import RecoveryStandard
from app.feedback.scales import DETRACTOR

_OF_SATISFACTION = {Measure.csat, Measure.ces, Measure.rating}


async def watch(session: AsyncSession, standard: RecoveryStandard, answers: Sequence[Feedback]) -> None:
    """Open what these new answers call for, and note those that come after one. Their customers are held."""
    following = await _following(session, {answer.customer_id for answer in answers})
    for answer in answers:
        theirs = following.setdefault(answer.customer_id, [])
        for recovery in theirs:
            _note_second(recovery, answer)
        trigger = _trigger(standard, answer)
        if trigger is None:
            continue
        reason, score = trigger
        open_one = next((each for each in theirs if each.reason is reason and each.status is RecoveryStatus.open), None)
        if open_one is None:
            theirs.append(_open(standard, answer, reason, score))
            session.add(theirs[-1])
        else:
            open_one.further_feedback_ids = [*open_one.further_feedback_ids, answer.id]
            open_one.version += 1
    await session.flush()


async def watch_again(session: AsyncSession, standard: RecoveryStandard, answer: Feedback) -> None:
    """An answer that its customer has changed: the task it opened stays and shows the new value beside the first."""
    theirs = (await _following(session, {answer.customer_id})).get(answer.customer_id, [])
    for recovery in theirs:
        if recovery.feedback_id == answer.id:
            _put_beside(recovery, answer)
    if not any(answer.id in (each.feedback_id, *each.further_feedback_ids) for each in theirs):
        await watch(session, standard, [answer])


async def _following(session: AsyncSession, customer_ids: set[UUID]) -> dict[UUID, list[Recovery]]:
    """Recoveries to which an answer may still add something, the oldest first."""
    settled = col(Recovery.second_at) > col(Recovery.closed_at)
    statement = (
        select(Recovery)
        .where(col(Recovery.customer_id).in_(customer_ids), settled.is_not(True))
        .order_by(col(Recovery.id))
        .with_for_update()
    )
    following: dict[UUID, list[Recovery]] = {}
    for recovery in await session.scalars(statement.execution_options(populate_existing=True)):
        following.setdefault(recovery.customer_id, []).append(recovery)
    return following


def _note_second(recovery: Recovery, answer: Feedback) -> None:
    """The newest answer to the same question counts while the task is open, then the first after it was closed."""
    since = recovery.second_at or recovery.first_at
    if since is None or answer.collected_at <= since:
        return
    if recovery.closed_at is not None and recovery.second_at is not None and recovery.second_at > recovery.closed_at:
        return
    if (score := _same_question(recovery, answer)) is not None:
        recovery.second_feedback_id, recovery.second_value = answer.id, score.value
        recovery.second_at = answer.collected_at
        recovery.version += 1


def _put_beside(recovery: Recovery, answer: Feedback) -> None:
    score = _same_question(recovery, answer)
    known = recovery.first_value if recovery.second_feedback_id is None else recovery.second_value
    if score is None or score.value == known or recovery.second_feedback_id not in (None, answer.id):
        return
    recovery.second_feedback_id, recovery.second_value, recovery.second_at = answer.id, score.value, now()
    recovery.version += 1


def _same_question(recovery: Recovery, answer: Feedback) -> FeedbackScore | None:
    asked = (recovery.measure, recovery.dimension, recovery.scale_min, recovery.scale_max)
    return next((score for score in answer.scores if (score.measure, score.dimension, *score.scale) == asked), None)


def _trigger(standard: RecoveryStandard, answer: Feedback) -> tuple[RecoveryReason, FeedbackScore] | None:
    """Why this answer opens a recovery, and by which of its scores; one answer opens one at most."""
    if answer.collected_at < now() - standard.fresh:
        return None
    for score in answer.scores:
        if score.measure is Measure.nps and score.value <= DETRACTOR:
            return RecoveryReason.detractor, score
    low = [each for each in answer.scores if each.measure in _OF_SATISFACTION and each.share <= standard.low_share]
    return (RecoveryReason.low_score, min(low, key=_worst_first)) if low else None


def _worst_first(score: FeedbackScore) -> tuple[float, bool]:
    """The service as a whole before a part of it."""
    return score.share, score.dimension is not None


def _open(standard: RecoveryStandard, answer: Feedback, reason: RecoveryReason, score: FeedbackScore) -> Recovery:
    return Recovery(
        customer_id=answer.customer_id,
        feedback_id=answer.id,
        interaction_id=answer.interaction_id,
        reason=reason,
        due_at=now() + standard.due,
        measure=score.measure,
        dimension=score.dimension,
        scale_min=score.scale_min,
        scale_max=score.scale_max,
        first_value=score.value,
        first_at=answer.collected_at,
    )
