"""Touches told by other systems: one by one, or ten thousand at a time."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import Principal
from app.core import batches
from app.core.db import now
from app.core.errors import AppError, FieldError, Gone
from app.customers.addresses import normalised
from app.identity.claiming import refusals
from app.ingest.filing import Filed, Prepared, Touch, file, file_prepared
from app.ingest.schemas import InteractionCreate, PartyWrite
from app.ingest.service import Intake
from app.interactions import service as interactions
from app.messages import Channel, Confidence, Direction, Identifier, InteractionKind, InteractionStatus, Party
from app.text.identifiers import InvalidIdentifier, normalise, withheld
from app.text.languages import guess_language

_CHUNK = 1000
"""Lines to a statement: their round trip costs nothing then, and locks are held for some 50 ms."""

_KINDS = {
    Channel.voice: InteractionKind.call,
    Channel.visit: InteractionKind.visit,
    Channel.letter: InteractionKind.letter,
    Channel.web_form: InteractionKind.form,
}


async def record(
    session: AsyncSession, intake: Intake, caller: Principal, body: InteractionCreate
) -> tuple[dict[str, Any], bool]:
    """The interaction as the API shows it, and whether it is new."""
    (filed,) = await file(intake.database, [_touch(intake, caller, body, now())], intake.window)
    if filed.erased:
        raise Gone("This interaction was erased.", code="erased")
    if filed.interaction_id is None:
        async with intake.database.hot() as connection:
            raise (await refusals(connection, [body.customer_id]))[body.customer_id]
    return await interactions.get_whole(session, filed.interaction_id), filed.created


async def record_batch(intake: Intake, caller: Principal, document: bytes) -> dict[str, Any]:
    """NDJSON, a touch a line: each recorded or rejected for itself.

    Each chunk of lines is a transaction of its own. A batch that was cut off and is sent again records nothing twice,
    as long as its lines have external ids.
    """
    chunks = batches.chunks_of(document, _CHUNK)
    results: list[dict[str, Any]] = []
    async with intake.database.bulk() as connection:
        # While the database files one chunk, the next one is read.
        reading = asyncio.create_task(asyncio.to_thread(_read_chunk, intake, caller, chunks[0] if chunks else []))
        for following in [*chunks[1:], []]:
            chunk = await reading
            reading = asyncio.create_task(asyncio.to_thread(_read_chunk, intake, caller, following))
            results += await _file_chunk(connection, chunk)
    return batches.summed_up(results)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Lines that were read."""

    touches: Mapping[int, Touch]
    """By the number of their line."""
    prepared: Prepared
    rejected: dict[int, dict[str, Any]]
    """What is wrong with the other lines, by number."""


def _read_chunk(intake: Intake, caller: Principal, lines: Iterable[batches.NumberedLine]) -> _Chunk:
    received_at = now()
    touches, rejected = batches.read_lines(
        lines, lambda line: _touch(intake, caller, batches.read_as(InteractionCreate, line), received_at)
    )
    return _Chunk(touches, Prepared.of(list(touches.values()), intake.window), rejected)


async def _file_chunk(connection: asyncpg.Connection, chunk: _Chunk) -> list[dict[str, Any]]:
    filed = await file_prepared(connection, chunk.prepared) if chunk.touches else []
    told = [(touch.customer_id, each) for touch, each in zip(chunk.touches.values(), filed, strict=True)]
    refused = [customer_id for customer_id, each in told if each.interaction_id is None]
    reasons = await refusals(connection, refused) if refused else {}
    results = [_result(each, reasons.get(customer_id)) for customer_id, each in told]
    return batches.in_order(chunk.rejected | dict(zip(chunk.touches, results, strict=True)))


def _result(filed: Filed, refusal: AppError | None) -> dict[str, Any]:
    if filed.erased:
        return batches.rejected("erased", [FieldError(field="external_id", message="this interaction was erased")])
    if filed.interaction_id is None and refusal is not None:
        return batches.rejected(refusal.code, [FieldError(field="customer_id", message=refusal.detail)])
    status = "created" if filed.created else "known"
    return {"status": status, "id": filed.interaction_id, "customer_id": filed.customer_id}


def _touch(intake: Intake, caller: Principal, body: InteractionCreate, received_at: datetime) -> Touch:
    inbound = body.direction is Direction.inbound
    party, identifiers = _party(intake, body.party)
    return Touch(
        channel=body.channel,
        direction=body.direction,
        kind=body.kind or _KINDS.get(body.channel, InteractionKind.message),
        status=body.status or (InteractionStatus.received if inbound else InteractionStatus.sent),
        source=body.source,
        external_id=body.external_id,
        message_id=_message_id(body),
        occurred_at=body.occurred_at or received_at,
        received_at=received_at,
        party=party,
        us=_our_end(intake, body.us),
        identifiers=() if body.customer_id else identifiers,
        customer_id=body.customer_id,
        digests=intake.digests,
        policies=intake.policies.current,
        actor=caller.id,
        subject=body.subject,
        text=body.text,
        language=guess_language(body.text),
        agent=body.agent,
        duration_s=body.duration_s,
        location=body.location,
        attributes=body.attributes,
    )


def _message_id(body: InteractionCreate) -> str | None:
    """An e-mail's external id that looks like a Message-ID is one: replies through any source refer to it."""
    if body.channel is not Channel.email or body.external_id is None or "@" not in body.external_id:
        return None
    return body.external_id.strip("<> ")


def _party(intake: Intake, told: PartyWrite | None) -> tuple[Party | None, list[Identifier]]:
    """The customer's end, and the identifier it gives; none where the number was withheld or identifies nobody."""
    if told is None:
        return None, []
    if withheld(told.value):
        return Party(told.kind, told.value.strip(), told.name), []
    value = normalised(told.kind, told.value, told.region or intake.default_region, field="from.value or to.value")
    party = Party(told.kind, value, told.name)
    if intake.policies.current.is_blocked(told.kind, value):
        return party, []
    return party, [Identifier(told.kind, value, told.value, Confidence.stated)]


def _our_end(intake: Intake, told: PartyWrite | None) -> Party | None:
    """Our address: canonical where a rule can read it; a short code stays as written."""
    if told is None:
        return None
    try:
        return Party(told.kind, normalise(told.kind, told.value, told.region or intake.default_region), told.name)
    except InvalidIdentifier:
        return Party(told.kind, told.value.strip(), told.name)
