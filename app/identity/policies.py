"""The policies of identifiers, read and changed through the API."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from app.core.db import lock, lock_key, now
from app.core.dependencies import check_version
from app.core.errors import NotFound
from app.customers.addresses import IdentifierPolicy, normalised
from app.customers.policies import KindPolicy, Policies, default
from app.identity.policy_schemas import PolicyPatch
from app.messages import IdentifierKind

_VALUES = {"blocked_values", "shared_values"}


async def list_all(session: AsyncSession) -> dict[str, Any]:
    """Every kind, the strongest first."""
    return {"items": Policies(await session.scalars(select(KindPolicy))).ranked}


async def change(
    session: AsyncSession,
    policy: IdentifierPolicy,
    name: str,
    patch: PolicyPatch,
    *,
    expected_version: int | None,
) -> KindPolicy:
    """Apply a merge patch; other processes know of it within `app.customers.policies.TRUST_S` seconds."""
    if name not in set(IdentifierKind):
        raise NotFound("There is no such kind of identifier.")
    kind = IdentifierKind(name)
    await lock(session, [lock_key("identifier_policy", kind)])
    row = await session.get(KindPolicy, kind) or default(kind)
    check_version(row.version, expected_version)
    changes = patch.model_dump(exclude_unset=True)
    for field in _VALUES & changes.keys():
        values = (
            normalised(kind, raw, policy.default_region, field=f"{field}.{number}")
            for number, raw in enumerate(changes[field])
        )
        changes[field] = list(dict.fromkeys(values))
    for field, value in changes.items():
        setattr(row, field, value)
    row.version += 1
    row.updated_at = now()
    session.add(row)
    await session.flush()
    policy.book.forget()
    return row
