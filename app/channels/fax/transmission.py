"""What every fax provider tells of a transmission, and the message or receipt it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.channels.base import Unreadable
from app.channels.parties import Address, ends, identify_one
from app.messages import (
    Attachment,
    Channel,
    DeliveryReceipt,
    IdentifierKind,
    InboundMessage,
    InteractionKind,
    ReceiptEvent,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmission:
    fax_id: str
    sender: str
    recipient: str
    finished_at: datetime | None
    error: str | None = None
    """Why it failed; None: it did not."""
    pages: Attachment | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.fax_id:
            raise Unreadable("a fax without id")


def received(fax: Transmission, region: str | None) -> InboundMessage:
    """A fax that failed on its way to us is kept without pages, as a missed call is: somebody tried."""
    sender, recipient = (Address(IdentifierKind.fax, end) for end in (fax.sender, fax.recipient))
    outcome = {} if fax.error is None else {"status": "failed", "error": fax.error}
    return InboundMessage(
        channel=Channel.fax,
        kind=InteractionKind.message if fax.error is None else InteractionKind.status,
        external_id=fax.fax_id,
        occurred_at=fax.finished_at,
        **ends([sender], [recipient], region=region),
        attachments=(fax.pages,) if fax.pages and fax.error is None else (),
        attributes={name: value for name, value in {**fax.attributes, **outcome}.items() if value not in (None, "")},
    )


def sent(fax: Transmission, region: str | None) -> DeliveryReceipt:
    return DeliveryReceipt(
        external_id=fax.fax_id,
        event=ReceiptEvent.delivered if fax.error is None else ReceiptEvent.failed,
        occurred_at=fax.finished_at,
        recipient=identify_one(IdentifierKind.fax, fax.recipient, region=region),
        error_code=fax.error,
    )
