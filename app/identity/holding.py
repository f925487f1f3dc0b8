"""Holding whole files: their addresses first, then their rows in order, as messages do, so nobody waits in a circle."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core.audit import concerns
from app.core.db import lock, lock_key
from app.core.errors import Conflict
from app.customers import service as customers
from app.customers.models import Customer, CustomerIdentifier, ErasedCustomer

_CURRENT = """
    SELECT coalesce(a.customer_id, c.id)
    FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS given(id, place)
    LEFT JOIN customer AS c ON c.id = given.id
    LEFT JOIN customer_alias AS a ON a.id = given.id
    ORDER BY given.place"""

_HOLD = """
    SELECT FROM customer WHERE id IN (
        SELECT unnest(CAST(:ids AS uuid[]))
        UNION SELECT id FROM customer WHERE organization_id = ANY (:ids)
        UNION SELECT organization_id FROM customer WHERE id = ANY (:ids))
    ORDER BY id FOR UPDATE"""
"""The files, and those that a foreign key ties to them: they will be changed or checked, too."""

_TRIES = 5


async def hold_files(session: AsyncSession, ids: Sequence[UUID]) -> list[Customer]:
    """The customers that these ids lead to, in that order. Nothing can be filed under them until the end.

    What changed between looking and locking lets go of all locks and begins again.
    """
    for _ in range(_TRIES):
        savepoint = await session.begin_nested()
        found, addresses = await _look(session, ids)
        await lock(session, addresses)
        await session.execute(text(_HOLD), {"ids": found})
        now_found, now_addresses = await _look(session, ids)
        if now_found == found and now_addresses <= addresses:
            await savepoint.commit()
            return await _load(session, found)
        await savepoint.rollback()
    raise Conflict("These files are being merged or changed by others; try again.", code="busy")


async def _look(session: AsyncSession, ids: Sequence[UUID]) -> tuple[list[UUID], set[int]]:
    """The current ids, and the locks of their live addresses."""
    found = list(await session.scalars(text(_CURRENT), {"ids": list(ids)}))
    if None in found:
        absent = ids[found.index(None)]
        raise customers.absent(await session.get(ErasedCustomer, absent) is not None)
    addresses = await session.execute(
        select(CustomerIdentifier.kind, CustomerIdentifier.value).where(
            col(CustomerIdentifier.customer_id).in_(found), col(CustomerIdentifier.released_at).is_(None)
        )
    )
    return found, {lock_key(kind, value) for kind, value in addresses}


async def _load(session: AsyncSession, ids: Sequence[UUID]) -> list[Customer]:
    statement = select(Customer).where(col(Customer.id).in_(ids)).execution_options(populate_existing=True)
    by_id = {customer.id: customer for customer in await session.scalars(statement)}
    for each in ids:
        concerns(each)
    return [by_id[each] for each in ids]
