"""Rules of the customer file: who a customer is, and the file in one call."""

from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, func
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.changes.models import ChangeType
from app.changes.service import tell
from app.core.audit import concerns
from app.core.db import Database, now
from app.core.dependencies import check_version
from app.core.errors import AppError, Conflict, FieldError, Gone, NotFound, Unprocessable
from app.core.jobs import FIND_DUPLICATES
from app.core.merge_patch import merged
from app.core.pagination import list_page
from app.core.searching import search_page
from app.customers import queries
from app.customers.addresses import IdentifierPolicy, add, any_reading, claim, normalised
from app.customers.models import (
    Customer,
    CustomerAlias,
    CustomerIdentifier,
    CustomerKind,
    CustomerStatus,
    ErasedCustomer,
)
from app.customers.schemas import CustomerCreate, CustomerPatch, CustomerQuery
from app.customers.search import search_for
from app.messages import IdentifierKind

_MERGED_BY_KEY = {"attributes", "preferences"}


async def create(session: AsyncSession, policy: IdentifierPolicy, body: CustomerCreate, *, actor: str) -> Customer:
    organization_id = await _organization(session, body.organization_id)
    fields = body.model_dump(exclude={"identifiers", "organization_id"}, exclude_none=True)
    customer = Customer(**fields, organization_id=organization_id)
    session.add(customer)
    await session.flush()
    tell(session, ChangeType.customer_created, customer.id, customer.id, kind=customer.kind, status=customer.status)
    wanted = await claim(session, policy, body.identifiers, field="identifiers.{}.value")
    await add(session, policy, customer.id, wanted, actor=actor)
    await session.refresh(customer, ["identifiers", "aliases"])
    await seek_duplicates(session, customer.id)
    concerns(customer.id)
    return customer


def current(customer_id: UUID | None) -> ColumnElement[UUID]:
    """This id, or the id of the file it was merged into, for use in a statement."""
    survivor = select(CustomerAlias.customer_id).where(CustomerAlias.id == customer_id).scalar_subquery()
    return func.coalesce(survivor, customer_id)


async def get(session: AsyncSession, customer_id: UUID) -> Customer:
    """The customer; by an id that was merged away, the survivor."""
    customer = await session.get(Customer, customer_id)
    if customer is None:
        customer = await session.scalar(select(Customer).where(Customer.id == current(customer_id)))
    if customer is None:
        raise absent(await session.get(ErasedCustomer, customer_id) is not None)
    concerns(customer.id)
    return customer


async def list_customers(session: AsyncSession, policy: IdentifierPolicy, query: CustomerQuery) -> dict[str, Any]:
    statement = select(Customer)
    if query.status is not None:
        statement = statement.where(Customer.status == query.status)
    if query.kind is not None:
        statement = statement.where(Customer.kind == query.kind)
    if query.identifier is not None:
        owners = select(CustomerIdentifier.customer_id).where(
            col(CustomerIdentifier.released_at).is_(None), any_reading(query.identifier, policy.default_region)
        )
        statement = statement.where(col(Customer.id).in_(owners))
    if query.q is not None:
        search = search_for(query.q, policy.default_region, statement)
        return await search_page(session, search, query, Customer.id)
    return await list_page(session, statement, query, Customer.id)


async def change(
    session: AsyncSession, customer_id: UUID, patch: CustomerPatch, *, expected_version: int | None
) -> Customer:
    """Apply a merge patch. Whoever changes a provisional file knows the customer: it becomes active."""
    customer = await hold_to_change(session, customer_id)
    check_version(customer.version, expected_version)
    changes = patch.model_dump(exclude_unset=True)
    for name in _MERGED_BY_KEY & changes.keys():
        changes[name] = merged(getattr(customer, name), changes[name])
    if changes and customer.status is CustomerStatus.provisional:
        changes.setdefault("status", CustomerStatus.active)
    if "organization_id" in changes:
        changes["organization_id"] = await _organization(session, changes["organization_id"], of=customer.id)
    if changes.get("kind", customer.kind) is not customer.kind:
        await _check_has_no_members(session, customer)
    for name, value in changes.items():
        setattr(customer, name, value)
    touch(customer)
    tell(session, ChangeType.customer_updated, customer.id, customer.id, fields=sorted(changes))
    await session.flush()
    await seek_duplicates(session, customer.id)
    return customer


