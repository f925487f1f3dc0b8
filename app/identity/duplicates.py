"""Duplicate suggestions as the service uses them: a scan of all files, and the search for one file's."""

import asyncio
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
from app.core.jobs import Attempt, Handler
from app.identity import blocking
from app.identity.learning import assumed_prior
from app.identity.matching import Model, value_key
from app.identity.models import DuplicateScan
from app.identity.reading import Profiles, put_keys, read
from app.identity.scanning import OutOfTime, Progress, Scan, Scanned, every_value, model_of
from app.identity.suggesting import WITHDRAW_OF, compare, put

logger = structlog.get_logger()

_WITHIN_REQUEST_S = 25.0
_MOST_WITHIN_REQUEST = 30_000
"""Files; more are not even begun with."""
_LOOK_AGAIN_S = 0.2
_RESCUE_AFTER_S = 120
"""A scan whose process died goes on after so long."""

_ONE_SCAN = "hashtextextended('onefile:duplicate_scan', 0)"
_TRY = f"SELECT pg_try_advisory_lock({_ONE_SCAN})"
_LET_GO = f"SELECT pg_advisory_unlock({_ONE_SCAN})"
_BEGIN = """
WITH dead AS (UPDATE duplicate_scan SET status = 'failed', updated_at = clock_timestamp()
              WHERE status = 'running' AND id <> $1 RETURNING id),
waiting AS (DELETE FROM pgqueuer WHERE entrypoint IN ('find_duplicates', 'scan_duplicates') AND status = 'queued'
            AND NOT EXISTS (SELECT FROM duplicate_scan WHERE id = $1)),
done AS (SELECT count(*) FROM dead)
INSERT INTO duplicate_scan AS s (id, created_at, updated_at, status, customers, compared, suggested, done, model,
                                 passed_over, crowds, least)
SELECT $1, clock_timestamp(), clock_timestamp(), 'running', 0, 0, 0, 0, '{}', 0, 0, 0 FROM done
ON CONFLICT (id) DO UPDATE SET status = 'running', updated_at = clock_timestamp() WHERE s.status <> 'finished'
RETURNING id"""
"""A new scan does what waiting searches for single files, and waiting scans, would have done."""
_BROKEN_OFF = """
SELECT id FROM (SELECT * FROM duplicate_scan ORDER BY id DESC LIMIT 1) AS latest
WHERE status <> 'finished' AND reached IS NOT NULL"""
_FINISH = "UPDATE duplicate_scan SET status = $2, finished_at = now(), updated_at = now() WHERE id = $1"
_ESTIMATE = "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'customer'::regclass"
_SCAN_LATER = """
INSERT INTO pgqueuer (priority, status, entrypoint, payload, execute_after)
VALUES (-1, 'queued', 'scan_duplicates', convert_to($1::text, 'UTF8'), now() + make_interval(secs => $2))"""
_NOT_LATER = """
DELETE FROM pgqueuer WHERE entrypoint = 'scan_duplicates' AND status = 'queued' AND payload = convert_to($1, 'UTF8')"""
_MODEL = """
SELECT model::text FROM duplicate_scan WHERE status = 'finished' ORDER BY id DESC LIMIT 1"""


def handlers(database: Database) -> Mapping[str, Handler]:
    one_at_a_time = asyncio.Semaphore()  # a batch that opens a thousand files must leave connections to the routes

    async def find_duplicates(attempt: Attempt) -> None:
        async with one_at_a_time, database.bulk() as connection:
            await find(connection, attempt.id)

    async def scan_duplicates(attempt: Attempt) -> None:
        if not await _run(database, attempt.id):
            await _later(database, attempt.id, _RESCUE_AFTER_S)

    return {"find_duplicates": find_duplicates, "scan_duplicates": scan_duplicates}


