"""The networks that gateways for many channels carry, by the names the gateways give them."""

from typing import NamedTuple

from app.channels.parties import Address, identify, number
from app.messages import Channel, Identifier, IdentifierKind


class Network(NamedTuple):
    """What messages of a network are to us, and what its people are known by."""

    channel: Channel
    kind: IdentifierKind = IdentifierKind.social


_NETWORKS = {
    "sms": Network(Channel.sms, IdentifierKind.phone),
    "mms": Network(Channel.sms, IdentifierKind.phone),
    "rcs": Network(Channel.chat, IdentifierKind.phone),
    "viber": Network(Channel.chat, IdentifierKind.phone),
    "whatsapp": Network(Channel.whatsapp, IdentifierKind.whatsapp),
    "telegram": Network(Channel.chat, IdentifierKind.telegram),
    "email": Network(Channel.email, IdentifierKind.email),
    "messenger": Network(Channel.social),
    "facebook": Network(Channel.social),
    "instagram": Network(Channel.social),
    "line": Network(Channel.social),
}
_UNKNOWN = Network(Channel.chat)


def channel(name: str) -> Channel:
    """`name` as the gateway writes it: sms, VIBER_BM, viber_service, INSTAGRAM_DM…"""
    return _NETWORKS.get(_word(name), _UNKNOWN).channel


def addresses(name: str, raw: str) -> list[Address]:
    """All that an address on this network tells, the network's own address first."""
    kind = _NETWORKS.get(_word(name), _UNKNOWN).kind
    if not raw.strip():
        return []
    if kind is IdentifierKind.phone:
        return [number(raw)]
    if kind is IdentifierKind.whatsapp:
        return [Address(kind, raw), number(raw)]
    if kind is IdentifierKind.social:
        # Ids are unique within their network only.
        return [Address(kind, f"{_word(name)}:{raw}")]
    return [Address(kind, raw)]


def identify_one(name: str, raw: str, region: str | None) -> Identifier | None:
    """Whom a receipt is about; None where no rule can read the address."""
    return next(iter(identify(addresses(name, raw), region=region)), None)


def _word(name: str) -> str:
    return name.lower().partition("_")[0]
