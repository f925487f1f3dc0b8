"""The pairs of a scan, chunk by chunk: those that share a key, and among them those that share enough."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import asyncpg

from app.identity import blocking

SLOW_S = 3600.0
"""Statements over all keys take a while on millions of files."""
_MOST_REMEMBERED = 100_000

Keys = dict[int, float]
"""Key → bits: how much it says that two files share it, which is the more the fewer do."""


class Candidate(NamedTuple):
    """`b` is the younger file."""

    a: UUID
    b: UUID
    bits: float


@dataclass
class Pairing:
    """The blocks of one scan, in temporary tables of its connection."""

    connection: asyncpg.Connection
    crowds: int = 0
    """Groups that stayed too large to compare everybody in them, although they share three keys."""
    _remembered: dict[UUID, Keys] = field(default_factory=dict)

    async def build(self, files: int) -> None:
        statements = [*blocking.BUILD_BLOCKS]
        for level in (1, 2):
            statements += [
                each.replace("{level}", str(level)).replace("{next}", str(level + 1)) for each in blocking.CUT_CROWDS
            ]
        for statement in (*statements, *blocking.INDEX_BLOCKS):
            filled = statement.replace("{crowd}", str(blocking.crowd(files))).replace("{files}", str(max(files, 2)))
            await self.connection.execute(filled, timeout=SLOW_S)
        self.crowds = await self.connection.fetchval(blocking.COUNT_CROWDS, timeout=SLOW_S)

    async def of(self, ids: Sequence[UUID]) -> list[Candidate]:
        """Every pair of these files and a younger one that shares a key."""
        rows = await self.connection.fetch(blocking.PAIRS, ids, timeout=SLOW_S)
        keys = await self._keys({each for row in rows for each in (row["a"], *row["others"])})
        return [
            Candidate(row["a"], other, _shared(keys[row["a"]], keys[other])) for row in rows for other in row["others"]
        ]

    async def _keys(self, wanted: set[UUID]) -> dict[UUID, Keys]:
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered = {key: each for key, each in self._remembered.items() if key in wanted}
        missing = list(wanted - self._remembered.keys())
        for customer_id, keys, bits in await self.connection.fetch(blocking.KEYS, missing, timeout=SLOW_S):
            self._remembered[customer_id] = dict(zip(keys, bits, strict=True))
        return self._remembered


def _shared(one: Keys, other: Keys) -> float:
    return sum(one[key] for key in one.keys() & other.keys())
