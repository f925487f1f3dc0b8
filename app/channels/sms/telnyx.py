"""Telnyx Messaging: SMS and MMS, received and sent."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.channels import times
from app.channels.base import SourceConfig, WebhookRequest
from app.channels.documents import Document, needed, section, sections, text, whole
from app.channels.parties import Address, ends, identify_one
from app.channels.telnyx import Event, TelnyxAdapter, read
from app.messages import (
    Attachment,
    Channel,
    DeliveryReceipt,
    IdentifierKind,
    Ignored,
    Inbound,
    InboundMessage,
    ReceiptEvent,
)

_SENT = ("message.sent", "message.finalized", "message.read")
_EVENTS = {
    "sent": ReceiptEvent.sent,
    "delivered": ReceiptEvent.delivered,
    "delivery_unconfirmed": ReceiptEvent.sent,
    "read": ReceiptEvent.read,
    "expired": ReceiptEvent.failed,
    "sending_failed": ReceiptEvent.failed,
    "delivery_failed": ReceiptEvent.failed,
}
_BLOCKED_BY_STOP = "40300"
_OPT_OUTS = {"OPT_OUT": True, "OPT_IN": False}


class TelnyxSms(TelnyxAdapter):
    """Telnyx, "Receiving Webhooks for Messaging" and "Inbound Message" (callback reference)."""

    provider = "telnyx_sms"
    title = "Telnyx SMS and MMS"
    channel = Channel.sms
    delivers = ("messages", "receipts")
    limits = ("Of a group MMS the other recipients are named, not filed.",)
    media_hosts = (".telnyx.com", ".telnyxstorage.com", "s3.amazonaws.com")

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        event = read(request)
        if event.kind == "message.received":
            return [_message(event, source.default_region)]
        if event.kind in _SENT:
            return list(_receipts(event, source.default_region)) or [Ignored(event.kind)]
        return [Ignored(event.kind or "no event")]


def _message(event: Event, region: str | None) -> InboundMessage:
    message, sender = event.payload, _address(section(event.payload, "from"))
    recipients = [_address(to) for to in sections(message, "to")]
    return InboundMessage(
        channel=Channel.sms,
        external_id=needed(message, "id"),
        occurred_at=times.iso_if_told(text(message, "received_at")) or event.occurred_at,
        **ends([sender], recipients, region=region),
        subject=text(message, "subject") or None,
        text=text(message, "text"),
        # Set where Telnyx itself took the text for a keyword and keeps a block list by it.
        opt_out=_OPT_OUTS.get(text(message, "autoresponse_type").upper()),
        attachments=tuple(_attachment(media) for media in sections(message, "media")),
        attributes=dict(_attributes(message, recipients)),
    )


def _address(party: Document) -> Address:
    return Address(IdentifierKind.phone, text(party, "phone_number"))


def _attachment(media: Document) -> Attachment:
    url = text(media, "url")
    return Attachment(
        name=None,
        content_type=text(media, "content_type") or "application/octet-stream",
        size=whole(media, "size"),
        url=url or None,
        provider_id=url.rpartition("/")[2] or None,
    )


def _attributes(message: Document, recipients: Sequence[Address]) -> Iterator[tuple[str, Any]]:
    others = [*recipients[1:], *(_address(copy) for copy in sections(message, "cc"))]
    if others:
        yield "also_to", [address.raw for address in others]
    if (parts := whole(message, "parts")) is not None:
        yield "segments", parts


def _receipts(event: Event, region: str | None) -> Iterator[DeliveryReceipt]:
    error = text(next(iter(sections(event.payload, "errors")), {}), "code") or None
    for to in sections(event.payload, "to"):
        became = _EVENTS.get(text(to, "status"))
        # The recipient had written STOP, perhaps before we were told of such things.
        stopped = (ReceiptEvent.unsubscribed,) if became and error == _BLOCKED_BY_STOP else ()
        for each in (became, *stopped):
            if each:
                yield DeliveryReceipt(
                    external_id=needed(event.payload, "id"),
                    event=each,
                    occurred_at=event.occurred_at,
                    recipient=identify_one(IdentifierKind.phone, text(to, "phone_number"), region=region),
                    error_code=error if became is ReceiptEvent.failed else None,
                )
