"""Everything we know of one person, to be handed to them: the rows of every table as JSON, files as files.

It is written to a temporary file first: nothing grows in memory, a failure is an error instead of half a file, and no
connection is held while somebody downloads slowly.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from tempfile import TemporaryFile
from typing import IO
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from sqlalchemy import ColumnElement, LargeBinary, Table, Text, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import StreamingResponse

from app.core.audit import Action, concerns
from app.core.db import now
from app.core.storage import Storage
from app.customers import service as customers
from app.ingest.models import InboundRequest
from app.interactions.models import Attachment, Interaction
from app.rights.subject import requests_of, tables_of

_CHUNK = 64 * 1024
_ROWS = 200
_NOT_HANDED_OUT = {("duplicate_suggestion", "reasons")}
"""These speak of the other person of the pair, too."""
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u200e\u200f\u202a-\u202e\u2066-\u2069]+')

_INDEX = {
    "customer.json": "every row that names this person, by table",
    "attachments/": "files that came with messages, under their attachment's id and name",
    "requests/": "what providers sent, as it came, under the inbound request's id; not those that name others too",
}


class ExportFormat(StrEnum):
    zip = "zip"
    json = "json"


async def export(session: AsyncSession, storage: Storage, customer_id: UUID, kind: ExportFormat) -> StreamingResponse:
    customer = await customers.get(session, customer_id)
    concerns(customer.id, Action.export)
    file = TemporaryFile()  # noqa: SIM115  closed when it is sent
    try:
        if kind is ExportFormat.json:
            await _write(file, _document(session, customer.id))
        else:
            await _package(session, storage, customer.id, file)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    headers = {
        "Content-Disposition": f'attachment; filename="customer-{customer.id}.{kind}"',
        "Content-Length": str(size),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_chunks(file), media_type=f"application/{kind}", headers=headers)


async def _package(session: AsyncSession, storage: Storage, customer_id: UUID, file: IO[bytes]) -> None:
    at = now()
    missing: list[str] = []
    with ZipFile(file, "w") as package:
        await _add(package, "customer.json", at, _document(session, customer_id))
        async for attachment_id, name, key in _files(session, customer_id):
            try:
                await _add(package, f"attachments/{attachment_id}-{safe(name)}", at, storage.read(key), packed=True)
            except FileNotFoundError:
                missing.append(str(attachment_id))
        async for request_id, body in _bodies(session, customer_id):
            await _add(package, f"requests/{request_id}", at, _once(body))
        index = {"customer_id": str(customer_id), "exported_at": at.isoformat(), "contents": _INDEX}
        await _add(package, "index.json", at, _once(json.dumps(index | {"missing_attachments": missing}).encode()))


async def _add(
    package: ZipFile, name: str, at: datetime, content: AsyncIterator[bytes], *, packed: bool = False
) -> None:
    """`packed`: what is compressed already, as media mostly is. The first chunk comes before the entry is begun."""
    first = await anext(content, b"")
    entry = ZipInfo(name, at.timetuple()[:6])
    entry.compress_type = ZIP_STORED if packed else ZIP_DEFLATED
    with package.open(entry, "w", force_zip64=True) as member:
        await asyncio.to_thread(member.write, first)
        await _write(member, content)


async def _write(file: IO[bytes], content: AsyncIterator[bytes]) -> None:
    async for chunk in content:
        await asyncio.to_thread(file.write, chunk)


async def _document(session: AsyncSession, customer_id: UUID) -> AsyncIterator[bytes]:
    """The rows of every table as one JSON object, in chunks."""
    head = {"customer_id": str(customer_id), "exported_at": now().isoformat()}
    yield json.dumps(head).encode()[:-1] + b', "tables": {'
    for number, (table, condition) in enumerate([*tables_of(customer_id), _requests(customer_id)]):
        yield (", " if number else "").encode() + json.dumps(table.name).encode() + b": ["
        waiting, first = bytearray(), True
        async for row in _rows(session, table, condition):
            waiting += (b"\n" if first else b",\n") + row.encode()
            first = False
            if len(waiting) >= _CHUNK:
                yield bytes(waiting)
                waiting.clear()
        yield bytes(waiting) + b"]"
    yield b"}}\n"


def _requests(customer_id: UUID) -> tuple[Table, ColumnElement[bool]]:
    return InboundRequest.__table__, requests_of(customer_id)  # type: ignore[attr-defined]


async def _rows(session: AsyncSession, table: Table, condition: ColumnElement[bool]) -> AsyncIterator[str]:
    shown = [
        column
        for column in table.columns
        if not isinstance(column.type, LargeBinary | TSVECTOR) and (table.name, column.name) not in _NOT_HANDED_OUT
    ]
    part = select(*shown).where(condition).order_by(*table.primary_key.columns).subquery("part")
    statement = select(cast(func.row_to_json(literal_column("part")), Text)).select_from(part)
    rows = await session.stream_scalars(statement, execution_options={"yield_per": _ROWS})
    async for row in rows:
        yield row


async def _files(session: AsyncSession, customer_id: UUID) -> AsyncIterator[tuple[UUID, str, str]]:
    statement = (
        select(Attachment.id, Attachment.name, Attachment.storage_key)  # type: ignore[call-overload]
        .join(Interaction, Interaction.id == Attachment.interaction_id)
        .where(Interaction.customer_id == customer_id, Attachment.state == "stored")
        .order_by(Attachment.id)
    )
    rows = await session.stream(statement, execution_options={"yield_per": _ROWS})
    async for attachment_id, name, key in rows:
        yield attachment_id, name or "", key


async def _bodies(session: AsyncSession, customer_id: UUID) -> AsyncIterator[tuple[UUID, bytes]]:
    statement = select(InboundRequest.id, InboundRequest.body).where(requests_of(customer_id))  # type: ignore[call-overload]
    rows = await session.stream(statement.order_by(InboundRequest.id), execution_options={"yield_per": 1})
    async for request_id, body in rows:
        yield request_id, body


def safe(name: str) -> str:
    """A name any system can store, and none takes for a path, however it was meant."""
    tail = name.replace("\\", "/").rpartition("/")[2]
    return _UNSAFE.sub("_", tail).strip(" .")[-100:] or "file"


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
    finally:
        file.close()
