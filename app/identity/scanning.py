"""Comparing all files with each other: keys and samples first, then a model learned from them, then every pair that
shares a key. Memory stays bounded: samples, counts of the commoner values, and one chunk of pairs at a time."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from app.identity import blocking
from app.identity.learning import learn
from app.identity.matching import Model, value_key
from app.identity.profiles import Profile
from app.identity.reading import Profiles, put_keys, read, read_after
from app.identity.suggesting import WITHDRAW_OTHERS, compare, put

_CHUNK = 2000
_CHUNK_OF_PAIRS = 500
"""Files whose pairs are fetched at once."""
_SAMPLE = 5000
_SAMPLE_OF_PAIRS = 25_000
_MOST_COUNTS = 1_500_000
_MOST_REMEMBERED = 50_000
_SLOW_S = 3600.0
"""Statements over all keys take a while on millions of files."""
_PREPARING = 0.3
"""Of the work, roughly."""

Progress = Callable[["Scanned"], None]


class OutOfTime(Exception):
    """The scan does not end by its deadline."""


@dataclass(slots=True)
class Scanned:
    """How far a scan has come."""

    total: int
    customers: int = 0
    compared: int = 0
    suggested: int = 0
    done: float = 0.0


@dataclass
class Scan:
    """One run on one connection, whose temporary tables hold the blocks."""

    connection: asyncpg.Connection
    id: UUID
    scanned: Scanned
    deadline: float | None = None
    """As `time.monotonic` tells it."""
    progress: Progress = lambda _: None
    model: Model = field(default_factory=Model)
    counts: Counter[int] = field(default_factory=Counter)
    sample: list[tuple[UUID, Profile]] = field(default_factory=list)
    remembered: Profiles = field(default_factory=dict)

    async def run(self) -> None:
        await self._prepare()
        await self._build_blocks()
        await self._learn()
        await self._compare()
        await self.connection.execute(WITHDRAW_OTHERS, self.id, timeout=_SLOW_S)
        await _keep(self.connection, self.id, self.model)

    async def _prepare(self) -> None:
        """Every file's keys, how often values occur, and a sample of files."""
        chance = random.Random(0)  # noqa: S311  a sample, no secret
        async for profiles in self._chunks():
            await put_keys(self.connection, list(profiles), profiles)
            for customer_id, profile in profiles.items():
                self.scanned.customers += 1
                if len(self.sample) < _SAMPLE:
                    self.sample.append((customer_id, profile))
                elif (at := chance.randrange(self.scanned.customers)) < _SAMPLE:
                    self.sample[at] = (customer_id, profile)
                self.counts.update(value_key(name, value) for name, value in every_value(profile))
            if len(self.counts) > _MOST_COUNTS:
                self.counts = Counter({key: count for key, count in self.counts.items() if count > 2})
            await self._tell(_PREPARING * self.scanned.customers / max(self.scanned.total, self.scanned.customers))
        await self.connection.execute(blocking.FORGET_ORPHANS, timeout=_SLOW_S)

    async def _chunks(self) -> AsyncIterator[Profiles]:
        last = UUID(int=0)
        while profiles := await read_after(self.connection, last, _CHUNK):
            yield profiles
            last = next(reversed(profiles))

    async def _build_blocks(self) -> None:
        crowd = blocking.crowd(self.scanned.customers)
        statements = [*blocking.BUILD_BLOCKS]
        for level in (1, 2):
            statements += [
                each.replace("{level}", str(level)).replace("{next}", str(level + 1)) for each in blocking.CUT_CROWDS
            ]
        for statement in (*statements, *blocking.INDEX_BLOCKS):
            await self.connection.execute(statement.replace("{crowd}", str(crowd)), timeout=_SLOW_S)
            await self._tell(self.scanned.done)

    async def _learn(self) -> None:
        counts = {key: count for key, count in self.counts.items() if count > 2}
        self.counts.clear()
        pairs: list[tuple[Profile, Profile]] = []
        used = 0
        random.Random(0).shuffle(self.sample)  # noqa: S311  a sample, no secret
        for start in range(0, len(self.sample), _CHUNK_OF_PAIRS):
            chunk = [customer_id for customer_id, _ in self.sample[start : start + _CHUNK_OF_PAIRS]]
            found = await self._pairs(chunk)
            profiles = await self._read(found)
            pairs += [(profiles[a], profiles[b]) for a, b in found if a in profiles and b in profiles]
            used += len(chunk)
            if len(pairs) >= _SAMPLE_OF_PAIRS:
                break
        share = max(used, 1) / max(self.scanned.customers, 1)
        profiles_only = [profile for _, profile in self.sample]
        self.model = await asyncio.to_thread(learn, profiles_only, counts, self.scanned.customers, pairs, share)
        await self._tell(_PREPARING)

    async def _compare(self) -> None:
        last = UUID(int=0)
        compared = 0
        while ids := [row["id"] for row in await self.connection.fetch(_NEXT, last, _CHUNK_OF_PAIRS)]:
            pairs = await self._pairs(ids)
            profiles = await self._read(pairs)
            found = await asyncio.to_thread(compare, self.model, profiles, pairs)
            await put(self.connection, self.model, found, profiles)
            await self.connection.executemany("INSERT INTO scan_found VALUES ($1, $2)", [each[:2] for each in found])
            compared += len(ids)
            self.scanned.compared += len(pairs)
            self.scanned.suggested += len(found)
            await self._tell(_PREPARING + (1 - _PREPARING) * min(compared / max(self.scanned.customers, 1), 1.0))
            last = ids[-1]

    async def _pairs(self, ids: list[UUID]) -> list[tuple[UUID, UUID]]:
        rows = await self.connection.fetch(blocking.PAIRS, ids, timeout=_SLOW_S)
        return [(row["a"], row["b"]) for row in rows]

    async def _read(self, pairs: list[tuple[UUID, UUID]]) -> Profiles:
        wanted = {each for pair in pairs for each in pair}
        if len(self.remembered) > _MOST_REMEMBERED:
            self.remembered = {key: each for key, each in self.remembered.items() if key in wanted}
        missing = list(wanted - self.remembered.keys())
        if missing:
            self.remembered |= await read(self.connection, missing)
        return self.remembered

    async def _tell(self, done: float) -> None:
        self.scanned.done = done
        self.progress(self.scanned)
        told = (self.scanned.customers, self.scanned.compared, self.scanned.suggested, done)
        await self.connection.execute(_NOTE, self.id, *told)
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise OutOfTime


_NOTE = """
UPDATE duplicate_scan SET customers = $2, compared = $3, suggested = $4, done = $5, updated_at = clock_timestamp()
WHERE id = $1"""
_NEXT = "SELECT id FROM customer WHERE id > $1 AND status <> 'anonymized' ORDER BY id LIMIT $2"


def every_value(profile: Profile) -> list[tuple[str, str]]:
    return [*profile.values.items(), *((name, value) for name, found in profile.sets.items() for value in found)]


async def _keep(connection: asyncpg.Connection, scan_id: UUID, model: Model) -> None:
    """For the files that are written from now on."""
    document = {"records": model.records, "prior": model.prior, "rates": model.rates, "repeats": model.repeats}
    await connection.execute("UPDATE duplicate_scan SET model = $2::jsonb WHERE id = $1", scan_id, json.dumps(document))
    await connection.execute("DELETE FROM value_count", timeout=_SLOW_S)
    await connection.execute(
        "INSERT INTO value_count (key, count) SELECT * FROM unnest($1::bigint[], $2::int[])",
        list(model.counts.keys()),
        list(model.counts.values()),
        timeout=_SLOW_S,
    )
