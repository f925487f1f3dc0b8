"""Who sent a message and who got it: addresses made canonical where a rule can read them, kept as written elsewhere."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypedDict

from app.messages import Confidence, Direction, Identifier, IdentifierKind, Party
from app.text.identifiers import InvalidIdentifier, normalise, withheld

# Fewer digits may be a short code, and no international number begins with 0.
_WITHOUT_PLUS = re.compile(r"[1-9][0-9]{8,14}")


@dataclass(frozen=True, slots=True)
class Address:
    """An address as the provider wrote it."""

    kind: IdentifierKind
    raw: str
    without_plus: bool = False
    """Whether this provider leaves out the plus of international numbers."""


class Ends(TypedDict):
    """Both ends of a message, by the names `InboundMessage` has for them."""

    sender: Party | None
    recipient: Party | None
    identifiers: Sequence[Identifier]
    direction: Direction


def number(raw: str) -> Address:
    """A telephone number as most gateways write it: international, without its plus."""
    return Address(IdentifierKind.phone, raw, without_plus=True)


def identify(
    addresses: Iterable[Address], *, region: str | None = None, confidence: Confidence = Confidence.observed
) -> tuple[Identifier, ...]:
    """An identifier for each address a rule can read; the withheld ones tell nothing."""
    found = {}
    for address in addresses:
        value = None if withheld(address.raw) else _canonical(address, region)
        if value:
            found[address.kind, value] = Identifier(address.kind, value, address.raw, confidence)
    return tuple(found.values())


def identify_one(
    kind: IdentifierKind, raw: str, *, region: str | None = None, without_plus: bool = False
) -> Identifier | None:
    """Whom a receipt is about; None where no rule can read the address."""
    return next(iter(identify([Address(kind, raw, without_plus)], region=region)), None)


def party(address: Address, *, region: str | None = None, name: str | None = None) -> Party | None:
    """One end of a message; None where the address is withheld. A short code or a sender's name stays as written.

    A mailbox such as noreply@ identifies nobody, yet it is where the mail came from or went to.
    """
    hidden = withheld(address.raw) and address.kind is not IdentifierKind.email
    if hidden or not address.raw.strip():
        return None
    return Party(address.kind, _canonical(address, region) or address.raw, name or None)


def ends(
    senders: Sequence[Address],
    recipients: Sequence[Address],
    *,
    region: str | None = None,
    name: str | None = None,
    outbound: bool = False,
) -> Ends:
    """Of all that tells who is at an end, the first address names it; `name` is the sender's."""
    return Ends(
        sender=party(senders[0], region=region, name=name) if senders else None,
        recipient=party(recipients[0], region=region) if recipients else None,
        identifiers=identify(recipients if outbound else senders, region=region),
        direction=Direction.outbound if outbound else Direction.inbound,
    )


def _canonical(address: Address, region: str | None) -> str | None:
    lost = address.without_plus and _WITHOUT_PLUS.fullmatch(address.raw)
    try:
        return normalise(address.kind, f"+{address.raw}" if lost else address.raw, region)
    except InvalidIdentifier:
        return None
