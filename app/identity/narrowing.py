"""Shared addresses: a family's phone identifies nobody alone, but with something else it does."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from app.customers.models import CustomerStatus
from app.identity.knowledge import Knowledge, Owner
from app.identity.senders import Sender
from app.messages import Identifier
from app.text.folding import fold


def narrow(sender: Sender, shared: Sequence[Identifier], known: Knowledge, *, alone: bool) -> Owner | None:
    """Who of those who share these addresses it is, if that can be told: by the name, or because only one has them all.

    A sender of whom nothing else is known (`alone`) belongs into the provisional file of such senders, if there is one.
    """
    sharing = [known.those_who_share(each) for each in shared]
    everybody = {customer_id: owner for holders in sharing for customer_id, owner in holders.items()}
    counted = Counter(customer_id for holders in sharing for customer_id in holders)
    most = max(counted.values(), default=0)
    closest = {customer_id: everybody[customer_id] for customer_id, count in counted.items() if count == most}
    only = next(iter(closest.values())) if len(closest) == 1 < len(everybody) else None
    name = fold(sender.name or "")
    if not name:
        nameless = {customer_id: owner for customer_id, owner in closest.items() if not owner.names}
        return only or (_oldest_provisional(nameless) if alone else None)
    namesakes = {customer_id: owner for customer_id, owner in closest.items() if name in owner.names}
    if len(namesakes) == 1:
        return next(iter(namesakes.values()))
    if namesakes:
        return _oldest_provisional(namesakes)
    return only if only and not only.names else None


def _oldest_provisional(candidates: dict[UUID, Owner]) -> Owner | None:
    """Where two of one name share an address, what cannot be told apart goes into one file of its own."""
    provisional = [each for each in candidates if candidates[each].status == CustomerStatus.provisional]
    return candidates[min(provisional)] if provisional else None
