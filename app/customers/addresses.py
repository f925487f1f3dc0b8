"""Addresses of customers: read, locked, found free, and written down with why."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.changes.models import ChangeType
from app.changes.service import tell
from app.core.db import lock, lock_key
from app.core.errors import Conflict, FieldError, Unprocessable
from app.customers.models import CustomerIdentifier, IdentityEntry, Rule, SuppressedAddress
from app.customers.policies import Policies, PolicyBook
from app.customers.schemas import IdentifierCreate
from app.messages import IdentifierKind
from app.text.identifiers import InvalidIdentifier, normalise


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


async def claim(
    session: AsyncSession, policy: IdentifierPolicy, bodies: Sequence[IdentifierCreate], *, field: str
) -> dict[tuple[IdentifierKind, str], IdentifierCreate]:
    """The addresses, canonical, and locked: before the customer is held, as messages do, or both wait for ever."""
    wanted = {}
    for number, body in enumerate(bodies):
        value = normalised(body.kind, body.value, body.region or policy.default_region, field=field.format(number))
        if policy.kinds.is_blocked(body.kind, value):
            raise Unprocessable("This value identifies nobody.", code="identifier_blocked")
        wanted[body.kind, value] = body
    await lock(session, [lock_key(kind, value) for kind, value in wanted])
    return wanted


async def add(
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
    await check_free(session, [address for address in new if address not in shared])
    suppressed = await _suppressed(session, policy, new)
    for (kind, value), body in new.items():
        identifier = CustomerIdentifier(
            customer_id=customer_id, kind=kind, value=value, raw=body.value, **body.model_dump(include=_SHOWN)
        )
        identifier.shared = (kind, value) in shared
        identifier.opted_out_at = suppressed.get((kind, value))
        session.add_all([identifier, entry(identifier, Rule.given, actor)])
        tell_of(session, ChangeType.identifier_added, identifier)
        known[kind, value] = identifier
    await session.flush()
    return [known[address] for address in wanted]


async def _suppressed(
    session: AsyncSession, policy: IdentifierPolicy, addresses: Iterable[tuple[IdentifierKind, str]]
) -> dict[tuple[IdentifierKind, str], datetime]:
    """Since when nothing may be sent to these addresses, although their files are forgotten."""
    digests = {digest: address for address in addresses for digest in policy.digests(*address)}
    rows = await session.scalars(select(SuppressedAddress).where(col(SuppressedAddress.digest).in_(digests)))
    return {digests[row.digest]: row.suppressed_at for row in rows}


_SHOWN = {"label", "confidence"}


async def check_free(session: AsyncSession, addresses: Sequence[tuple[str, str]]) -> None:
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


def any_reading(text: str, region: str | None) -> ColumnElement[bool]:
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


def normalised(kind: str, raw: str, region: str | None, *, field: str) -> str:
    try:
        return normalise(kind, raw, region)
    except InvalidIdentifier as error:
        raise Unprocessable(
            "No rule can read this identifier.",
            code="invalid_identifier",
            errors=[FieldError(field=field, message=str(error))],
        ) from error


def tell_of(session: AsyncSession, kind: ChangeType, identifier: CustomerIdentifier, **data: Any) -> None:
    tell(session, kind, identifier.id, identifier.customer_id, kind=identifier.kind, **data)


def entry(identifier: CustomerIdentifier, rule: Rule, actor: str) -> IdentityEntry:
    return IdentityEntry(
        customer_id=identifier.customer_id,
        rule=rule,
        confidence=identifier.confidence,
        identifier_kind=identifier.kind,
        identifier_value=identifier.value,
        actor=actor,
    )
