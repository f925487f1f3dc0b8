"""HTTP for the figures of feedback."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from app.auth import reading
from app.core.dependencies import SessionDep
from app.feedback.statistics import definitions, plot
from app.feedback.statistics.gaps import gaps
from app.feedback.statistics.importance import find_drivers
from app.feedback.statistics.schemas import (
    Definitions,
    Drivers,
    DriversQuery,
    Gaps,
    GapsQuery,
    PlotQuery,
    Summary,
    SummaryQuery,
    WordOfMouth,
    WordOfMouthQuery,
)
from app.feedback.statistics.selection import StandardsDep
from app.feedback.statistics.summaries import spread_word, summarise

router = APIRouter(prefix="/v1/feedback", tags=["Feedback"], dependencies=reading)


@router.get("/summary", response_model=Summary, summary="Summarise a measure, in all and by group")
async def get_summary(
    session: SessionDep, standards: StandardsDep, query: Annotated[SummaryQuery, Query()]
) -> dict[str, Any]:
    """How many answered, the figure, how sure it is, and its shares; the same of each group, each compared with the
    period before or with all the rest. Without answers `n` is 0 and `value` null. Groups of too few answers are not
    ranked."""
    return await summarise(session, standards, query)


@router.get("/gaps", response_model=Gaps, summary="Compare perception with expectation")
async def get_gaps(
    session: SessionDep, standards: StandardsDep, query: Annotated[GapsQuery, Query()]
) -> dict[str, Any]:
    """Perception less expectation of each dimension, the worst first, with the paired t test: below 0 is worse than
    expected. A pair asked on two different scales has no difference and is left out, and with its last pair the
    dimension."""
    return await gaps(session, standards, query)


@router.get("/drivers", response_model=Drivers, summary="Find what drives the overall score")
async def get_drivers(
    session: SessionDep, standards: StandardsDep, query: Annotated[DriversQuery, Query()]
) -> dict[str, Any]:
    """The importance of each dimension for the overall score, its performance, and the quadrant of
    importance-performance analysis that says what to improve first. Of answers that have all the scores; where these
    do not suffice, `reason` says why."""
    return await find_drivers(session, standards, query)


@router.get(
    "/drivers.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}, "description": "A plot of 720 by 560."}},
    summary="Draw what drives the overall score",
)
async def get_drivers_plot(
    session: SessionDep, standards: StandardsDep, query: Annotated[PlotQuery, Query()]
) -> Response:
    """Importance upwards, performance along the reading direction, the quadrants named in the language asked for."""
    found = await find_drivers(session, standards, query)
    return Response(plot.draw(found, query.language), media_type="image/svg+xml", headers=plot.HEADERS)


@router.get("/word-of-mouth", response_model=WordOfMouth, summary="Estimate how far word of the service goes")
async def get_word_of_mouth(
    session: SessionDep, standards: StandardsDep, query: Annotated[WordOfMouthQuery, Query()]
) -> dict[str, Any]:
    """How many people hear good of the service from promoters and bad from detractors: rules of thumb, not a count."""
    return await spread_word(session, standards, query)


@router.get("/definitions", response_model=Definitions, summary="Say what each figure means")
async def get_definitions() -> dict[str, Any]:
    """Formula, scale and interval of each measure in words and symbols, and the functions that compute it."""
    return {"items": definitions.ITEMS, "notes": definitions.NOTES}
