"""What arrived in a merged file since: through whose addresses, by the identity journal."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Column, RowMapping, Table, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from app.customers.models import Rule
from app.identity.models import Merge
from app.identity.references import Reference, references
from app.interactions.models import Interaction

_ADDRESSES = """
    SELECT customer_id, kind, value FROM customer_identifier
    WHERE customer_id = ANY (:ids) AND (customer_id <> :survivor_id OR released_at IS NULL)"""

_SINCE = """
    SELECT interaction_id, CAST(details ->> 'feedback_id' AS uuid) AS feedback_id, identifier_kind, identifier_value,
           rule, created_at
    FROM identity_journal
    WHERE customer_id = :survivor_id AND identifier_kind IS NOT NULL AND id <> ALL (CAST(:known AS uuid[]))
      AND created_at > CAST(:merged_at AS timestamptz) - interval '1 hour'
    ORDER BY created_at, interaction_id IS NULL AND NOT details ? 'feedback_id', id"""
"""An hour more: what waited for the merge to end carries the time at which it began."""

_BY_HAND = """
    SELECT interaction_id FROM identity_journal
    WHERE customer_id = :survivor_id AND rule = 'refiled' AND interaction_id IS NOT NULL AND id > :merge_id"""

_GIVE = (
    """UPDATE interaction SET customer_id = :owner, version = version + 1, updated_at = now()
       WHERE id = ANY (:ids) AND customer_id = :survivor_id""",
    """UPDATE identity_journal SET customer_id = :owner, updated_at = now()
       WHERE interaction_id = ANY (:ids) AND customer_id = :survivor_id""",
)
_GIVE_ANSWERS = (
    """UPDATE feedback SET customer_id = :owner, version = version + 1, updated_at = now()
       WHERE id = ANY (:ids) AND customer_id = :survivor_id""",
    """UPDATE identity_journal SET customer_id = :owner, updated_at = now()
       WHERE CAST(details ->> 'feedback_id' AS uuid) = ANY (:ids) AND customer_id = :survivor_id""",
)
_GIVE_ADDRESS = (
    """UPDATE customer_identifier SET customer_id = :owner, updated_at = now()
       WHERE kind = :kind AND value = :value AND customer_id = :survivor_id""",
    """UPDATE identity_journal SET customer_id = :owner, updated_at = now()
       WHERE identifier_kind = :kind AND identifier_value = :value AND interaction_id IS NULL
         AND customer_id = :survivor_id AND created_at = :at""",
)


@dataclass
class _Arrivals:
    """Whose each address is; `interactions`, `answers` and `addresses` that came since, by owner."""

    owners: dict[tuple[str, str], UUID]
    interactions: dict[UUID, list[UUID]] = field(default_factory=dict)
    answers: dict[UUID, list[UUID]] = field(default_factory=dict)
    """Feedback that hangs on no interaction."""
    addresses: list[dict[str, Any]] = field(default_factory=list)


async def filed_by_hand(session: AsyncSession, merge: Merge) -> set[UUID]:
    """Interactions that somebody has filed under the survivor since."""
    parameters = {"survivor_id": merge.survivor_id, "merge_id": merge.id}
    return set(await session.scalars(text(_BY_HAND), parameters))


async def give_arrivals(session: AsyncSession, merge: Merge, by_hand: set[UUID]) -> None:
    """Call it when the files have their own rows again."""
    arrivals = _Arrivals(await _owners(session, merge))
    known = [UUID(id_) for taken in merge.trace["losers"].values() for id_ in taken["known"]]
    parameters = {"survivor_id": merge.survivor_id, "known": known, "merged_at": merge.created_at}
    entries = (await session.execute(text(_SINCE), parameters)).mappings().all()
    for _, together in groupby(entries, key=lambda entry: entry["created_at"]):
        _judge(arrivals, list(together))
    for owner in arrivals.interactions.keys() | arrivals.answers.keys():
        interactions = [each for each in arrivals.interactions.get(owner, ()) if each not in by_hand]
        await _give(session, merge.survivor_id, owner, interactions, arrivals.answers.get(owner, []))
    for address in arrivals.addresses:
        for statement in _GIVE_ADDRESS:
            await session.execute(text(statement), address | {"survivor_id": merge.survivor_id})


async def _owners(session: AsyncSession, merge: Merge) -> dict[tuple[str, str], UUID]:
    """The addresses of the merged files; one that is the survivor's, too, brings its messages to the survivor."""
    ids = [merge.survivor_id, *map(UUID, merge.customer_ids)]
    rows = (await session.execute(text(_ADDRESSES), {"ids": ids, "survivor_id": merge.survivor_id})).all()
    own = {(kind, value) for owner, kind, value in rows if owner == merge.survivor_id}
    return {(kind, value): owner for owner, kind, value in rows if (kind, value) not in own}


def _judge(arrivals: _Arrivals, together: Iterable[RowMapping]) -> None:
    """Entries of one transaction: messages and answers go where their address belongs, and a further address that came
    with messages of one owner alone is that owner's, too."""
    brought_by: set[UUID | None] = set()
    for entry in together:
        address = (entry["identifier_kind"], entry["identifier_value"])
        owner = arrivals.owners.get(address)
        if came := entry["interaction_id"] or entry["feedback_id"]:
            brought_by.add(owner)
            if owner is not None:
                arrived = arrivals.interactions if entry["interaction_id"] else arrivals.answers
                arrived.setdefault(owner, []).append(came)
        elif entry["rule"] == Rule.added and len(brought_by) == 1 and (owner := next(iter(brought_by))) is not None:
            arrivals.owners[address] = owner
            arrivals.addresses.append(
                {"owner": owner, "kind": address[0], "value": address[1], "at": entry["created_at"]}
            )


async def _give(
    session: AsyncSession, survivor_id: UUID, owner: UUID, interactions: list[UUID], answers: list[UUID]
) -> None:
    """What hangs on an interaction or an answer goes with it."""
    parameters = {"survivor_id": survivor_id, "owner": owner}
    for statements, ids in ((_GIVE, interactions), (_GIVE_ANSWERS, answers)):
        for statement in statements:
            await session.execute(text(statement), parameters | {"ids": ids})
    tables = SQLModel.metadata.tables
    gone: dict[Table, list[Any]] = {tables[Interaction.__tablename__]: interactions, tables["feedback"]: answers}
    for reference, key, parent in _hanging(gone):
        statement = f"""
            UPDATE "{reference.table.name}" SET "{reference.column.name}" = :owner
            WHERE "{key.name}" = ANY (:ids) AND "{reference.column.name}" = :survivor_id
            RETURNING id"""  # noqa: S608  names of our own
        went = await session.scalars(text(statement), parameters | {"ids": gone[parent]})
        gone.setdefault(reference.table, []).extend(went)


def _hanging(gone: Mapping[Table, Any]) -> Iterator[tuple[Reference, Column[Any], Table]]:
    """Keys by which rows hang on rows that went: an answer on its message, scores on the answer."""
    for reference in references(SQLModel.metadata):
        for foreign in sorted(reference.table.foreign_keys, key=lambda foreign: foreign.parent.name):
            if foreign.column.table in gone and foreign.column.table is not reference.table:
                yield reference, foreign.parent, foreign.column.table
