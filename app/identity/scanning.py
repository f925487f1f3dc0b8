"""Comparing all files with each other: keys and samples first, then a model learned from them, then every pair that
shares enough. Memory stays bounded: samples, counts of the commoner values, and one chunk of pairs at a time.

What was learned, and how far the comparing came, is written down: another process can go on from there.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from app.identity import blocking
from app.identity.learning import learn
from app.identity.matching import Model, Rates, value_key
from app.identity.pairing import SLOW_S, Candidate, Pairing
from app.identity.profiles import Profile
from app.identity.reading import Profiles, put_keys, read, read_after
from app.identity.suggesting import WITHDRAW_OTHERS, compare, put

_CHUNK = 2000
_CHUNK_OF_PAIRS = 500
"""Files whose pairs are fetched at once."""
_SAMPLE = 5000
_SAMPLE_OF_SHARING = 60_000
"""Pairs that share something, of which the likelier ones are learned from."""
_SAMPLE_OF_PAIRS = 25_000
_MOST_COUNTS = 1_500_000
_MOST_REMEMBERED = 50_000
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
    passed_over: int = 0
    """Pairs that share so little that others were compared in their place."""
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
    least: float = 0.0
    """Bits of shared keys that a pair must have to be compared."""
    crowds: int = 0
    reached: UUID | None = None
    """The last file whose pairs are compared; None: nothing has been learned yet."""

    async def run(self) -> None:
        """Begin, or go on where another process stopped."""
        pairing = Pairing(self.connection)
        await self._go_on()
        if self.reached is None:
            await self._prepare()
            await pairing.build(self.scanned.customers)
            await self._learn(pairing)
            await keep_model(self.connection, self.id, self.model)
            self.reached = UUID(int=0)
        else:
            await pairing.build(self.scanned.customers)
        self.crowds = pairing.crowds
        await self._compare(pairing)
        await self._tell(1.0)
        await self.connection.execute(WITHDRAW_OTHERS, self.id, timeout=SLOW_S)

    async def _go_on(self) -> None:
        """Take up what was learned and compared."""
        row = await self.connection.fetchrow(_REACHED, self.id)
        if row["reached"] is None:
            return
        self.scanned.customers, self.scanned.compared = row["customers"], row["compared"]
        self.scanned.suggested, self.scanned.passed_over = row["suggested"], row["passed_over"]
        self.least = row["least"]
        counts = dict(await self.connection.fetch("SELECT key, count FROM value_count", timeout=SLOW_S))
        self.model = model_of(row["model"], counts)
        self.reached = row["reached"]

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
        await self.connection.execute(blocking.FORGET_ORPHANS, timeout=SLOW_S)

    async def _chunks(self) -> AsyncIterator[Profiles]:
        last = UUID(int=0)
        while profiles := await read_after(self.connection, last, _CHUNK):
            yield profiles
            last = next(reversed(profiles))

    async def _learn(self, pairing: Pairing) -> None:
        counts = {key: count for key, count in self.counts.items() if count > 2}
        self.counts.clear()
        found: list[Candidate] = []
        used = 0
        random.Random(0).shuffle(self.sample)  # noqa: S311  a sample, no secret
        for start in range(0, len(self.sample), _CHUNK_OF_PAIRS):
            chunk = [customer_id for customer_id, _ in self.sample[start : start + _CHUNK_OF_PAIRS]]
            found += await pairing.of(chunk)
            used += len(chunk)
            await self._tell(self.scanned.done)
            if len(found) >= _SAMPLE_OF_SHARING:
                break
        share = max(used, 1) / max(self.scanned.customers, 1)
        self.least = _least(found, int(share * blocking.budget(self.scanned.customers)))
        worth = [each for each in found if each.bits >= self.least]
        taken = random.Random(0).sample(worth, min(len(worth), _SAMPLE_OF_PAIRS))  # noqa: S311  a sample, no secret
        profiles = await self._read(taken)
        pairs = [(profiles[each.a], profiles[each.b]) for each in taken if each.a in profiles and each.b in profiles]
        share *= len(taken) / len(worth) if worth else 1.0
        profiles_only = [profile for _, profile in self.sample]
        self.model = await asyncio.to_thread(learn, profiles_only, counts, self.scanned.customers, pairs, share)
        await self._tell(_PREPARING)

    async def _compare(self, pairing: Pairing) -> None:
        before, total = await self.connection.fetchrow(_HOW_FAR, self.reached)
        while ids := [row["id"] for row in await self.connection.fetch(_NEXT, self.reached, _CHUNK_OF_PAIRS)]:
            shared = await pairing.of(ids)
            pairs = [each for each in shared if each.bits >= self.least]
            profiles = await self._read(pairs)
            found = await asyncio.to_thread(compare, self.model, profiles, [(each.a, each.b) for each in pairs])
            await put(self.connection, self.model, found)
            before += len(ids)
            self.scanned.compared += len(pairs)
            self.scanned.passed_over += len(shared) - len(pairs)
            self.scanned.suggested += len(found)
            self.reached = ids[-1]
            await self._tell(_PREPARING + (1 - _PREPARING) * min(before / max(total, 1), 1.0))

    async def _read(self, pairs: list[Candidate]) -> Profiles:
        wanted = {each for pair in pairs for each in (pair.a, pair.b)}
        if len(self.remembered) > _MOST_REMEMBERED:
            self.remembered = {key: each for key, each in self.remembered.items() if key in wanted}
        missing = list(wanted - self.remembered.keys())
        if missing:
            self.remembered |= await read(self.connection, missing)
        return self.remembered

    async def _tell(self, done: float) -> None:
        self.scanned.done = done
        told = (self.scanned.customers, self.scanned.compared, self.scanned.suggested, self.scanned.passed_over, done)
        await self.connection.execute(_NOTE, self.id, *told, self.reached, self.least, self.crowds)
        self.progress(self.scanned)
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise OutOfTime


_NOTE = """
UPDATE duplicate_scan
SET customers = $2, compared = $3, suggested = $4, passed_over = $5, done = $6, reached = $7, least = $8, crowds = $9,
    updated_at = clock_timestamp()
