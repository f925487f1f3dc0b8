"""Whose is it? For rooms that file something else than messages: found, held, and opened where nobody is known."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import AppError, Conflict, FieldError, NotFound
from app.customers import service as customers
from app.identity.findings import Findings
from app.identity.queries import brought
from app.identity.resolution import Resolution, resolve
from app.identity.senders import Sender
from app.interactions.queries import BROUGHT_CHANGES

_HOLD = """
    SELECT c.id, c.status FROM customer AS c
    WHERE c.id IN (
        SELECT coalesce(a.customer_id, given.id)
        FROM unnest($1::uuid[]) AS given(id) LEFT JOIN customer_alias AS a USING (id)
        UNION ALL
        SELECT i.customer_id FROM unnest($2::text[], $3::text[]) AS s(kind, value)
        JOIN customer_identifier AS i
          ON i.kind = s.kind AND i.value = s.value AND i.released_at IS NULL AND NOT i.shared)
    ORDER BY c.id FOR NO KEY UPDATE OF c"""
"""All in one order, given ones and owners alike, or two batches wait for each other."""

_FATES = """
    SELECT given.id, coalesce(a.customer_id, given.id) AS customer_id, e.id IS NOT NULL AS is_erased, c.status
    FROM unnest($1::uuid[]) AS given(id)
    LEFT JOIN customer_alias AS a USING (id)
    LEFT JOIN customer AS c ON c.id = coalesce(a.customer_id, given.id)
    LEFT JOIN erased_customer AS e ON e.id = given.id"""

_BRING = f"""
    WITH fresh AS (SELECT unnest($1::uuid[]) AS customer_id),{brought(2)}
    INSERT INTO change (type, customer_id, subject_id, data, at) {BROUGHT_CHANGES}"""

_UNKNOWN = [FieldError(field="customer_id", message="no customer has this id")]


@dataclass(frozen=True, slots=True)
class Claims:
    """For each asked, in order, whose it is, or why it can be nobody's, and what decided about a sender; `findings` are
    for `bring` to write."""

    found: Sequence[tuple[UUID | AppError, Resolution | None]]
    findings: Findings


async def claim(session: AsyncSession, asked: Sequence[UUID | Sender]) -> Claims:
    """The files of these customers (ids of merged ones lead to the survivor) and senders, held until the end of the
    transaction. Call it while holding `app.identity.senders.lock_keys` of the senders."""
    connection = await _driver(session)
    senders = [each for each in asked if isinstance(each, Sender)]
    given = await _hold(connection, [each for each in asked if isinstance(each, UUID)], senders)
    resolutions, findings = await resolve(connection, senders) if senders else ([], Findings())
    of_senders = iter(resolutions)
    found: list[tuple[UUID | AppError, Resolution | None]] = []
    for each in asked:
        if isinstance(each, UUID):
            found.append((given[each], None))
        else:
            resolution = next(of_senders)
            found.append((resolution.customer_id, resolution))
    return Claims(found, findings)


async def refusals(connection: asyncpg.Connection, given: Sequence[UUID | None]) -> dict[UUID | None, AppError]:
    """Why nothing could be filed under these customers."""
    return {fate["id"]: _refusal(fate, fate["status"]) for fate in await connection.fetch(_FATES, given)}


async def bring(session: AsyncSession, findings: Findings, customer_ids: Collection[UUID]) -> None:
    """Open the files and add the identifiers that were found for these customers."""
    if any(findings.brought):
        connection = await _driver(session)
        await connection.execute(_BRING, list(customer_ids), *map(json.dumps, findings.brought))


async def _hold(
    connection: asyncpg.Connection, given: Sequence[UUID], senders: Sequence[Sender]
) -> dict[UUID, UUID | AppError]:
    addresses = [(each.kind, each.value) for sender in senders for each in sender.identifiers]
    kinds, values = [kind for kind, _ in addresses], [value for _, value in addresses]
    held = {row["id"]: row["status"] for row in await connection.fetch(_HOLD, given, kinds, values)}
    fates = {row["id"]: row for row in await connection.fetch(_FATES, given)}
    if any(fate["customer_id"] not in held and fate["customer_id"] != fate["id"] for fate in fates.values()):
        return await _hold(connection, given, senders)  # merged while we waited for it
    return {each: _whose(fate, held) for each, fate in fates.items()}


def _whose(fate: asyncpg.Record, held: dict[UUID, str]) -> UUID | AppError:
    customer_id: UUID = fate["customer_id"]
    status = held.get(customer_id)
    if fate["is_erased"] or status is None or status == "anonymized":
        return _refusal(fate, status, errors=_UNKNOWN)
    return customer_id


def _refusal(fate: asyncpg.Record, status: str | None, errors: Sequence[FieldError] = ()) -> AppError:
    if fate["is_erased"]:
        return customers.absent(is_erased=True)
    if status is None:
        return NotFound("No customer has this id.", code="unknown_customer", errors=errors)
    return Conflict("Nothing can be filed under an anonymized customer.", code="anonymized")


async def _driver(session: AsyncSession) -> asyncpg.Connection:
    """The bare connection behind a session that has begun its transaction."""
    return (await (await session.connection()).get_raw_connection()).driver_connection