async def scanned(session: AsyncSession, database: Database) -> DuplicateScan:
    """Compare all files; what takes longer than a request may goes on in the background. If a scan is running its
    results will do."""
    scan_id, deadline = uuid7(), time.monotonic() + _WITHIN_REQUEST_S
    try:
        if not await _run(database, scan_id, deadline=deadline):
            await _wait(database, deadline)
    except OutOfTime:
        await _later(database, scan_id, 0)
    return await latest_scan(session)


async def run_to_the_end(database: Database, progress: Progress) -> bool:
    """For the command line: a new scan, or the last one if it broke off. False: another is running."""
    async with database.bulk() as connection:
        broken_off = await connection.fetchval(_BROKEN_OFF)
    return await _run(database, broken_off or uuid7(), progress=progress)


async def _run(
    database: Database, scan_id: UUID, *, deadline: float | None = None, progress: Progress = lambda _: None
) -> bool:
    """Begin a scan, or go on where it stopped. False: another is running."""
    async with database.bulk() as connection:
        if not await connection.fetchval(_TRY):
            return False
        try:
            if await connection.fetchval(_BEGIN, scan_id):
                await _scan(connection, scan_id, deadline, progress)
        finally:
            await connection.execute(_LET_GO)
    return True


async def _scan(connection: asyncpg.Connection, scan_id: UUID, deadline: float | None, progress: Progress) -> None:
    total = await connection.fetchval(_ESTIMATE)
    if deadline is not None and total > _MOST_WITHIN_REQUEST:
        raise OutOfTime
    await _put_later(connection, scan_id, _RESCUE_AFTER_S)
    scanning = Scan(connection, scan_id, Scanned(total), deadline, progress)
    try:
        await scanning.run()
    except OutOfTime:
        raise
    except BaseException:
        await connection.execute(_NOT_LATER, str(scan_id))
        await connection.execute(_FINISH, scan_id, "failed")
        raise
    await connection.execute(_FINISH, scan_id, "finished")
    await connection.execute(_NOT_LATER, str(scan_id))
    logger.info("duplicates.scan.finished", scan_id=str(scan_id), compared=scanning.scanned.compared)


async def _later(database: Database, scan_id: UUID, pause_s: int) -> None:
    async with database.bulk() as connection:
        await _put_later(connection, scan_id, pause_s)


async def _put_later(connection: asyncpg.Connection, scan_id: UUID, pause_s: int) -> None:
    """Once, however often it is said."""
    await connection.execute(_NOT_LATER, str(scan_id))
    await connection.execute(_SCAN_LATER, str(scan_id), pause_s)


async def _wait(database: Database, deadline: float) -> None:
    while time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_AGAIN_S)
        async with database.bulk() as connection:
            if not await connection.fetchval(_IS_RUNNING):
                return


_IS_RUNNING = "SELECT EXISTS (SELECT FROM duplicate_scan WHERE status = 'running')"


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
    await put(connection, model, found)
    await connection.execute(WITHDRAW_OF, customer_id, [each.a for each in found], [each.b for each in found])


async def _model(connection: asyncpg.Connection) -> Model:
    """What the last scan learned; before the first one what is assumed of any files."""
    kept = await connection.fetchval(_MODEL)
    if kept is None:
        return Model(prior=assumed_prior(await connection.fetchval(_ESTIMATE)))
    return model_of(kept)


async def _counts(connection: asyncpg.Connection, profiles: Profiles) -> dict[int, int]:
    keys = {value_key(name, value) for each in profiles.values() for name, value in every_value(each)}
    rows = await connection.fetch("SELECT key, count FROM value_count WHERE key = ANY ($1::bigint[])", list(keys))
    return {row["key"]: row["count"] for row in rows}


async def latest_scan(session: AsyncSession) -> DuplicateScan:
    found = await session.scalar(select(DuplicateScan).order_by(col(DuplicateScan.id).desc()).limit(1))
    if found is None:
        raise NotFound("Nothing has been scanned yet.")
    return found
