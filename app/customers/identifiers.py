"""Rules of one identifier in a customer file: added, changed, released."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.changes.models import ChangeType
from app.core.db import lock, lock_key, now
from app.core.errors import NotFound
from app.customers.addresses import IdentifierPolicy, add, check_free, claim, entry, tell_of
from app.customers.models import Customer, CustomerIdentifier, Rule
from app.customers.schemas import IdentifierCreate, IdentifierPatch
from app.customers.service import get, hold, hold_to_change, seek_duplicates, touch


async def add_identifier(
    session: AsyncSession, policy: IdentifierPolicy, customer_id: UUID, body: IdentifierCreate, *, actor: str
) -> CustomerIdentifier:
    """The identifier of this customer, added unless it is there already."""
    wanted = await claim(session, policy, [body], field="value")
    customer = await hold_to_change(session, customer_id)
    (identifier,) = await add(session, policy, customer.id, wanted, actor=actor)
    await seek_duplicates(session, customer.id)
    touch(customer)
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
        await check_free(session, [(identifier.kind, identifier.value)])
    for name, value in changes.items():
        setattr(identifier, name, value)
    tell_of(session, ChangeType.identifier_updated, identifier, fields=fields)
    touch(customer)
    await session.flush()
    return identifier


async def release_identifier(session: AsyncSession, customer_id: UUID, identifier_id: UUID, *, actor: str) -> None:
    """The address is no longer this customer's: whoever writes from it next is somebody else."""
    customer = await hold(session, customer_id)
    identifier = await _live_identifier(session, customer, identifier_id)
    identifier.released_at = now()
    session.add(entry(identifier, Rule.released, actor))
    tell_of(session, ChangeType.identifier_released, identifier)
    await seek_duplicates(session, customer.id)
    touch(customer)


async def _live_identifier(session: AsyncSession, customer: Customer, identifier_id: UUID) -> CustomerIdentifier:
    identifier = await session.get(CustomerIdentifier, identifier_id)
    if identifier is None or identifier.customer_id != customer.id or identifier.released_at is not None:
        raise NotFound("The customer has no identifier of this id.")
    return identifier
