"""Duplicate suggestions as the service uses them: a scan of all files, and the search for one file's."""

import json
import time
from collections.abc import Mapping
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core.db import Database
from app.core.errors import NotFound
from app.core.ids import uuid7
from app.core.jobs import ENQUEUE, Attempt, Handler
from app.identity import blocking
from app.identity.learning import assumed_prior
from app.identity.matching import Model, Rates, value_key
from app.identity.models import DuplicateScan
from app.identity.reading import Profiles, put_keys, read
from app.identity.scanning import OutOfTime, Progress, Scan, Scanned, every_value
from app.identity.suggesting import WITHDRAW_OF, compare, put

logger = structlog.get_logger()

_WITHIN_REQUEST_S = 25.0
_MOST_WITHIN_REQUEST = 30_000
"""Files; more are not even begun with."""
_SILENT_S = 300
"""A scan that told nothing for so long has died with its process."""

_START = f"""
WITH dead AS (UPDATE duplicate_scan SET status = 'failed', updated_at = now()
              WHERE status = 'running' AND updated_at < now() - interval '{_SILENT_S} seconds')
INSERT INTO duplicate_scan (id, created_at, updated_at, status, customers, compared, suggested, done, model)
SELECT $1, clock_timestamp(), clock_timestamp(), 'running', 0, 0, 0, 0, '{{}}'
WHERE NOT EXISTS (SELECT FROM duplicate_scan WHERE status = 'running'
                  AND updated_at >= now() - interval '{_SILENT_S} seconds')
ON CONFLICT DO NOTHING RETURNING id"""  # noqa: S608  constants
_FINISH = "UPDATE duplicate_scan SET status = $2, finished_at = now(), updated_at = now() WHERE id = $1"
_ESTIMATE = "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'customer'::regclass"
_ENQUEUE_SCAN = f"{ENQUEUE} VALUES (0, 'queued', 'scan_duplicates', convert_to($1::text, 'UTF8'))"
_RESUME = """
UPDATE duplicate_scan AS s SET status = 'running', updated_at = now()
WHERE id = $1 AND status <> 'finished'
  AND NOT EXISTS (SELECT FROM duplicate_scan AS o WHERE o.status = 'running' AND o.id <> s.id)
RETURNING true"""
_MODEL = """
SELECT model::text FROM duplicate_scan WHERE status = 'finished' ORDER BY id DESC LIMIT 1"""


def handlers(database: Database) -> Mapping[str, Handler]:
    async def find_duplicates(attempt: Attempt) -> None:
        async with database.bulk() as connection:
            await find(connection, attempt.id)

    async def scan_duplicates(attempt: Attempt) -> None:
        await _run(database, attempt.id)

    return {"find_duplicates": find_duplicates, "scan_duplicates": scan_duplicates}


async def scanned(session: AsyncSession, database: Database) -> DuplicateScan:
    """Compare all files; what takes longer than a request may goes on in the background."""
    scan_id = await _start(database)
    if scan_id is not None:
        try:
            await _run(database, scan_id, deadline=time.monotonic() + _WITHIN_REQUEST_S)
        except OutOfTime:
            async with database.bulk() as connection:
                await connection.execute(_ENQUEUE_SCAN, str(scan_id))
    return await latest_scan(session)


async def _start(database: Database) -> UUID | None:
    """None: one is running; its results will do."""
    async with database.bulk() as connection:
        scan_id: UUID | None = await connection.fetchval(_START, uuid7())
    return scan_id


async def run_to_the_end(database: Database, progress: Progress) -> bool:
    """For the command line. False: another scan is running."""
    scan_id = await _start(database)
    if scan_id is not None:
        await _run(database, scan_id, progress=progress)
    return scan_id is not None


async def _run(
    database: Database, scan_id: UUID, *, deadline: float | None = None, progress: Progress = lambda _: None
) -> None:
    async with database.bulk() as connection:
        if not await connection.fetchval(_RESUME, scan_id):
            return
        total = await connection.fetchval(_ESTIMATE)
        if deadline is not None and total > _MOST_WITHIN_REQUEST:
            raise OutOfTime
        scanning = Scan(connection, scan_id, Scanned(total), deadline, progress)
        try:
            await scanning.run()
        except OutOfTime:
            raise
        except BaseException:
            await connection.execute(_FINISH, scan_id, "failed")
            raise
        await connection.execute(_FINISH, scan_id, "finished")
    logger.info("duplicates.scan.finished", scan_id=str(scan_id), compared=scanning.scanned.compared)


async def find(connection: asyncpg.Connection, customer_id: UUID) -> None:
    """Suggest one file's duplicates, after it was written."""
    own = await read(connection, [customer_id])
    await put_keys(connection, [customer_id], own)
    model = await _model(connection)
    keys = list(blocking.keys(own[customer_id])) if own else []
    rows = await connection.fetch(blocking.CANDIDATES_OF, customer_id, keys, blocking.crowd(model.records))
    others = [row["customer_id"] for row in rows]
    profiles = own | await read(connection, others)
    model.counts = await _counts(connection, profiles)
    found = compare(model, profiles, [(customer_id, other) for other in others])
    await put(connection, model, found, profiles)
    await connection.execute(WITHDRAW_OF, customer_id, [each.a for each in found], [each.b for each in found])


async def _model(connection: asyncpg.Connection) -> Model:
    """What the last scan learned; before the first one what is assumed of any files."""
    kept = await connection.fetchval(_MODEL)
    if kept is None:
        return Model(prior=assumed_prior(await connection.fetchval(_ESTIMATE)))
    document = json.loads(kept)
    rates = {name: Rates(tuple(m), tuple(u)) for name, (m, u) in document["rates"].items()}
    return Model(document["records"], document["prior"], rates, repeats=document["repeats"])


async def _counts(connection: asyncpg.Connection, profiles: Profiles) -> dict[int, int]:
    keys = {value_key(name, value) for each in profiles.values() for name, value in every_value(each)}
    rows = await connection.fetch("SELECT key, count FROM value_count WHERE key = ANY ($1::bigint[])", list(keys))
    return {row["key"]: row["count"] for row in rows}


async def latest_scan(session: AsyncSession) -> DuplicateScan:
    found = await session.scalar(select(DuplicateScan).order_by(col(DuplicateScan.id).desc()).limit(1))
    if found is None:
        raise NotFound("Nothing has been scanned yet.")
    return found
