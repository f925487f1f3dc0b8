"""What two files say of one person, put together field by field, and taken apart again."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.customers.models import Customer, CustomerStatus

_FIELDS = ("display_name", "given_name", "family_name", "language", "time_zone", "organization_id")
_COLLECTIONS = ("attributes", "preferences")
_EMPTY: tuple[Any, ...] = (None, "", {}, [])


def fields_of(customer: Customer) -> dict[str, Any]:
    """What a merge may change, but for the times of contact."""
    return customer.model_dump(mode="json", include={"status", *_FIELDS, *_COLLECTIONS})


def fill(customer: Customer, others: Sequence[Customer]) -> None:
    """The customer's own value wins, empty ones are filled, collections are joined."""
    gone = {customer.id, *(other.id for other in others)}
    if customer.organization_id in gone:
        customer.organization_id = None
    for other in others:
        for name in _FIELDS:
            value = getattr(other, name)
            if getattr(customer, name) in _EMPTY and value not in gone:
                setattr(customer, name, value)
        for name in _COLLECTIONS:
            setattr(customer, name, joined(getattr(customer, name), getattr(other, name)))
        if other.status is CustomerStatus.active:
            customer.status = CustomerStatus.active
        firsts = [each.first_contact_at for each in (customer, other) if each.first_contact_at]
        lasts = [each.last_contact_at for each in (customer, other) if each.last_contact_at]
        customer.first_contact_at = min(firsts, default=None)
        customer.last_contact_at = max(lasts, default=None)


def joined(own: Any, other: Any) -> Any:
    """Objects by key, lists one after the other without repetition; else the own value, if there is one."""
    if isinstance(own, Mapping) and isinstance(other, Mapping):
        return {**other, **{key: joined(value, other.get(key)) for key, value in own.items()}}
    if isinstance(own, list) and isinstance(other, list):
        return own + [each for each in other if each not in own]
    return other if own in _EMPTY and other is not None else own


def taken_back(current: Any, before: Any, after: Any) -> Any:
    """`current` without what led from `before` to `after`, as far as nobody changed it since."""
    if current == after:
        return before
    if not (isinstance(current, Mapping) and isinstance(before, Mapping) and isinstance(after, Mapping)):
        return current
    kept = {}
    for key, value in current.items():
        if key in before:
            kept[key] = taken_back(value, before[key], after.get(key))
        elif key not in after or value != after[key]:
            kept[key] = value
    return kept
