"""Taking an import back, row by row, as far as nothing has come of it since.

Customers it created go, unless something refers to them or somebody changed them; of customers it filled in, each field
goes back that still says what the row said, and each address is released that was not used. The rest stays, and its
rows say so.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from app.core.db import locked
from app.core.errors import Conflict
from app.core.ids import uuid7
from app.imports import queries
from app.imports.formats.base import reason
from app.imports.models import CustomerImport, ImportStatus
from app.imports.planning import Subject
from app.imports.service import AT_ONCE, RESCUE_AFTER_S, Desk, enqueue, find, get
from app.imports.writing import subjects_of, values_of

UNDO = "undo_import"
"""The job."""
_CHUNK = 500

Settled = dict[int, dict[str, Any]]
"""By line: `{"undone": …, "reasons": […]}`."""


async def undo(desk: Desk, import_id: UUID) -> CustomerImport:
    """Take an import back; a small one at once, another in the background."""
    async with desk.database.session() as session:
        record = await find(session, import_id)
        await session.refresh(record, with_for_update=True)
        if record.dry_run:
            raise Conflict("A dry run changed nothing.", code="dry_run")
        if record.status not in (ImportStatus.finished, ImportStatus.failed):
            raise Conflict(f"This import is {record.status}.", code=f"import_{record.status}")
        record.status = ImportStatus.undoing
        small = record.done <= AT_ONCE
        await enqueue(session, UNDO, import_id, pause=RESCUE_AFTER_S if small else 0)
    return await run(desk, import_id) if small else record


async def run(desk: Desk, import_id: UUID) -> CustomerImport:
    """Take back what is left of it."""
    record = await get(desk, import_id)
    if record.status is not ImportStatus.undoing:
        return record
    for result in ("created", "updated"):
        while await _take_chunk(desk, import_id, result):
            pass
    async with desk.database.session() as session:
        record = await find(session, import_id)
        record.status = ImportStatus.undone
    return record


async def _take_chunk(desk: Desk, import_id: UUID, result: str) -> bool:
    async with desk.database.bulk() as connection, locked(connection, []):
        await connection.execute(queries.HOLD_IMPORT, import_id)
        rows = await connection.fetch(queries.NOT_UNDONE, import_id, result, _CHUNK)
        if not rows:
            return False
        take = _delete if result == "created" else _restore
        settled = await take(connection, import_id, rows)
        told = [{"line": line, **outcome} for line, outcome in settled.items()]
        await connection.execute(queries.SETTLE, import_id, json.dumps(told, ensure_ascii=False))
        return True


async def _delete(connection: asyncpg.Connection, import_id: UUID, rows: Sequence[asyncpg.Record]) -> Settled:
    ids = [row["customer_id"] for row in rows]
    untouched = {row["id"] for row in await connection.fetch(queries.UNTOUCHED, import_id, ids)}
    deleted = await _delete_unused(connection, sorted(untouched))
    return {row["line"]: _deleted() if row["customer_id"] in deleted else _kept("in_use") for row in rows}


async def _delete_unused(connection: asyncpg.Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Delete customers that nothing else refers to: the foreign keys know what does."""
    if not ids:
        return set()
    try:
        async with locked(connection, []):
            for statement in queries.DELETE:
                await connection.execute(statement, ids)
    except asyncpg.ForeignKeyViolationError:
        if len(ids) == 1:
            return set()
        half = len(ids) // 2
        return await _delete_unused(connection, ids[:half]) | await _delete_unused(connection, ids[half:])
    return set(ids)


async def _restore(connection: asyncpg.Connection, import_id: UUID, rows: Sequence[asyncpg.Record]) -> Settled:
    subjects = await subjects_of(connection, {row["customer_id"] for row in rows})
    untouched = {row["id"] for row in await connection.fetch(queries.UNTOUCHED, import_id, list(subjects))}
    merged = dict(await connection.fetch(queries.ALIASES, [row["customer_id"] for row in rows]))
    released = await _release(connection, rows)
    settled: Settled = {}
    for row in rows:
        subject = subjects.get(row["customer_id"])
        if subject is None:
            settled[row["line"]] = _kept("merged") if row["customer_id"] in merged else _deleted()
            continue
        changes = json.loads(row["changes"])
        left = _put_back(subject, changes.get("fields", {}), is_untouched=subject.id in untouched)
        added = {UUID(each) for each in changes.get("identifiers", ())}
        if added & released:
            subject.changed.add("identifiers")
        left += ["identifiers"] * bool(added - released)
        settled[row["line"]] = _kept("changed_since", left) if left else {"undone": "restored", "reasons": []}
    await _write(connection, [subject for subject in subjects.values() if subject.changed])
    return settled


def _put_back(subject: Subject, fields: dict[str, list[Any]], *, is_untouched: bool) -> list[str]:
    """Give each field its value from before; the names of those that say something else by now."""
    left = []
    for name, (before, after) in fields.items():
        column, _, part = name.partition(".")
        held = subject.values[column]
        now_said = held.get(part) if part else str(held) if isinstance(held, UUID) else held
        # Whoever changed an active file since knows the customer: it does not become a stranger's again.
        if now_said != after or (name == "status" and not is_untouched):
            left.append(name)
            continue
        subject.changed.add(column)
        if not part:
            subject.values[column] = UUID(before) if column == "organization_id" and before else before
        elif before is None:
            subject.values[column] = {key: value for key, value in held.items() if key != part}
        else:
            subject.values[column] = held | {part: before}
    return left


async def _release(connection: asyncpg.Connection, rows: Iterable[asyncpg.Record]) -> set[UUID]:
    added: dict[UUID, list[UUID]] = defaultdict(list)
    for row in rows:
        added[row["customer_id"]] += [UUID(each) for each in json.loads(row["changes"]).get("identifiers", ())]
    told = [
        {"id": str(identifier_id), "customer_id": str(customer_id), "entry": str(uuid7())}
        for customer_id, identifiers in added.items()
        for identifier_id in identifiers
    ]
    return {row["id"] for row in await connection.fetch(queries.RELEASE, json.dumps(told))} if told else set()


async def _write(connection: asyncpg.Connection, subjects: Sequence[Subject]) -> None:
    if not subjects:
        return
    await connection.execute(queries.UPDATE, json.dumps([values_of(subject) for subject in subjects]))
    told = [{"id": str(subject.id), "fields": sorted(subject.changed - {"identifiers"})} for subject in subjects]
    await connection.execute(queries.TELL_UPDATED, json.dumps(told))


def _deleted() -> dict[str, Any]:
    return {"undone": "deleted", "reasons": []}


def _kept(code: str, fields: Iterable[str] = ()) -> dict[str, Any]:
    message = "Something has come of it since: this stays."
    return {"undone": "kept", "reasons": [reason(code, message, field) for field in fields] or [reason(code, message)]}
