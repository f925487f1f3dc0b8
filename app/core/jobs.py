"""Background work: jobs lie in PostgreSQL (pgqueuer), put there by the transaction that wants them done.

A job names an entrypoint and one id. It may run twice, so what it does must bear that. A failed one is tried again
after growing pauses, the last after some hours.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from pgqueuer import PgQueuer
from pgqueuer.executors import DatabaseRetryEntrypointExecutor
from pgqueuer.models import Job

from app.core.db import Database
from app.core.errors import DATABASE_ERRORS

logger = structlog.get_logger()

MAX_ATTEMPTS = 8
_PAUSE_AFTER_LOSS_S = 2.0
_AT_ONCE = 40
"""Jobs a process has begun; stopping waits for them."""

ENQUEUE = "INSERT INTO pgqueuer (priority, status, entrypoint, payload)"
"""… SELECT 0, 'queued', name, convert_to(id::text, 'UTF8'): how a statement puts jobs beside what it changes."""

FIND_DUPLICATES = f"{ENQUEUE} SELECT -1, 'queued', 'find_duplicates', convert_to("
"""… id::text, 'UTF8') FROM …: beside whatever says who a customer is; after the jobs somebody waits for."""

SCAN_DUPLICATES = f"{ENQUEUE} SELECT -1, 'queued', 'scan_duplicates', convert_to("
"""… id::text, 'UTF8'): the same for all customers; the id is a new one."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a job."""

    id: UUID
    last: bool
    """No other will follow: what is not done now stays undone, and must be marked so."""


FORGET_LOG = """
WITH forgotten AS (DELETE FROM pgqueuer_log WHERE created < now() - interval '7 days')
DELETE FROM pgqueuer_statistics WHERE created < now() - interval '30 days'"""
"""What became of each job, and how many there were, is of interest only for a while."""

_DUE = """
SELECT EXISTS (SELECT FROM pgqueuer WHERE entrypoint = ANY ($1::text[])
               AND (status = 'picked' OR (status = 'queued' AND execute_after <= now())))"""

Handler = Callable[[Attempt], Awaitable[None]]


class JobFailed(Exception):
    """In place of what a handler raised: pgqueuer writes exceptions down in full, and theirs may tell of customers."""


async def work(database: Database, handlers: Mapping[str, Handler]) -> None:
    """Do jobs until cancelled; a lost database is waited for."""
    while True:
        try:
            async with _queue(database, handlers) as queue:
                await _run(queue)
        except Exception as error:  # of the database, mostly; whatever it is, jobs must not lie for ever
            logger.warning("jobs.database.lost", error=type(error).__name__)
        await asyncio.sleep(_PAUSE_AFTER_LOSS_S)


async def drain(database: Database, handlers: Mapping[str, Handler]) -> None:
    """Do the jobs that are due, then return; pgqueuer's own mode of this name waits for those due later, too."""
    async with _queue(database, handlers) as queue:
        running = asyncio.create_task(_run(queue))
        while not running.done() and await _is_any_due(database, handlers):  # noqa: ASYNC110  only the table tells
            await asyncio.sleep(0.02)
        queue.shutdown.set()
        await running


async def _is_any_due(database: Database, handlers: Mapping[str, Handler]) -> bool:
    async with database.hot() as connection:
        return bool(await connection.fetchval(_DUE, list(handlers)))


async def _run(queue: PgQueuer) -> None:
    await queue.run(
        dequeue_timeout=timedelta(seconds=10), max_concurrent_tasks=_AT_ONCE, shutdown_on_listener_failure=True
    )


@asynccontextmanager
async def _queue(database: Database, handlers: Mapping[str, Handler]) -> AsyncIterator[PgQueuer]:
    connection = await database.connect()
    try:
        queue = PgQueuer.from_asyncpg_connection(connection)
        for name, handler in handlers.items():
            queue.entrypoint(name, executor_factory=_retrying)(partial(_perform, handler))
        yield queue
    finally:
        with suppress(*DATABASE_ERRORS):
            await connection.close(timeout=5)


def _retrying(parameters: object) -> DatabaseRetryEntrypointExecutor:
    return DatabaseRetryEntrypointExecutor(
        parameters,  # type: ignore[arg-type]
        max_attempts=MAX_ATTEMPTS,
        initial_delay=timedelta(seconds=5),
        max_delay=timedelta(hours=2),
        backoff_multiplier=4.0,
    )


async def _perform(handler: Handler, job: Job) -> None:
    attempt = Attempt(UUID((job.payload or b"").decode()), last=job.attempts >= MAX_ATTEMPTS)
    try:
        await handler(attempt)
    except Exception as error:
        logger.warning("jobs.failed", job=job.entrypoint, id=str(attempt.id), error=type(error).__name__)
        raise JobFailed(type(error).__name__) from None
