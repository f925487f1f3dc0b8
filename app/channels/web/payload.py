"""The payload of a generic webhook: the words of our own API, read from whoever sends them.

`from` and `to` are an address as text or `{"kind", "value", "name"}`; more addresses of the sender may stand under
their kind (`email`, `phone`, `telegram`…). What has no meaning here becomes an attribute.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from app.channels import times
from app.channels.digests import bounded
from app.channels.documents import Document
from app.channels.parties import Address, identify, party
from app.messages import Channel, Confidence, IdentifierKind, InboundMessage, InteractionKind

SHAPE = (
    "A payload has from, to, text, html, subject, channel, occurred_at, message_id, in_reply_to; from and to are an "
    'address or {"kind", "value", "name"}; everything else becomes an attribute.'
)

_CHANNELS = {channel.value: channel for channel in Channel}
_KINDS = {kind.value: kind for kind in IdentifierKind}
_CARRIED = {
    Channel.sms: IdentifierKind.phone,
    Channel.voice: IdentifierKind.phone,
    Channel.email: IdentifierKind.email,
    Channel.whatsapp: IdentifierKind.whatsapp,
    Channel.fax: IdentifierKind.fax,
}
_INTERACTIONS = {
    Channel.voice: InteractionKind.call,
    Channel.visit: InteractionKind.visit,
    Channel.letter: InteractionKind.letter,
    Channel.web_form: InteractionKind.form,
}
_TEXTS = ("text", "message", "body")


def to_message(
    payload: Document,
    *,
    external_id: str,
    region: str | None,
    occurred_at: datetime | None = None,
    subject: str | None = None,
    confidence: Confidence = Confidence.observed,
    attributes: Mapping[str, Any],
) -> InboundMessage:
    """`occurred_at` and `subject` are those of the envelope: the payload's own outrank them."""
    rest = dict(payload)
    channel = _CHANNELS.get(str(rest.get("channel")), Channel.app)
    if rest.get("channel") == channel:
        del rest["channel"]
    (sender, name), (recipient, our_name) = _end(rest, "from", channel), _end(rest, "to", channel)
    senders = [*filter(None, [sender]), *_by_kind(rest)]
    identifiers = identify(senders, region=region, confidence=confidence)
    read = {identifier.raw for identifier in identifiers}
    rest |= {each.kind.value: each.raw for each in senders[1:] if each.raw not in read}
    answered = _take(rest, "in_reply_to")
    return InboundMessage(
        channel=channel,
        kind=_INTERACTIONS.get(channel, InteractionKind.message),
        external_id=bounded(external_id),
        occurred_at=_time(rest.pop("occurred_at", None)) or occurred_at,
        sender=party(senders[0], region=region, name=name or _take(rest, "name")) if senders else None,
        recipient=party(recipient, region=region, name=our_name) if recipient else None,
        identifiers=identifiers,
        subject=_take(rest, "subject") or subject,
        text=next(filter(None, (_take(rest, name) for name in _TEXTS)), ""),
        html=_take(rest, "html") or None,
        message_id=bounded(_take(rest, "message_id")) or None,
        references=(bounded(answered),) if answered else (),
        attributes={**rest, **attributes},
    )


def _end(rest: dict[str, Any], end: str, channel: Channel) -> tuple[Address | None, str]:
    """The address of one end, and its name."""
    given = rest.get(end)
    if not isinstance(given, Mapping):
        raw = _take(rest, end)
        return (_address(None, raw, channel) if raw else None), ""
    inner = dict(given)
    kind, raw, name = (_take(inner, key) for key in ("kind", "value", "name"))
    address = _address(_KINDS.get(kind), raw, channel) if raw else next(_by_kind(inner), None)
    if address:
        del rest[end]
    return address, name


def _address(kind: IdentifierKind | None, raw: str, channel: Channel) -> Address:
    """An address that does not tell its kind is what its channel carries, or else what it looks like: an id of some
    other system must not pass for a phone number."""
    looks = IdentifierKind.email if "@" in raw[1:] else IdentifierKind.phone if raw[0] == "+" else None
    return Address(kind or _CARRIED.get(channel) or looks or IdentifierKind.external, raw)


def _by_kind(rest: dict[str, Any]) -> Iterator[Address]:
    for kind in IdentifierKind:
        if raw := _take(rest, kind.value):
            yield Address(kind, raw)


def _take(rest: dict[str, Any], name: str) -> str:
    """A text, or a number that stands for one, which is no attribute any more then."""
    value = rest.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None or isinstance(value, str):
        rest.pop(name, None)
    return value if isinstance(value, str) and not value.isspace() else ""


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    return times.iso(value) if isinstance(value, str) else times.unix(value)