WHERE id = $1"""
_REACHED = """
SELECT reached, least, customers, compared, suggested, passed_over, model::text AS model FROM duplicate_scan
WHERE id = $1"""
_HOW_FAR = "SELECT count(*) FILTER (WHERE id <= $1), count(*) FROM customer WHERE status <> 'anonymized'"
_NEXT = "SELECT id FROM customer WHERE id > $1 AND status <> 'anonymized' ORDER BY id LIMIT $2"


def _least(found: list[Candidate], most: int) -> float:
    """So many bits that no more than `most` of these pairs are compared, or few more where they tie."""
    if len(found) <= most:
        return 0.0
    return sorted((each.bits for each in found), reverse=True)[most]


def every_value(profile: Profile) -> list[tuple[str, str]]:
    return [*profile.values.items(), *((name, value) for name, found in profile.sets.items() for value in found)]


async def keep_model(connection: asyncpg.Connection, scan_id: UUID, model: Model) -> None:
    """For the rest of this scan, and for the files that are written from now on."""
    document = {"records": model.records, "prior": model.prior, "rates": model.rates, "repeats": model.repeats}
    await connection.execute("UPDATE duplicate_scan SET model = $2::jsonb WHERE id = $1", scan_id, json.dumps(document))
    await connection.execute("DELETE FROM value_count", timeout=SLOW_S)
    await connection.execute(
        "INSERT INTO value_count (key, count) SELECT * FROM unnest($1::bigint[], $2::int[])",
        list(model.counts.keys()),
        list(model.counts.values()),
        timeout=SLOW_S,
    )


def model_of(kept: str, counts: Mapping[int, int] | None = None) -> Model:
    """As it was kept, but for the counts."""
    document = json.loads(kept)
    rates = {name: Rates(tuple(m), tuple(u)) for name, (m, u) in document["rates"].items()}
    return Model(document["records"], document["prior"], rates, counts or {}, repeats=document["repeats"])
