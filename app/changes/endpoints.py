"""HTTP for following what changes."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from app.auth import Scope, authorize, reading
from app.changes import service
from app.changes.feed import Feed
from app.changes.schemas import ChangePage, ChangeQuery, StreamQuery
from app.core.errors import Forbidden, Unauthorized, documented

router = APIRouter(prefix="/v1/changes", tags=["Changes"], dependencies=reading)

_NO_BUFFERING = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events until either side ends it.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'id: h0vJ1WkggH4AAAAAAAAC8QAAAAAAAAAH\nevent: customer.created\ndata: {"id": "…", …}\n\n',
            }
        },
    }
}


async def get_feed(request: Request) -> Feed:
    feed: Feed = request.app.state.feed
    return feed


FeedDep = Annotated[Feed, Depends(get_feed)]


async def _may_read(request: Request) -> bool:
    try:
        await authorize(request, Scope.read)
    except (Unauthorized, Forbidden):
        return False
    return True


@router.get("", response_model=ChangePage, responses=documented(410), summary="Read what changed, in order")
async def get_changes(request: Request, feed: FeedDep, query: Annotated[ChangeQuery, Query()]) -> dict[str, Any]:
    """Unlike every list, oldest first: in the order of commits, without gaps. Keep `next_cursor` and pass it as
    `after`; with `wait`, an empty answer waits for news. What is read twice has the same `id`.

    410 `cursor_expired`: what followed is not kept any more, or the database was replaced. Take `after=now`, read the
    lists you need, then follow from there.
    """
    return await service.page(feed, query, request.is_disconnected)


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses=_EVENTS | documented(410),
    summary="Follow what changes as server-sent events",
)
async def get_stream(
    request: Request,
    feed: FeedDep,
    query: Annotated[StreamQuery, Query()],
    last_event_id: Annotated[str | None, Header(max_length=100, description="Resumes behind this event.")] = None,
) -> StreamingResponse:
    """`event` is the type, `data` the change as `GET /v1/changes` shows it. A comment with the position comes every 15
    seconds. When the stream ends, connect again with `Last-Event-ID`, as an `EventSource` does by itself.
    """
    events = await service.stream(feed, last_event_id or query.after, query.selection, partial(_may_read, request))
    return StreamingResponse(events, media_type="text/event-stream", headers=_NO_BUFFERING)
