"""Forgetting a person altogether: after anonymizing, the rows go, of every table the schema says is theirs."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Table, delete, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col, select

from app.customers import erasure
from app.customers.addresses import IdentifierPolicy
from app.customers.models import CustomerAlias, ErasedCustomer
from app.ingest.models import InboundRequest
from app.rights.subject import CUSTOMER, requests_of, tables_of

_OUTLIVE = {"audit_entry", "change", "attachment"}
"""These say only by its id that there was such a file. Attachments, parted from their interaction, wait for their
content to be removed (`forget_file`)."""

_BEFORE = (
    # A provider that delivers a message again must not bring it back.
    """INSERT INTO forgotten_message (digest)
       SELECT sha256(convert_to(source || ':' || external_id, 'UTF8')) FROM interaction
       WHERE customer_id = :customer_id AND external_id IS NOT NULL
       ON CONFLICT DO NOTHING""",
    """INSERT INTO forgotten_message (digest)
       SELECT sha256(convert_to('feedback:' || source || ':' || external_id, 'UTF8')) FROM feedback
       WHERE customer_id = :customer_id AND external_id IS NOT NULL
       ON CONFLICT DO NOTHING""",
    """UPDATE attachment SET interaction_id = NULL
       WHERE interaction_id IN (SELECT id FROM interaction WHERE customer_id = :customer_id)""",
    """UPDATE customer SET organization_id = NULL, version = version + 1, updated_at = now()
       WHERE organization_id = :customer_id""",
)


class ErasureMode(StrEnum):
    anonymize = "anonymize"
    erase = "erase"


async def forget(
    session: AsyncSession,
    policy: IdentifierPolicy,
    customer_id: UUID,
    mode: ErasureMode,
    *,
    expected_version: int | None,
) -> None:
    """`anonymize` also makes what cannot be deleted, since it is others' too, say nothing of this person."""
    customer_id = await erasure.anonymize(session, policy, customer_id, expected_version=expected_version)
    if mode is ErasureMode.erase:
        await session.flush()
        await _erase(session, customer_id)


async def _erase(session: AsyncSession, customer_id: UUID) -> None:
    requests = (await session.scalars(select(InboundRequest.id).where(requests_of(customer_id)))).all()
    aliases = (await session.scalars(select(CustomerAlias.id).where(CustomerAlias.customer_id == customer_id))).all()
    for statement in _BEFORE:
        await session.execute(text(statement), {"customer_id": customer_id})
    for table, condition in reversed([*tables_of(customer_id)]):
        if table.name not in _OUTLIVE:
            await part(session, table, condition)
            await session.execute(delete(table).where(condition))
    await session.execute(delete(InboundRequest).where(col(InboundRequest.id).in_(requests)))
    session.expunge_all()
    session.add_all([ErasedCustomer(id=each) for each in (customer_id, *aliases)])


async def part(session: AsyncSession, table: Table, condition: ColumnElement[bool]) -> None:
    """Rows of others that refer to these ones, as an answer does to a message that was filed elsewhere since."""
    if table.name == CUSTOMER:
        return
    for other in SQLModel.metadata.tables.values():
        for key in (key for column in other.columns for key in column.foreign_keys if key.column.table is table):
            theirs = key.parent.in_(select(key.column).where(condition))
            parted = update(other).values({key.parent: None}) if key.parent.nullable else delete(other)
            await session.execute(parted.where(theirs))
