"""Telling what changed, in the transaction that changes it; reading it in the order of commits."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.changes.feed import Feed, Selection
from app.changes.models import Change, ChangeType
from app.changes.positions import Position
from app.changes.schemas import ChangeQuery, ChangeRead
from app.core.db import now
from app.core.errors import DATABASE_ERRORS

logger = structlog.get_logger()

HEARTBEAT_S = 15.0
_PORTION = 100
_SEARCH_S = 2.0
"""How long one answer looks for what is asked for among what is not."""
Check = Callable[[], Awaitable[bool]]
Told = tuple[UUID, UUID | None, dict[str, Any]]
"""The subject, its customer, the data."""


def tell(session: AsyncSession, change: ChangeType, subject_id: UUID, customer_id: UUID | None, /, **data: Any) -> None:
    """Put a change into the feed. `data` says what ids alone do not; never a message's text, never an address."""
    session.add(Change(type=change, subject_id=subject_id, customer_id=customer_id, data=data))


async def tell_all(session: AsyncSession, change: ChangeType, told: Iterable[Told]) -> None:
    """The same of many at once: in one statement, where `tell` takes one each, since the server numbers them."""
    at = now()
    rows = [
        {"type": change, "subject_id": subject_id, "customer_id": customer_id, "data": data, "at": at}
        for subject_id, customer_id, data in told
    ]
    if rows:
        await session.execute(insert(Change), rows)


async def page(feed: Feed, query: ChangeQuery, is_gone: Check) -> dict[str, Any]:
    """The next changes; where there are none, `query.wait` seconds later at the latest whatever came meanwhile."""
    position = await feed.position(query.after)
    deadline = time.monotonic() + query.wait
    while True:
        items, position = await feed.read(position, query.selection, query.limit)
        rest = deadline - time.monotonic()
        if items or rest <= (0 if position.is_edge else -_SEARCH_S) or feed.closed or await is_gone():
            return {"items": items, "next_cursor": await feed.write(position)}
        if position.is_edge:
            await feed.wait(position, rest, is_gone)


async def stream(feed: Feed, after: str | None, selection: Selection, may_read: Check) -> AsyncIterator[bytes]:
    """The same as server-sent events, for as long as `may_read`; refusals are raised before the first one."""
    position = await feed.position(after)
    await feed.read(position, selection, 1)
    return _events(feed, position, selection, may_read)


async def _events(feed: Feed, position: Position, selection: Selection, may_read: Check) -> AsyncIterator[bytes]:
    """A portion is read when the one before is sent: whoever reads slowly costs no memory."""
    next_beat = 0.0
    try:
        while not feed.closed:
            if time.monotonic() >= next_beat:
                if not await may_read():
                    return
                next_beat = time.monotonic() + HEARTBEAT_S
                yield f": still here\nid: {await feed.write(position)}\n\n".encode()
            items, position = await feed.read(position, selection, _PORTION)
            for item in items:
                yield _event(item)
            if position.is_edge:
                await feed.wait(position, next_beat - time.monotonic())
    except DATABASE_ERRORS as error:
        logger.warning("changes.stream.ended", error=type(error).__name__)


def _event(item: dict[str, Any]) -> bytes:
    shown = ChangeRead.model_validate(item).model_dump(mode="json")
    data = json.dumps(shown, ensure_ascii=False)
    return f"id: {item['id']}\nevent: {item['type']}\ndata: {data}\n\n".encode()
