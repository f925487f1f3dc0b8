"""Rules of the customer file: who a customer is, and which addresses are theirs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, and_, func, or_
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.changes.models import ChangeType
from app.changes.service import tell
from app.core.audit import concerns
from app.core.db import Database, lock, lock_key, now
from app.core.dependencies import check_version
from app.core.errors import AppError, Conflict, FieldError, Gone, NotFound, Unprocessable
from app.core.jobs import FIND_DUPLICATES
from app.core.merge_patch import merged
from app.core.pagination import list_page
from app.core.searching import search_page
from app.customers import queries
from app.customers.models import (
    Customer,
    CustomerAlias,
    CustomerIdentifier,
    CustomerKind,
    CustomerStatus,
    ErasedCustomer,
    IdentityEntry,
    Rule,
    SuppressedAddress,
)
from app.customers.policies import Policies, PolicyBook
from app.customers.schemas import CustomerCreate, CustomerPatch, CustomerQuery, IdentifierCreate, IdentifierPatch
from app.customers.search import search_for
from app.messages import IdentifierKind
from app.text.identifiers import InvalidIdentifier, normalise

_MERGED_BY_KEY = {"attributes", "preferences"}


@dataclass(frozen=True, slots=True)
class IdentifierPolicy:
    """What is settled about identifiers."""

    default_region: str | None
    book: PolicyBook
    digests: Callable[[str, str], Sequence[str]]
    """Of kind and value: the keyed hashes by which a forgotten address is recognised."""

    @property
    def kinds(self) -> Policies:
        return self.book.current


async def create(session: AsyncSession, policy: IdentifierPolicy, body: CustomerCreate, *, actor: str) -> Customer:
    organization_id = await _organization(session, body.organization_id)
    fields = body.model_dump(exclude={"identifiers", "organization_id"}, exclude_none=True)
    customer = Customer(**fields, organization_id=organization_id)
    session.add(customer)
    await session.flush()
    tell(session, ChangeType.customer_created, customer.id, customer.id, kind=customer.kind, status=customer.status)
    wanted = await _claim(session, policy, body.identifiers, field="identifiers.{}.value")
    await _add_identifiers(session, policy, customer.id, wanted, actor=actor)
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
            col(CustomerIdentifier.released_at).is_(None), _any_reading(query.identifier, policy.default_region)
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
    customer = await hold(session, customer_id)
    check_version(customer.version, expected_version)
    if customer.status is CustomerStatus.anonymized:
        raise Conflict("An anonymized customer cannot be changed.", code="anonymized")
    changes = patch.model_dump(exclude_unset=True)
    for name in _MERGED_BY_KEY & changes.keys():
        changes[name] = merged(getattr(customer, name), changes[name])
    if changes and customer.status is CustomerStatus.provisional:
        changes.setdefault("status", CustomerStatus.active)
    if "organization_id" in changes:
        changes["organization_id"] = await _organization(session, changes["organization_id"], of=customer.id)
    for name, value in changes.items():
        setattr(customer, name, value)
    _touch(customer)
    tell(session, ChangeType.customer_updated, customer.id, customer.id, fields=sorted(changes))
    await session.flush()
    await seek_duplicates(session, customer.id)
    return customer


async def add_identifier(
    session: AsyncSession, policy: IdentifierPolicy, customer_id: UUID, body: IdentifierCreate, *, actor: str
) -> CustomerIdentifier:
    """The identifier of this customer, added unless it is there already."""
    wanted = await _claim(session, policy, [body], field="value")
    customer = await hold(session, customer_id)
    if customer.status is CustomerStatus.anonymized:
        raise Conflict("An anonymized customer cannot be changed.", code="anonymized")
    (identifier,) = await _add_identifiers(session, policy, customer.id, wanted, actor=actor)
    await seek_duplicates(session, customer.id)
    _touch(customer)
    return identifier


async def change_identifier(
    session: AsyncSession, customer_id: UUID, identifier_id: UUID, patch: IdentifierPatch
) -> CustomerIdentifier:
    changes = patch.model_dump(exclude_unset=True)
    fields = sorted("opted_out_at" if name == "opted_out" else name for name in changes)
    if changes.get("shared") is False:
        identifier = await _live_identifier(session, await get(session, customer_id), identifier_id)
        await lock(session, [lock_key(identifier.kind, identifier.value)])
        session.expire(identifier)
    customer = await hold(session, customer_id)
    identifier = await _live_identifier(session, customer, identifier_id)
    if "opted_out" in changes:
        identifier.opted_out_at = (identifier.opted_out_at or now()) if changes.pop("opted_out") else None
    if identifier.shared and changes.get("shared") is False:
        await _check_free(session, [(identifier.kind, identifier.value)])
    for name, value in changes.items():
        setattr(identifier, name, value)
    _tell(session, ChangeType.identifier_updated, identifier, fields=fields)
    _touch(customer)
    await session.flush()
    return identifier


async def release_identifier(session: AsyncSession, customer_id: UUID, identifier_id: UUID, *, actor: str) -> None:
    """The address is no longer this customer's: whoever writes from it next is somebody else."""
    customer = await hold(session, customer_id)
    identifier = await _live_identifier(session, customer, identifier_id)
    identifier.released_at = now()
    session.add(_entry(identifier, Rule.released, actor))
    _tell(session, ChangeType.identifier_released, identifier)
    await seek_duplicates(session, customer.id)
    _touch(customer)


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
    """The same file, by an identifier as people write it; one round trip."""
    value = _normalised(kind, raw, policy.default_region, field=f"query.{kind}")
    async with database.hot() as connection:
        found = await connection.fetchrow(queries.LOOKUP, time_zone, kind, value)
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


