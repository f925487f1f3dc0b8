"""The words every room shares: channels, identifiers, and what an adapter makes of a provider's request.

Adapters normalise, so a value found here is canonical: E.164 numbers, lower-case e-mail, aware UTC times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Channel(StrEnum):
    sms = "sms"
    email = "email"
    whatsapp = "whatsapp"
    chat = "chat"
    voice = "voice"
    fax = "fax"
    letter = "letter"
    visit = "visit"
    web_form = "web_form"
    app = "app"
    social = "social"
    ad = "ad"


class Direction(StrEnum):
    inbound = "inbound"
    outbound = "outbound"


class InteractionKind(StrEnum):
    message = "message"
    call = "call"
    visit = "visit"
    letter = "letter"
    form = "form"
    status = "status"


class InteractionStatus(StrEnum):
    received = "received"
    sent = "sent"
    delivered = "delivered"
    failed = "failed"
    read = "read"


class IdentifierKind(StrEnum):
    """Declared in the order in which a kind decides whose message it is: the first outranks the rest."""

    external = "external"
    email = "email"
    whatsapp = "whatsapp"
    phone = "phone"
    telegram = "telegram"
    fax = "fax"
    social = "social"
    device = "device"


class Confidence(StrEnum):
    """How an identifier came to us: proven, told by somebody, or seen as the sender's address."""

    verified = "verified"
    stated = "stated"
    observed = "observed"


class ReceiptEvent(StrEnum):
    sent = "sent"
    delivered = "delivered"
    read = "read"
    deferred = "deferred"
    failed = "failed"
    bounced = "bounced"
    complained = "complained"
    unsubscribed = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Identifier:
    kind: IdentifierKind
    value: str
    raw: str | None = None
    confidence: Confidence = Confidence.observed


@dataclass(frozen=True, slots=True)
class Party:
    """One end of an interaction. `value` is canonical where a rule can read it, else as the provider wrote it."""

    kind: IdentifierKind
    value: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message: its bytes, or where the provider keeps them (`Adapter.fetch_media`)."""

    name: str | None
    content_type: str
    size: int | None = None
    content: bytes | None = field(default=None, repr=False)
    url: str | None = None
    provider_id: str | None = None
    content_id: str | None = None
    """What an html body calls it by (RFC 2392), without brackets."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message that was too long for one; pieces arrive in any order, each with its own external id."""

    reference: str
    """The same for all pieces of one message of one sender."""
    number: int
    """Counted from 1."""
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """One message from a customer, as every channel delivers it."""

    channel: Channel
    kind: InteractionKind = InteractionKind.message
    external_id: str
    """The provider's id; the same id from the same source is the same message."""
    occurred_at: datetime | None = None
    """None where the provider does not say: the time of receipt stands in."""
    sender: Party | None
    """None where the sender is withheld."""
    recipient: Party | None = None
    identifiers: Sequence[Identifier] = ()
    """All that tells who the sender is; empty for a withheld sender."""
    subject: str | None = None
    text: str = field(default="", repr=False)
    html: str | None = field(default=None, repr=False)
    reply_text: str | None = field(default=None, repr=False)
    """What the person newly wrote; None where it is the whole text."""
    message_id: str | None = None
    """What replies will refer to (RFC 5322 Message-ID without brackets); None: the external id."""
    references: Sequence[str] = ()
    """Ids of the messages this one answers, nearest first."""
    automatic: bool = False
    """Written by a program: an auto-reply, a bounce, a mailing list."""
    opt_out: bool | None = None
    """True: asks never to be written to again on this address (STOP); False: takes that back (START)."""
    part: Part | None = None
    direction: Direction = Direction.inbound
    """Outbound: a call we made, told by the provider; `sender` is then our end, `identifiers` stay the customer's."""
    duration_s: int | None = None
    grows: bool = False
    """One of several words on the same thing (the stages of a call): what a later one says completes the first."""
    incomplete: bool = False
    """The provider keeps the rest of the message: `Adapter.fetch_message` gets it."""
    attachments: Sequence[Attachment] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What has no field of its own (reaction, location, campaign…); JSON values only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReceipt:
    """What became of a message we sent."""

    external_id: str
    """The provider's id of the message it speaks of."""
    event: ReceiptEvent
    occurred_at: datetime | None = None
    recipient: Identifier | None = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierChange:
    """The customer known by `old` says, through the provider, to be known by `new` from now on."""

    external_id: str
    old: Identifier
    new: Identifier
    occurred_at: datetime | None = None
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The provider wants this URL visited before it delivers (Amazon SNS subscriptions)."""

    url: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A verified request, or a part of one, that carries nothing for a customer file."""

    reason: str


Inbound = InboundMessage | DeliveryReceipt | IdentifierChange | Confirmation | Ignored
