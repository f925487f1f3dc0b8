"""HTTP for feedback and for the tasks that bad feedback opens."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.auth import reading, writing
from app.core.batches import BatchResult
from app.core.dependencies import DatabaseDep, ExpectedVersion, SessionDep
from app.core.errors import documented
from app.core.pagination import Page
from app.feedback import recording, recoveries, recovery_summary, service
from app.feedback.models import Recovery
from app.feedback.recovery_schemas import (
    RecoveryCreate,
    RecoveryPatch,
    RecoveryQuery,
    RecoveryRead,
    RecoverySummary,
    RecoverySummaryQuery,
)
from app.feedback.rules import RulesDep
from app.feedback.schemas import FeedbackCreate, FeedbackQuery, FeedbackRead, TidyScore
from app.feedback.statistics.selection import StandardsDep

router = APIRouter(prefix="/v1", tags=["Feedback"])
_TOLD_BEFORE: dict[int | str, dict[str, Any]] = {
    200: {"model": FeedbackRead, "description": "Told before: the first one."}
}
_BATCH_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"from":{"kind":"phone","value":"+989121234567"},"scores":[{"measure":"nps","value":9}]}\n'
                '{"from":{"kind":"email","value":"a@example.org"},"scores":[{"measure":"csat","value":4}]}\n',
            }
        },
    }
}


@router.post(
    "/feedback",
    status_code=201,
    response_model=FeedbackRead,
    responses=_TOLD_BEFORE | documented(404, 409, 410),
    dependencies=writing,
    summary="Record a customer's answer",
)
async def post_feedback(
    session: SessionDep, rules: RulesDep, body: FeedbackCreate, response: Response
) -> dict[str, Any]:
    """Scores, a comment, and what they are about, from any system. The same `source` and `external_id` again: 200 with
    the first one. A value off its scale is 422 and names the scale."""
    recorded = await recording.record(session, rules, body)
    response.status_code = 201 if recorded.created else 200
    return service.show(recorded.feedback)


@router.post(
    "/feedback/batch",
    response_model=BatchResult,
    responses=documented(409),
    openapi_extra=_BATCH_BODY,
    dependencies=writing,
    summary="Record up to 10 000 answers (NDJSON)",
)
async def post_batch(database: DatabaseDep, rules: RulesDep, request: Request) -> dict[str, Any]:
    """One JSON object a line, as for `POST /v1/feedback`. A bad line is rejected in its place; the rest go on. Answers
    older than the settings say are history and open no recovery."""
    return await recording.record_batch(database, rules, await request.body())


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


@router.post(
    "/recoveries",
    status_code=201,
    response_model=RecoveryRead,
    responses=documented(404, 409, 410),
    dependencies=writing,
    summary="Open a recovery by hand",
)
async def post_recovery(session: SessionDep, rules: RulesDep, body: RecoveryCreate) -> Recovery:
    """For a complaint made in an interaction, or anything else that let a customer down; bad scores open one by
    themselves. 409 `recovery_open` names the one that is open for the same customer and reason."""
    return await recoveries.create(session, rules.recovery, body)


@router.get("/recoveries", response_model=Page[RecoveryRead], dependencies=reading, summary="List recoveries")
async def list_recoveries(session: SessionDep, query: Annotated[RecoveryQuery, Query()]) -> dict[str, Any]:
    """Newest first. `status=open&overdue=true` is what to look at now."""
    return await recoveries.list_recoveries(session, query)


@router.get(
    "/recoveries/summary",
    response_model=RecoverySummary,
    dependencies=reading,
    summary="How many were let down, how fast it was dealt with, how many were won back",
)
async def get_recovery_summary(
    session: SessionDep, standards: StandardsDep, query: Annotated[RecoverySummaryQuery, Query()]
) -> dict[str, Any]:
    """Of the recoveries opened in a period, together and by `group_by`."""
    return await recovery_summary.summarise(session, standards, query)


@router.get(
    "/recoveries/{recovery_id}",
    response_model=RecoveryRead,
    responses=documented(404),
    dependencies=reading,
    summary="Get a recovery",
)
async def get_recovery(session: SessionDep, recovery_id: UUID) -> Recovery:
    return await recoveries.get(session, recovery_id)


@router.patch(
    "/recoveries/{recovery_id}",
    response_model=RecoveryRead,
    responses=documented(404, 412),
    dependencies=writing,
    summary="Change or close a recovery (JSON merge patch)",
)
async def patch_recovery(
    session: SessionDep, recovery_id: UUID, body: RecoveryPatch, expected_version: ExpectedVersion
) -> Recovery:
    """An `outcome` closes it."""
    return await recoveries.change(session, recovery_id, body, expected_version=expected_version)
