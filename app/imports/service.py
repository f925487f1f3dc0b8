"""Imports: a file is kept, worked through chunk by chunk, and forgotten; what became of each row stays."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from app.core.db import Database, now
from app.core.errors import NotFound, Unprocessable
from app.core.ids import uuid7
from app.core.pagination import list_page
from app.core.storage import Storage
from app.customers.addresses import IdentifierPolicy
from app.imports import queries
from app.imports.files import OpenFile, format_of, open_file
from app.imports.mapping import unmapped
from app.imports.models import CustomerImport, ImportFormat, ImportStatus
from app.imports.reading import Person, Rules, read
from app.imports.schemas import ImportOptions, ImportQuery
from app.imports.writing import Overtaken, Writer

logger = structlog.get_logger()

RUN = "run_import"
"""The job."""
AT_ONCE = 5_000
"""Files of so many rows are done when the request is answered."""
_CHUNK = 1_000
RESCUE_AFTER_S = 120
_UNIQUE_MARK = b"onefile-import:%s\n"
"""Before the kept content: its key is its hash, and the file may also be somebody's attachment, which stays."""

Progress = Callable[[int], None]
"""Called with the rows done."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What imports need of their surroundings."""

    database: Database
    storage: Storage
    policy: IdentifierPolicy


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came."""

    content: bytes
    file_name: str | None
    content_type: str | None


async def take(desk: Desk, upload: Upload, options: ImportOptions, *, actor: str | None) -> CustomerImport:
    """Check and keep a file; a small one is imported when this returns, another in the background."""
    record, opened = await accept(desk, upload, options, actor=actor, alone=False)
    return await run(desk, record.id, opened) if record.row_count <= AT_ONCE else record


async def accept(
    desk: Desk, upload: Upload, options: ImportOptions, *, actor: str | None, alone: bool
) -> tuple[CustomerImport, OpenFile]:
    """Check the file, keep it, and see to it that it will be imported.

    `alone`: the caller runs it, however large, and the job only steps in where the caller dies meanwhile.
    """
    form = options.format or format_of(upload.content, file_name=upload.file_name, content_type=upload.content_type)
    region = options.region or desk.policy.default_region
    opened, rows = await asyncio.to_thread(_inspect, upload.content, form, options, region)
    record = CustomerImport(
        format=form,
        file_name=upload.file_name,
        dry_run=options.dry_run,
        mapping=dict(opened.mapping),
        row_count=rows,
        options=options.model_dump(include={"overwrite", "source", "sheet"}) | {"region": region},
        actor=actor,
    )
    record.storage_key = await desk.storage.put(_UNIQUE_MARK % str(record.id).encode() + upload.content)
    async with desk.database.session() as session:
        session.add(record)
        await session.flush()
        await enqueue(session, RUN, record.id, pause=RESCUE_AFTER_S if alone or rows <= AT_ONCE else 0)
    return record, opened


async def run(
    desk: Desk, import_id: UUID, opened: OpenFile | None = None, *, progress: Progress | None = None
) -> CustomerImport:
    """Work through what is left of an import."""
    record = await get(desk, import_id)
    if record.status is ImportStatus.running:
        if record.dry_run and record.done:
            record = await _begin_again(desk, import_id)  # what the earlier rows would have made was only in memory
        opened = opened or await _reopen(desk, record)
        try:
            await _work_through(desk, record, opened, progress)
        except Overtaken:
            return await get(desk, import_id)
        await _close(desk, import_id, ImportStatus.finished)
    return await _forget_file(desk, import_id)


async def fail(desk: Desk, import_id: UUID, why: str) -> None:
    """Give an import up; what it has done stays, and can be undone."""
    await _close(desk, import_id, ImportStatus.failed, why)
    await _forget_file(desk, import_id)


async def get(desk: Desk, import_id: UUID) -> CustomerImport:
    async with desk.database.session() as session:
        return await find(session, import_id)


async def find(session: AsyncSession, import_id: UUID) -> CustomerImport:
    record = await session.get(CustomerImport, import_id)
    if record is None:
        raise NotFound("No import has this id.")
    return record


async def list_imports(session: AsyncSession, query: ImportQuery) -> dict[str, Any]:
    statement = select(CustomerImport)
    if query.status is not None:
        statement = statement.where(CustomerImport.status == query.status)
    page = await list_page(session, statement, query, CustomerImport.id)
    return page | {"items": [show(record) for record in page["items"]]}


def show(record: CustomerImport) -> dict[str, Any]:
    shown = record.model_dump(exclude={"row_count", "storage_key", "actor"})
    return shown | {"rows": record.row_count, "unmapped": unmapped(record.mapping)}


async def _work_through(desk: Desk, record: CustomerImport, opened: OpenFile, progress: Progress | None) -> None:
    """One chunk is read while the database takes in the one before."""
    await desk.policy.book.refresh()
    rules = Rules(record.options["region"], desk.policy.kinds)
    chunks = _chunks(opened, record.done, rules)
    writer = Writer(desk.database, record, desk.policy)
    done = record.done
    people = await asyncio.to_thread(next, chunks, None)
    while people:
        writing = asyncio.create_task(writer.write(people, done))
        following = await asyncio.to_thread(next, chunks, None)
        await writing
        done += len(people)
        people = following
        if progress is not None:
            progress(done)


def _chunks(opened: OpenFile, done: int, rules: Rules) -> Iterator[list[Person]]:
    at = now()
    records = itertools.islice(opened.records(), done, None)
    while chunk := [read(each, rules, at) for each in itertools.islice(records, _CHUNK)]:
        yield chunk


def _inspect(content: bytes, form: ImportFormat, options: ImportOptions, region: str | None) -> tuple[OpenFile, int]:
    opened = open_file(content, form, options, region)
    rows = opened.count()
    if not rows:
        raise Unprocessable("The file holds no customers.", code="unreadable_file")
    return opened, rows


async def _reopen(desk: Desk, record: CustomerImport) -> OpenFile:
    content = (await desk.storage.get(record.storage_key or "")).partition(b"\n")[2]
    options = ImportOptions(sheet=record.options["sheet"], source=record.options["source"])
    opened = await asyncio.to_thread(open_file, content, record.format, options, record.options["region"])
    return replace(opened, mapping=record.mapping)


async def _begin_again(desk: Desk, import_id: UUID) -> CustomerImport:
    async with desk.database.session() as session:
        await session.execute(text("DELETE FROM import_row WHERE import_id = :id"), {"id": import_id})
        record = await find(session, import_id)
        record.done, record.counts = 0, {}
    return record


async def _close(desk: Desk, import_id: UUID, status: ImportStatus, why: str | None = None) -> None:
    async with desk.database.session() as session:
        record = await session.get(CustomerImport, import_id, with_for_update=True)
        if record is not None and record.status is ImportStatus.running:
            record.status, record.failure, record.finished_at = status, why, now()
            if not record.dry_run:
                for statement in queries.SEEK_DUPLICATES:
                    await session.execute(text(statement), {"id": import_id, "scan_id": str(uuid7())})
            logger.info("imports.closed", import_id=str(import_id), status=status, rows=record.done)


async def _forget_file(desk: Desk, import_id: UUID) -> CustomerImport:
    """The file names people: it is not kept longer than it is needed."""
    record = await get(desk, import_id)
    if record.storage_key is not None:
        await desk.storage.remove(record.storage_key)
        async with desk.database.session() as session:
            record = await find(session, import_id)
            record.storage_key = None
    return record


async def enqueue(session: AsyncSession, job: str, import_id: UUID, *, pause: int = 0) -> None:
    await session.execute(text(queries.ENQUEUE_LATER), {"name": job, "id": str(import_id), "pause": pause})
