"""HTTP for feedback."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.auth import Requires, Scope
from app.core.dependencies import SessionDep
from app.core.errors import documented
from app.core.pagination import Page
from app.customers.service import IdentifierPolicy
from app.feedback import recording, service
from app.feedback.schemas import FeedbackCreate, FeedbackQuery, FeedbackRead, TidyScore


async def get_policy(request: Request) -> IdentifierPolicy:
    policy: IdentifierPolicy = request.app.state.policy
    return policy


PolicyDep = Annotated[IdentifierPolicy, Depends(get_policy)]

router = APIRouter(prefix="/v1", tags=["Feedback"])
reading = [Depends(Requires(Scope.read))]
writing = [Depends(Requires(Scope.write))]
_TOLD_BEFORE: dict[int | str, dict[str, Any]] = {
    200: {"model": FeedbackRead, "description": "Told before: the first one."}
}


@router.post(
    "/feedback",
    status_code=201,
    response_model=FeedbackRead,
    responses=_TOLD_BEFORE | documented(404, 409),
    dependencies=writing,
    summary="Record a customer's answer",
)
async def post_feedback(
    session: SessionDep, policy: PolicyDep, body: FeedbackCreate, response: Response
) -> dict[str, Any]:
    """Scores, a comment, and what they are about, from any system. The same `source` and `external_id` again: 200 with
    the first one. A value off its scale is 422 and names the scale."""
    recorded = await recording.record(session, policy, body)
    response.status_code = 201 if recorded.created else 200
    return service.show(recorded.feedback)


@router.get("/feedback", response_model=Page[TidyScore], dependencies=reading, summary="List scores, one a row")
async def list_feedback(session: SessionDep, query: Annotated[FeedbackQuery, Query()]) -> dict[str, Any]:
    """A tidy table: each row one score with all that is known of its answer, newest first by `collected_at`."""
    return await service.list_scores(session, query)


@router.get(
    "/feedback/{feedback_id}",
    response_model=FeedbackRead,
    responses=documented(404),
    dependencies=reading,
    summary="Get an answer with its scores",
)
async def get_feedback(session: SessionDep, feedback_id: UUID) -> dict[str, Any]:
    return service.show(await service.get(session, feedback_id))