def absent(is_erased: bool | None) -> AppError:
    if is_erased:
        return Gone("This customer was erased.", code="erased")
    return NotFound("No customer has this id.")


def _touch(customer: Customer) -> None:
    customer.version += 1
    customer.updated_at = now()


async def _live_identifier(session: AsyncSession, customer: Customer, identifier_id: UUID) -> CustomerIdentifier:
    identifier = await session.get(CustomerIdentifier, identifier_id)
    if identifier is None or identifier.customer_id != customer.id or identifier.released_at is not None:
        raise NotFound("The customer has no identifier of this id.")
    return identifier


async def _claim(
    session: AsyncSession, policy: IdentifierPolicy, bodies: Sequence[IdentifierCreate], *, field: str
) -> dict[tuple[IdentifierKind, str], IdentifierCreate]:
    """The addresses, canonical, and locked: before the customer is held, as messages do, or both wait for ever."""
    wanted = {}
    for number, body in enumerate(bodies):
        value = _normalised(body.kind, body.value, body.region or policy.default_region, field=field.format(number))
        if policy.kinds.is_blocked(body.kind, value):
            raise Unprocessable("This value identifies nobody.", code="identifier_blocked")
        wanted[body.kind, value] = body
    await lock(session, [lock_key(kind, value) for kind, value in wanted])
    return wanted


async def _add_identifiers(
    session: AsyncSession,
    policy: IdentifierPolicy,
    customer_id: UUID,
    wanted: Mapping[tuple[IdentifierKind, str], IdentifierCreate],
    *,
    actor: str,
) -> list[CustomerIdentifier]:
    known = {
        (each.kind, each.value): each
        for each in await session.scalars(
            select(CustomerIdentifier).where(
                CustomerIdentifier.customer_id == customer_id, col(CustomerIdentifier.released_at).is_(None)
            )
        )
    }
    new = {address: body for address, body in wanted.items() if address not in known}
    shared = {address for address, body in new.items() if body.shared or policy.kinds.is_shared(*address)}
    await _check_free(session, [address for address in new if address not in shared])
    for (kind, value), body in new.items():
        identifier = CustomerIdentifier(
            customer_id=customer_id, kind=kind, value=value, raw=body.value, **body.model_dump(include=_SHOWN)
        )
        identifier.shared = (kind, value) in shared
        identifier.opted_out_at = await _suppressed_at(session, policy, kind, value)
        session.add_all([identifier, _entry(identifier, Rule.given, actor)])
        _tell(session, ChangeType.identifier_added, identifier)
        known[kind, value] = identifier
    await session.flush()
    return [known[address] for address in wanted]


async def _suppressed_at(session: AsyncSession, policy: IdentifierPolicy, kind: str, value: str) -> datetime | None:
    """Since when nothing may be sent to this address, although its file is forgotten."""
    known = col(SuppressedAddress.digest).in_(policy.digests(kind, value))
    return await session.scalar(select(SuppressedAddress.suppressed_at).where(known).limit(1))


_SHOWN = {"label", "confidence"}


async def _check_free(session: AsyncSession, addresses: Sequence[tuple[str, str]]) -> None:
    if not addresses:
        return
    owners = await session.scalars(
        select(CustomerIdentifier.customer_id)
        .where(
            col(CustomerIdentifier.released_at).is_(None),
            col(CustomerIdentifier.shared).is_(False),
            or_(*(_address_is(kind, value) for kind, value in addresses)),
        )
        .distinct()
    )
    if taken := sorted(map(str, owners)):
        raise Conflict("A live customer owns this identifier.", code="identifier_taken", customer_ids=taken)


def _address_is(kind: str, value: str) -> ColumnElement[bool]:
    return and_(col(CustomerIdentifier.kind) == kind, col(CustomerIdentifier.value) == value)


def _any_reading(text: str, region: str | None) -> ColumnElement[bool]:
    """Every identifier that `text` may mean: `kind:value`, or a value of any kind that can read it."""
    kind, _, value = text.partition(":")
    candidates = [(kind, value)] if kind in set(IdentifierKind) and value else [(kind, text) for kind in IdentifierKind]
    readings = []
    for candidate, raw in candidates:
        try:
            readings.append(_address_is(candidate, normalise(candidate, raw, region)))
        except InvalidIdentifier:
            continue
    if not readings:
        raise Unprocessable("No rule can read this identifier.", code="invalid_identifier")
    return or_(*readings)


def _normalised(kind: str, raw: str, region: str | None, *, field: str) -> str:
    try:
        return normalise(kind, raw, region)
    except InvalidIdentifier as error:
        raise Unprocessable(
            "No rule can read this identifier.",
            code="invalid_identifier",
            errors=[FieldError(field=field, message=str(error))],
        ) from error


async def seek_duplicates(session: AsyncSession, *customer_ids: UUID) -> None:
    """In the background, once this is committed."""
    await session.execute(_SEEK_DUPLICATES, {"ids": list(customer_ids)})


_SEEK_DUPLICATES = sql(f"{FIND_DUPLICATES}id::text, 'UTF8') FROM unnest(CAST(:ids AS uuid[])) AS id")


def _tell(session: AsyncSession, kind: ChangeType, identifier: CustomerIdentifier, **data: Any) -> None:
    tell(session, kind, identifier.id, identifier.customer_id, kind=identifier.kind, **data)


def _entry(identifier: CustomerIdentifier, rule: Rule, actor: str) -> IdentityEntry:
    return IdentityEntry(
        customer_id=identifier.customer_id,
        rule=rule,
        confidence=identifier.confidence,
        identifier_kind=identifier.kind,
        identifier_value=identifier.value,
        actor=actor,
    )


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
