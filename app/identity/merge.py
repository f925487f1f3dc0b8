"""Several files that are one person's become one; `app.identity.undo` parts them again.

Whatever holds a customer's id moves, and then the merged files' rows are deleted: a reference that was forgotten would
make the database refuse the whole merge. Their ids live on as aliases.
"""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlmodel import SQLModel, select

from app.changes.models import ChangeType
from app.changes.service import tell
from app.core.errors import Conflict
from app.core.pagination import list_page
from app.customers import service as customers
from app.customers.models import Customer, CustomerAlias, CustomerStatus, IdentityEntry, Rule
from app.identity import pairs
from app.identity.fields import fields_of, fill
from app.identity.holding import hold_files
from app.identity.models import DuplicateSuggestion, Merge
from app.identity.references import Reference, move, references, take_out
from app.identity.schemas import MergeQuery
from app.interactions import parting

_ROWS = "SELECT id::text, to_jsonb(c)::text FROM customer AS c WHERE id = ANY (:ids)"

_DOUBLED = """
    WITH pair AS (
        SELECT (array_agg(i.id ORDER BY i.shared, i.customer_id <> :survivor_id))[1] AS kept,
               (array_agg(i.id ORDER BY i.shared, i.customer_id <> :survivor_id))[2] AS doubled,
               min(i.opted_out_at) AS opted_out_at
        FROM customer_identifier AS i
        WHERE i.customer_id IN (:survivor_id, :loser_id) AND i.released_at IS NULL
        GROUP BY i.kind, i.value HAVING count(*) > 1),
    released AS (
        UPDATE customer_identifier AS i SET released_at = now(), updated_at = now()
        FROM pair WHERE i.id = pair.doubled
        RETURNING i.id),
    opted_out AS (
        UPDATE customer_identifier AS i SET opted_out_at = pair.opted_out_at, updated_at = now()
        FROM pair WHERE i.id = pair.kept AND i.opted_out_at IS NULL AND pair.opted_out_at IS NOT NULL
        RETURNING i.id)
    SELECT json_build_object('kept', kept, 'doubled', doubled, 'released_at', now(),
                             'opted_out_at', CASE WHEN kept IN (TABLE opted_out) THEN opted_out_at END)::text
    FROM pair"""
"""Shared addresses that both have: one is enough, and stays opted out if either was."""

_KNOWN = """
    SELECT j.id::text FROM identity_journal AS j
    JOIN customer_identifier AS i ON i.kind = j.identifier_kind AND i.value = j.identifier_value
    WHERE j.customer_id = :survivor_id AND i.customer_id = :loser_id AND i.released_at IS NULL"""
"""What an address brought to the survivor before it was the other one's."""


async def merge(
    session: AsyncSession,
    survivor_id: UUID,
    customer_ids: Sequence[UUID],
    *,
    actor: str | None,
    automatic: bool = False,
) -> Merge:
    """Merge these files into the survivor's. Call it in a transaction that holds no locks yet."""
    survivor, *losers = await hold_files(session, [survivor_id, *customer_ids])
    _check([survivor_id, *customer_ids], [survivor, *losers])
    before, rows = fields_of(survivor), await _rows(session, losers)
    contact = survivor.model_dump(mode="json", include={"first_contact_at", "last_contact_at"})
    fill(survivor, losers)
    survivor.version += 1
    made = Merge(
        survivor_id=survivor.id, customer_ids=[str(each.id) for each in losers], actor=actor, automatic=automatic
    )
    trace: dict[str, Any] = {"before": before, "after": fields_of(survivor), "contact": contact, "losers": {}}
    session.add(_entry(survivor, made))
    await session.flush()
    trace["pairs"] = await pairs.settle(session, survivor.id, {each.id for each in losers})
    for loser in losers:
        trace["losers"][str(loser.id)] = {"row": rows[str(loser.id)]} | await _take_over(session, survivor.id, loser.id)
        await _replace(session, survivor.id, loser)
    made.trace, made.moved = trace, _counts(trace)
    session.add(made)
    told = {each: str(survivor.id) for each in made.customer_ids}
    tell(session, ChangeType.customer_merged, survivor.id, survivor.id, merge_id=str(made.id), customer_ids=told)
    await session.flush()
    await customers.seek_duplicates(session, survivor.id, *(UUID(each) for each in made.customer_ids))
    return made


