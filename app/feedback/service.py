"""Reading feedback. What writes it is `app.feedback.recording`."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager, selectinload
from sqlmodel import col, select

from app.core.audit import concerns
from app.core.errors import NotFound
from app.core.pagination import list_page, wanted
from app.customers.service import current
from app.feedback.models import Feedback, FeedbackScore
from app.feedback.schemas import FeedbackQuery

_OF_SCORE = ("measure", "dimension", "channel", "agent")
_OF_ANSWER = ("source", "interaction_id")


async def get(session: AsyncSession, feedback_id: UUID) -> Feedback:
    feedback = await session.get(Feedback, feedback_id, options=[selectinload(Feedback.scores)])  # type: ignore[arg-type]
    if feedback is None:
        raise NotFound("No feedback has this id.")
    concerns(feedback.customer_id)
    return feedback


async def list_scores(session: AsyncSession, query: FeedbackQuery) -> dict[str, Any]:
    """Tidy rows, one for each score; newest first, by the time they were collected."""
    statement = select(FeedbackScore).join(Feedback).options(contains_eager(FeedbackScore.feedback))  # type: ignore[arg-type]
    statement = statement.where(*wanted(query, FeedbackScore, *_OF_SCORE), *wanted(query, Feedback, *_OF_ANSWER))
    if query.customer_id is not None:
        statement = statement.where(FeedbackScore.customer_id == current(query.customer_id))
    if query.collected_after is not None:
        statement = statement.where(col(FeedbackScore.collected_at) > query.collected_after)
    if query.collected_before is not None:
        statement = statement.where(col(FeedbackScore.collected_at) < query.collected_before)
    page = await list_page(session, statement, query, FeedbackScore.collected_at, FeedbackScore.id)
    return page | {"items": [show_score(each) for each in page["items"]]}


def show(feedback: Feedback) -> dict[str, Any]:
    return feedback.model_dump() | {"stored_at": feedback.created_at, "scores": feedback.scores}


def show_score(score: FeedbackScore) -> dict[str, Any]:
    """A tidy row. `app.customers.queries` builds the same in SQL; a test holds the two together."""
    answer = score.feedback
    return answer.model_dump() | score.model_dump() | {"scale": score.scale, "stored_at": answer.created_at}