async def file_json(database: Database, customer_id: UUID, time_zone: str) -> str:
    """The whole customer file as JSON; one round trip."""
    async with database.hot() as connection:
        found = await connection.fetchrow(queries.FILE, time_zone, customer_id)
        if found is None:
            raise absent(await connection.fetchval("SELECT true FROM erased_customer WHERE id = $1", customer_id))
    return _opened(found)


async def lookup_json(
    database: Database, kind: IdentifierKind, raw: str, policy: IdentifierPolicy, time_zone: str
) -> str:
    """The same file, by an identifier as people write it; one round trip where it is somebody's alone."""
    value = normalised(kind, raw, policy.default_region, field=f"query.{kind}")
    async with database.hot() as connection:
        found = await connection.fetchrow(queries.LOOKUP, time_zone, kind, value)
        sharing = [] if found else await connection.fetch(queries.SHARED_BY, kind, value)
    if sharing:
        holders = [str(row["customer_id"]) for row in sharing]
        raise NotFound("Several customers share this identifier.", code="shared_identifier", customer_ids=holders)
    if found is None:
        raise NotFound("No customer is known by this identifier.", code="unknown_identifier")
    return _opened(found)


def _opened(found: asyncpg.Record) -> str:
    concerns(found["id"])
    document: str = found["document"]
    return document


async def hold(session: AsyncSession, customer_id: UUID) -> Customer:
    """The customer, or the survivor it was merged into, locked against other changes until the transaction ends."""
    statement = select(Customer).where(Customer.id == current(customer_id)).with_for_update(key_share=True)
    for _ in range(_TRIES):
        customer = await session.scalar(statement.execution_options(populate_existing=True))
        if customer is not None:
            concerns(customer.id)
            return customer
    raise absent(await session.get(ErasedCustomer, customer_id) is not None)


_TRIES = 3
"""Whoever waited for a file while it was merged away finds nothing there, and the survivor the next time."""


async def hold_to_change(session: AsyncSession, customer_id: UUID) -> Customer:
    customer = await hold(session, customer_id)
    if customer.status is CustomerStatus.anonymized:
        raise Conflict("An anonymized customer cannot be changed.", code="anonymized")
    return customer


def absent(is_erased: bool | None) -> AppError:
    if is_erased:
        return Gone("This customer was erased.", code="erased")
    return NotFound("No customer has this id.")


def touch(customer: Customer) -> None:
    customer.version += 1
    customer.updated_at = now()


async def seek_duplicates(session: AsyncSession, *customer_ids: UUID) -> None:
    """In the background, once this is committed."""
    await session.execute(_SEEK_DUPLICATES, {"ids": list(customer_ids)})


_SEEK_DUPLICATES = sql(f"{FIND_DUPLICATES}id::text, 'UTF8') FROM unnest(CAST(:ids AS uuid[])) AS id")


async def _check_has_no_members(session: AsyncSession, customer: Customer) -> None:
    if await session.scalar(select(Customer.id).where(Customer.organization_id == customer.id).limit(1)):
        raise Conflict("An organisation that people belong to cannot become a person.", code="has_members")


async def _organization(session: AsyncSession, organization_id: UUID | None, *, of: UUID | None = None) -> UUID | None:
    """The id of this organisation, which may have been merged into another."""
    if organization_id is None:
        return None
    organization = await session.scalar(select(Customer).where(Customer.id == current(organization_id)))
    if organization is None or organization.kind is not CustomerKind.organization or organization.id == of:
        raise Unprocessable(
            "The organisation is not a customer of kind organization.",
            code="unknown_organization",
            errors=[FieldError(field="organization_id", message="no other organisation has this id")],
        )
    return organization.id
