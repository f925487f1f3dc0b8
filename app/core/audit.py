"""The audit log: who read or changed which file, by which route.

Every successful request made with a key leaves a trail. Trails are gathered in memory and written together once a
second, so that reading a file pays microseconds for it; a process that is killed takes its last second along. Who
reads the log itself is not noted, or paging through it would never end.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Index, text

from app.core import metrics
from app.core.db import Database, Record, now, text_enum
from app.core.errors import DATABASE_ERRORS, is_unavailable
from app.core.ids import uuid7

logger = structlog.get_logger()

_EVERY_S = 1.0
_MOST = 100_000
"""So many trails wait for a database that is away; further ones are dropped and counted."""
_AT_ONCE = 5_000


class Action(StrEnum):
    read = "read"
    change = "change"
    export = "export"
    erase = "erase"


class AuditEntry(Record, table=True):
    """One file somebody touched. It outlives the file, so there is no foreign key."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_customer_id", "customer_id", "id", postgresql_where=text("customer_id IS NOT NULL")),
        Index("ix_audit_entry_actor", "actor", "id"),
    )

    actor: str
    """The API key."""
    action: Action = text_enum(Action)
    method: str
    route: str
    """Its template: a path may hold more than ids."""
    customer_id: UUID | None = None
    """None: no file in particular."""
    subject_id: UUID | None = None
    """What else the path named: an identifier, an interaction, a source."""
    request_id: str


@dataclass(slots=True)
class Trail:
    """What one request touched."""

    actor: str | None = None
    action: Action | None = None
    """None: the method tells."""
    customers: list[UUID] = field(default_factory=list)
    silent: bool = False


_trail: ContextVar[Trail | None] = ContextVar("trail", default=None)


def begin() -> Trail:
    trail = Trail()
    _trail.set(trail)
    return trail


def acts(actor: str) -> None:
    """The request is made with this key."""
    if (trail := _trail.get()) is not None:
        trail.actor = actor


def concerns(customer_id: UUID | None, action: Action | None = None) -> None:
    """The request reads or changes something of this customer."""
    if (trail := _trail.get()) is not None:
        trail.action = action or trail.action
        if customer_id is not None:
            trail.customers.append(customer_id)


def be_silent() -> None:
    """Leave no trail of this request."""
    if (trail := _trail.get()) is not None:
        trail.silent = True


@dataclass(slots=True)
class _Note:
    at: datetime
    trail: Trail
    method: str
    route: str
    parameters: Mapping[str, Any]
    request_id: str

    def rows(self) -> list[tuple[Any, ...]]:
        by_method = Action.read if self.method in ("GET", "HEAD") else Action.change
        action = self.trail.action or by_method
        subject = next((_uuid(value) for name, value in self.parameters.items() if name != "customer_id"), None)
        told = (self.trail.actor, action, self.method, self.route)
        customers: list[UUID | None] = [*dict.fromkeys(self.trail.customers)] or [None]
        return [(uuid7(), self.at, self.at, *told, customer, subject, self.request_id) for customer in customers]


_COLUMNS = (
    *("id", "created_at", "updated_at", "actor", "action", "method", "route", "customer_id", "subject_id"),
    "request_id",
)


class AuditLog:
    """What this process has yet to write down."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Note] = deque()
        self._is_failing = False

    def note(self, trail: Trail, method: str, route: str, parameters: Mapping[str, Any], request_id: str) -> None:
        if trail.actor is None or trail.silent:
            return
        if len(self._waiting) >= _MOST:
            metrics.AUDIT_DROPPED.inc()
            return
        self._waiting.append(_Note(now(), trail, method, route, parameters, request_id))

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Write down what waits; while the database is away it goes on waiting."""
        while self._waiting:
            notes = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
            try:
                await self._write(notes)
            except DATABASE_ERRORS as error:
                self._fail(notes, error)
                return
            except asyncio.CancelledError:
                self._waiting.extendleft(reversed(notes))
                raise
            self._is_failing = False

    async def _write(self, notes: list[_Note]) -> None:
        rows = [row for note in notes for row in note.rows()]
        async with self._database.bulk() as connection:
            await connection.copy_records_to_table("audit_entry", records=rows, columns=_COLUMNS)

    def _fail(self, notes: list[_Note], error: BaseException) -> None:
        if is_unavailable(error):
            self._waiting.extendleft(reversed(notes))
        else:  # what cannot be written now never can, and must not keep the rest from it
            metrics.AUDIT_DROPPED.inc(len(notes))
        if not self._is_failing:
            logger.warning("audit.writing.failed", error=type(error).__name__, waiting=len(self._waiting))
        self._is_failing = True


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
