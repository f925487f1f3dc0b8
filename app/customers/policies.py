"""How each kind of identifier is treated: rows of one table where an installation said so, defaults where not."""

import asyncio
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import translate

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from app.core.db import Database, now, text_enum, time_field
from app.messages import Identifier, IdentifierKind
from app.text.identifiers import is_blocked


class Joins(StrEnum):
    """What may merge by itself where one message names two files."""

    never = "never"
    provisional = "provisional"
    """A provisional file joins an established one."""


class KindPolicy(SQLModel, table=True):
    """What an installation says of one kind."""

    __tablename__ = "identifier_policy"

    kind: IdentifierKind = text_enum(IdentifierKind, primary_key=True)
    rank: int
    limit_count: int | None = None
    limit_window_days: int | None = None
    blocked_values: list[str] = Field(default_factory=list, sa_type=ARRAY(Text), nullable=False)
    blocked_patterns: list[str] = Field(default_factory=list, sa_type=ARRAY(Text), nullable=False)
    shared_values: list[str] = Field(default_factory=list, sa_type=ARRAY(Text), nullable=False)
    joins: Joins = text_enum(Joins, default=Joins.never)
    valid_days: int | None = None
    version: int = 1
    updated_at: datetime | None = time_field(default_factory=now, sa_column_kwargs={"onupdate": now})


def default(kind: IdentifierKind) -> KindPolicy:
    """One id a person in another system; some twenty addresses a year are more than one person has."""
    count, days = _LIMITS.get(kind, (None, None))
    joins = Joins.provisional if kind in _JOINING else Joins.never
    rank = 10 * (list(IdentifierKind).index(kind) + 1)
    return KindPolicy(
        kind=kind, rank=rank, limit_count=count, limit_window_days=days, joins=joins, version=1, updated_at=None
    )


_LIMITS: Mapping[IdentifierKind, tuple[int | None, int | None]] = {
    IdentifierKind.external: (1, None),
    IdentifierKind.email: (20, 365),
    IdentifierKind.whatsapp: (20, 365),
    IdentifierKind.phone: (20, 365),
}
_JOINING = {
    IdentifierKind.external,
    IdentifierKind.email,
    IdentifierKind.whatsapp,
    IdentifierKind.phone,
    IdentifierKind.telegram,
}


@dataclass(frozen=True, slots=True)
class Held:
    """An identifier that a customer has."""

    kind: str
    value: str
    first_seen_at: datetime


class Policies:
    """What holds for all kinds at one moment."""

    def __init__(self, rows: Iterable[KindPolicy] = (), blocked: Collection[str] = ()) -> None:
        told = {row.kind: row for row in rows}
        self.by_kind: dict[str, KindPolicy] = {kind: told.get(kind) or default(kind) for kind in IdentifierKind}
        self.ranked = sorted(self.by_kind.values(), key=lambda row: row.rank)
        self._rank = {row.kind: place for place, row in enumerate(self.ranked)}
        self._blocked = {row.kind: {*blocked, *row.blocked_values} for row in self.ranked}
        self._patterns = {row.kind: _compiled(row.blocked_patterns) for row in self.ranked if row.blocked_patterns}
        self._shared = {(row.kind, value) for row in self.ranked for value in row.shared_values}
        self._valid = {row.kind: timedelta(days=row.valid_days) for row in self.ranked if row.valid_days}

    def is_blocked(self, kind: str, value: str) -> bool:
        """Whether this value, canonical, identifies nobody."""
        known = IdentifierKind(kind)
        if is_blocked(kind, value, self._blocked[known]):
            return True
        pattern = self._patterns.get(known)
        return pattern is not None and pattern.fullmatch(value) is not None

    def is_shared(self, kind: str, value: str) -> bool:
        return bool(self._shared) and (kind, value) in self._shared

    def by_rank(self, identifiers: Sequence[Identifier]) -> list[Identifier]:
        """The strongest kind first; within a kind as given."""
        return sorted(identifiers, key=lambda identifier: self._rank[identifier.kind])

    def valid_since(self, kind: IdentifierKind, at: datetime) -> datetime | None:
        """An identifier not seen since then is somebody else's by `at`; None: it stays for ever."""
        valid = self._valid.get(kind)
        return None if valid is None or at - _LONG_AGO < valid else at - valid

    def may_join(self, kind: IdentifierKind) -> bool:
        return self.by_kind[kind].joins is Joins.provisional

    def is_limited(self, kind: IdentifierKind) -> bool:
        return self.by_kind[kind].limit_count is not None

    def has_room(self, held: Iterable[Held], new: Iterable[Held], at: datetime) -> bool:
        """Whether whoever has `held` may have these, too. Ids of other systems are counted system by system."""
        held = list(held)
        for each in new:
            if not self._has_room(held, each, at):
                return False
            held.append(each)
        return True

    def _has_room(self, held: Iterable[Held], new: Held, at: datetime) -> bool:
        row = self.by_kind[new.kind]
        if row.limit_count is None:
            return True
        days = row.limit_window_days
        counted = [
            each
            for each in held
            if _group(each) == _group(new) and (days is None or at - each.first_seen_at < timedelta(days=days))
        ]
        return len(counted) < row.limit_count


_LONG_AGO = datetime.fromisoformat("1900-01-01T00:00:00+00:00")


def _group(held: Held) -> tuple[str, str]:
    return held.kind, held.value.partition(":")[0] if held.kind == IdentifierKind.external else ""


def _compiled(patterns: Sequence[str]) -> re.Pattern[str]:
    # Only * and ? mean anything: whoever writes a policy cannot write an expression that never ends.
    return re.compile("|".join(translate(pattern.replace("[", "[[]")) for pattern in patterns), re.IGNORECASE)


DEFAULTS = Policies()


class PolicyBook:
    """The policies as this process knows them: read again when they are older than `TRUST_S`."""

    def __init__(
        self, database: Database, blocked: Collection[str] = (), *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._blocked = blocked
        self._timer = timer
        self._read_at: float | None = None
        self._reading = asyncio.Lock()
        self.current = Policies(blocked=blocked)

    async def refresh(self) -> None:
        """Call it before a request or a job asks `current`. While one reads, the others go on with what was known."""
        if self._is_fresh() or (self._read_at is not None and self._reading.locked()):
            return
        async with self._reading:
            if self._is_fresh():
                return
            async with self._database.hot() as connection:
                rows = await connection.fetch("SELECT * FROM identifier_policy")
            told = [KindPolicy.model_validate(dict(row)) for row in rows]
            self.current, self._read_at = Policies(told, self._blocked), self._timer()

    def _is_fresh(self) -> bool:
        return self._read_at is not None and self._timer() - self._read_at < TRUST_S

    def forget(self) -> None:
        """They were changed."""
        self._read_at = None


TRUST_S = 5
