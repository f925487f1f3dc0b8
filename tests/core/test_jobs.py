"""Background work: done because the transaction that wanted it was committed, tried again, and never lost."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.db import Database
from app.core.embedded import EmbeddedPostgres
from app.core.ids import uuid7
from app.core.jobs import ENQUEUE, FORGET_LOG, MAX_ATTEMPTS, Attempt, Handler, drain, work

ONE = f"{ENQUEUE} SELECT 0, 'queued', 'note', convert_to(:id, 'UTF8')"


@pytest.fixture
def database(served: FastAPI) -> Database:
    database: Database = served.state.database
    return database


class Notes:
    """A handler that notes what it is given, after failing so many times."""

    def __init__(self, failures: int = 0) -> None:
        self.done: list[UUID] = []
        self.tried: list[Attempt] = []
        self.failures = failures

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return {"note": self.note}

    async def note(self, attempt: Attempt) -> None:
        self.tried.append(attempt)
        if len(self.tried) <= self.failures:
            raise ValueError("what a customer wrote")
        self.done.append(attempt.id)


async def enqueue(database: Database, job_id: UUID | None = None) -> UUID:
    job_id = job_id or uuid7()
    async with database.session() as session:
        await session.execute(text(ONE), {"id": str(job_id)})
    return job_id


async def make_due(database: Database) -> None:
    """Time passes."""
    async with database.session() as session:
        await session.execute(text("UPDATE pgqueuer SET execute_after = now()"))


async def count(database: Database, table: str) -> int:
    async with database.session() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608


@asynccontextmanager
async def working(database: Database, notes: Notes) -> AsyncIterator[None]:
    worker = asyncio.create_task(work(database, notes.handlers))
    try:
        yield
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


async def until_done(notes: Notes, *job_ids: UUID) -> None:
    async with asyncio.timeout(20):
        while not set(job_ids) <= set(notes.done):  # noqa: ASYNC110  the worker does not tell
            await asyncio.sleep(0.02)


async def test_jobs_that_are_due_are_done_once(database: Database) -> None:
    notes = Notes()
    job_ids = [await enqueue(database) for _ in range(30)]
    await drain(database, notes.handlers)
    await drain(database, notes.handlers)
    assert sorted(notes.done) == sorted(job_ids)
    assert await count(database, "pgqueuer") == 0


async def test_where_nothing_is_due_nothing_is_done(database: Database) -> None:
    notes = Notes()
    await drain(database, notes.handlers)
    assert notes.tried == []


async def test_a_job_of_a_transaction_that_is_rolled_back_is_none(database: Database) -> None:
    notes = Notes()
    async with database.session() as session:
        await session.execute(text(ONE), {"id": str(uuid7())})
        await session.rollback()
    await drain(database, notes.handlers)
    assert notes.tried == []


async def test_jobs_nobody_here_can_do_are_left_to_others(database: Database) -> None:
    notes = Notes()
    await enqueue(database)
    await drain(database, {"another": notes.note})
    assert (notes.tried, await count(database, "pgqueuer")) == ([], 1)


async def test_a_failing_job_is_tried_again_later_not_at_once(database: Database) -> None:
    notes = Notes(failures=1)
    job_id = await enqueue(database)
    await drain(database, notes.handlers)
    await drain(database, notes.handlers)
    assert (len(notes.tried), notes.done) == (1, [])
    await make_due(database)
    await drain(database, notes.handlers)
    assert notes.done == [job_id]


async def test_pauses_grow_to_hours(database: Database) -> None:
    notes = Notes(failures=99)
    await enqueue(database)
    pauses = []
    for _ in range(MAX_ATTEMPTS):
        await drain(database, notes.handlers)
        async with database.session() as session:
            pauses.append(await session.scalar(text("SELECT extract(epoch FROM execute_after - now()) FROM pgqueuer")))
        await make_due(database)
    assert [round(float(pause or 0), -1) for pause in pauses[1:]] == [20, 80, 320, 1280, 5120, 7200, 7200]


async def test_the_last_attempt_knows_that_it_is_the_last(database: Database) -> None:
    notes = Notes(failures=99)
    await enqueue(database)
    for _ in range(MAX_ATTEMPTS + 3):
        await drain(database, notes.handlers)
        await make_due(database)
    assert [attempt.last for attempt in notes.tried] == [False] * MAX_ATTEMPTS + [True]
    assert await count(database, "pgqueuer") == 0


async def test_a_failing_job_holds_up_no_other(database: Database) -> None:
    notes = Notes(failures=1)
    for _ in range(3):
        await enqueue(database)
    await drain(database, notes.handlers)
    assert len(notes.done) == 2


async def test_what_a_failure_tells_of_customers_is_not_written_down(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    notes = Notes(failures=99)
    await enqueue(database)
    for _ in range(MAX_ATTEMPTS + 1):
        await drain(database, notes.handlers)
        await make_due(database)
    async with database.session() as session:
        written = await session.scalar(text("SELECT string_agg(l::text, '') FROM pgqueuer_log AS l"))
    assert "ValueError" in written
    assert "what a customer wrote" not in written + caplog.text


async def test_a_worker_does_jobs_as_they_come(database: Database) -> None:
    notes = Notes()
    early = await enqueue(database)
    async with working(database, notes):
        await until_done(notes, early)
        await until_done(notes, await enqueue(database))


async def test_a_worker_outlives_a_restart_of_its_database(database: Database, server: EmbeddedPostgres) -> None:
    notes = Notes()
    async with working(database, notes):
        await until_done(notes, await enqueue(database))
        await asyncio.to_thread(server.restart)
        await until_done(notes, await enqueue(database))


async def test_a_worker_outlives_a_crash_of_its_database(database: Database, server: EmbeddedPostgres) -> None:
    notes = Notes()
    async with working(database, notes):
        await until_done(notes, await enqueue(database))
        await asyncio.to_thread(server.restart, immediate=True)
        await until_done(notes, await enqueue(database))


async def test_two_workers_share_the_jobs(database: Database) -> None:
    notes = Notes()
    async with working(database, notes), working(database, notes):
        job_ids = [await enqueue(database) for _ in range(40)]
        await until_done(notes, *job_ids)
    assert len(notes.tried) == 40


async def test_what_became_of_jobs_is_forgotten_in_time(database: Database) -> None:
    notes = Notes()
    await enqueue(database)
    await drain(database, notes.handlers)
    async with database.session() as session:
        await session.execute(text(FORGET_LOG))
    kept = await count(database, "pgqueuer_log")
    assert kept > 0
    async with database.session() as session:
        await session.execute(text("UPDATE pgqueuer_log SET created = now() - interval '8 days'"))
        await session.execute(text(FORGET_LOG))
    assert await count(database, "pgqueuer_log") == 0
