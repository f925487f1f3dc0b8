"""Imports in the background, where a crash or a restart may interrupt them."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from app.core.db import now
from app.core.errors import AppError, NotFound
from app.core.jobs import Attempt, Handler
from app.imports import undo
from app.imports.models import ImportStatus
from app.imports.service import RUN, Desk, enqueue, fail, get, run

_AT_WORK = timedelta(seconds=60)
"""Whoever has not committed a chunk for so long is gone."""


def handlers(desk: Desk) -> Mapping[str, Handler]:
    return {RUN: partial(_run, desk), undo.UNDO: partial(_undo, desk)}


async def _undo(desk: Desk, attempt: Attempt) -> None:
    await undo.run(desk, attempt.id)


async def _run(desk: Desk, attempt: Attempt) -> None:
    try:
        record = await get(desk, attempt.id)
    except NotFound:
        return
    running = record.status is ImportStatus.running
    if running and record.done and now() - record.updated_at < _AT_WORK:
        async with desk.database.session() as session:
            await enqueue(session, RUN, attempt.id, pause=int(_AT_WORK.total_seconds()))
        return
    try:
        await run(desk, attempt.id)
    except (AppError, FileNotFoundError) as error:  # the file is not what it was: trying again changes nothing
        await fail(desk, attempt.id, type(error).__name__)
    except Exception as error:
        if not attempt.last:
            raise
        await fail(desk, attempt.id, type(error).__name__)
