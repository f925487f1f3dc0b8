"""For orchestrators and monitoring: is the process up, can it serve, what has it counted."""

from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from app.core import migrations
from app.core.dependencies import DatabaseDep
from app.core.errors import DATABASE_ERRORS, Unavailable, documented

router = APIRouter(tags=["Health"])


class Health(BaseModel):
    status: Literal["ok"] = "ok"


@router.get("/health/live", response_model=Health, summary="Is the process up?")
async def live() -> Health:
    return Health()


@router.get("/health/ready", response_model=Health, responses=documented(503), summary="Can it serve?")
async def ready(database: DatabaseDep) -> Health:
    """The database answers and its schema is the one this code was written for."""
    try:
        async with database.hot() as connection:
            revision = await migrations.current(connection)
    except DATABASE_ERRORS as error:
        raise Unavailable("The database does not answer.") from error
    if revision != migrations.head():
        raise Unavailable("The database is not at the newest migration; run `onefile migrate`.", code="not_migrated")
    return Health()


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus text format"}},
    summary="Prometheus metrics",
)
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