async def merge_files(
    session: AsyncSession, survivor_id: UUID, customer_ids: Sequence[UUID], *, actor: str, dry_run: bool
) -> dict[str, Any]:
    """The surviving customer, and how many rows moved. A dry run does all of it, and takes it back."""
    savepoint = await session.begin_nested()
    made = await merge(session, survivor_id, customer_ids, actor=actor)
    survivor = await customers.get(session, made.survivor_id)
    await session.refresh(survivor, ["version", "updated_at", "identifiers", "aliases"])
    shown = survivor.model_dump() | {"identifiers": list(survivor.identifiers), "merged_ids": survivor.merged_ids}
    shown |= {"merge_id": None if dry_run else made.id, "moved": made.moved}
    await (savepoint.rollback() if dry_run else savepoint.commit())
    return shown


async def list_merges(session: AsyncSession, query: MergeQuery) -> dict[str, Any]:
    statement = select(Merge).options(defer(Merge.trace))  # type: ignore[arg-type]
    if query.customer_id is not None:
        statement = statement.where(Merge.survivor_id == customers.current(query.customer_id))
    if query.status is not None:
        statement = statement.where(Merge.status == query.status)
    return await list_page(session, statement, query, Merge.id)


def _check(given: Sequence[UUID], found: Sequence[Customer]) -> None:
    ids = [customer.id for customer in found]
    if len(set(given)) < len(given):
        raise Conflict("A file cannot be merged with itself.", code="same_customer")
    if len(set(ids)) < len(ids):
        raise Conflict("These files are one already.", code="already_merged")
    if any(customer.status is CustomerStatus.anonymized for customer in found):
        raise Conflict("An anonymized customer cannot be merged.", code="anonymized")
    if len({customer.kind for customer in found}) > 1:
        raise Conflict("A person and an organisation are not one customer.", code="different_kinds")


async def _rows(session: AsyncSession, losers: Sequence[Customer]) -> dict[str, Any]:
    found = await session.execute(text(_ROWS), {"ids": [each.id for each in losers]})
    return {id_: json.loads(row) for id_, row in found}


async def _take_over(session: AsyncSession, survivor_id: UUID, loser_id: UUID) -> dict[str, Any]:
    """Give the survivor all that is the loser's; what has to be known to give it back."""
    ids = {"survivor_id": survivor_id, "loser_id": loser_id}
    taken: dict[str, Any] = {
        "known": list(await session.scalars(text(_KNOWN), ids)),
        "doubled": [json.loads(each) for each in await session.scalars(text(_DOUBLED), ids)],
        "closed": await parting.close_older(session, survivor_id, loser_id),
        "removed": {},
        "moved": {},
    }
    for reference in moving():
        removed = await take_out(session, reference, loser_id, survivor_id)
        keys = await move(session, reference, loser_id, survivor_id)
        taken["removed"].setdefault(reference.table.name, []).extend(removed)
        taken["moved"][reference.name] = keys
    return taken


def moving() -> list[Reference]:
    """All but the suggested duplicates, which have rules of their own (`app.identity.pairs`)."""
    return [each for each in references(SQLModel.metadata) if each.table.name != DuplicateSuggestion.__tablename__]


async def _replace(session: AsyncSession, survivor_id: UUID, loser: Customer) -> None:
    session.expunge(loser)
    await session.execute(text("DELETE FROM customer WHERE id = :id"), {"id": loser.id})
    session.add(CustomerAlias(id=loser.id, customer_id=survivor_id))
    await session.flush()


def _entry(survivor: Customer, made: Merge) -> IdentityEntry:
    details = {"merge_id": str(made.id), "customer_ids": made.customer_ids}
    return IdentityEntry(customer_id=survivor.id, rule=Rule.merged, actor=made.actor, details=details)


def _counts(trace: dict[str, Any]) -> dict[str, int]:
    """How many rows of each table moved."""
    counts: dict[str, int] = {}
    for taken in trace["losers"].values():
        for name, keys in taken["moved"].items():
            table = name.split(".")[0]
            counts[table] = counts.get(table, 0) + len(keys)
    return {table: count for table, count in counts.items() if count}
