"""The feed as one process reads it, and waits for it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from app.changes import positions, queries
from app.changes.models import ChangeType
from app.changes.positions import BEGINNING, Position
from app.core.db import Database, now
from app.core.errors import DATABASE_ERRORS, Gone

logger = structlog.get_logger()

_POLL_S = 0.2
_GLANCE_S = 1.0
"""So often whoever waits for somebody looks whether they are still there."""
_SLACK = timedelta(days=1)
"""Kept beyond what is promised. The times of changes are not quite in order, since a transaction may take long; and who
reads on from the oldest change must be able to."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which changes are asked for; None: any."""

    types: Sequence[ChangeType] | None = None
    customer_id: UUID | None = None


class Feed:
    """However many wait, one statement every fifth of a second looks for news; NOTIFY would lock every commit."""

    def __init__(self, database: Database, keep: timedelta) -> None:
        self._database = database
        self._keep = keep
        self._cluster: int | None = None
        self._last = (0, 0)
        self._waiting = 0
        self._poller: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self.closed = False

    async def position(self, after: str | None) -> Position:
        """Where `after` points: a position issued before, `now`, or the beginning of what is kept."""
        cluster = await self._own_cluster()
        if after is None:
            return BEGINNING
        if after == "now":
            async with self._database.hot() as connection:
                return Position(await connection.fetchval(queries.EDGE), 0, positions.moment(now()))
        position, issued_by = positions.read(after)
        if issued_by != cluster or position.at < positions.moment(now() - self._keep - _SLACK / 2):
            raise _expired()
        return position

    async def write(self, position: Position) -> str:
        return positions.write(position, await self._own_cluster())

    async def read(self, position: Position, selection: Selection, limit: int) -> tuple[list[dict[str, Any]], Position]:
        """The next changes, few or none where many others lie between, and where to read on."""
        cluster = await self._own_cluster()
        since = now() - self._keep if position == BEGINNING else None
        async with self._database.hot() as connection:
            rows = await connection.fetch(
                queries.READ,
                position.transaction,
                position.number,
                selection.types,
                selection.customer_id,
                since,
                limit,
            )
        edge = rows[0]["edge"]
        if position.transaction > edge:  # the database was set back behind it
            raise _expired()
        items = [_shown(row, positions.write(_place(row), cluster)) for row in rows if row["is_wanted"]]
        looked_at = rows[0]["looked_at"]
        if looked_at and (len(rows) == limit or looked_at == queries.SPAN):
            return items, _place(rows[-1])
        return items, Position(edge, 0, positions.moment(now()))

    async def wait(
        self, position: Position, seconds: float, is_gone: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        """Until there is something behind `position`, the time is over, the feed closes, or who asked is gone."""
        self._waiting += 1
        deadline = time.monotonic() + seconds
        try:
            while not self.closed and self._last <= (position.transaction, position.number):
                rest = deadline - time.monotonic()
                if rest <= 0 or (is_gone is not None and await is_gone()):
                    return
                if self._poller is None or self._poller.done():
                    self._poller = asyncio.create_task(self._poll())
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), min(rest, _GLANCE_S))
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End every wait; the service stops."""
        self.closed = True
        self._news.set()

    async def forget(self) -> None:
        """Drop what is older than promised."""
        before: datetime = now() - self._keep - _SLACK
        status = ""
        while status != "DELETE 0":
            async with self._database.hot() as connection:
                status = await connection.execute(queries.FORGET, before)

    async def _poll(self) -> None:
        while self._waiting and not self.closed:
            try:
                async with self._database.hot() as connection:
                    row = await connection.fetchrow(queries.LAST)
            except DATABASE_ERRORS as error:
                logger.warning("changes.poll.failed", error=type(error).__name__)
                row = None
            if row is not None and tuple(row) > self._last:
                self._last = tuple(row)
                self._news.set()
                self._news = asyncio.Event()
            await asyncio.sleep(_POLL_S)

    async def _own_cluster(self) -> int:
        """Which cluster this is, in 32 bits; asked once, when a restored feed is settled, too."""
        if self._cluster is None:
            async with self._database.session() as session:
                await session.execute(text(queries.SETTLE))
                identifier = await session.scalar(text(queries.CLUSTER))
            self._cluster = (identifier ^ identifier >> 32) & 0xFFFFFFFF
        return self._cluster


def _expired() -> Gone:
    return Gone("What followed this position is not kept any more: read afresh.", code="cursor_expired")


def _place(row: Any) -> Position:
    return Position(row["transaction"], row["number"], positions.moment(row["at"]))


def _shown(row: Any, place: str) -> dict[str, Any]:
    names = ("type", "at", "customer_id", "subject_id")
    return {"id": place} | {name: row[name] for name in names} | {"data": json.loads(row["data"])}
