"""Twilio Programmable Messaging: SMS and MMS, received and sent."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import ClassVar

from app.channels import signatures
from app.channels.base import Adapter, Answer, SourceConfig, WebhookRequest
from app.channels.forms import urlencoded, values
from app.channels.parties import Address, identify, identify_one, party
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

_EVENTS = {
    "sent": ReceiptEvent.sent,
    "delivered": ReceiptEvent.delivered,
    "read": ReceiptEvent.read,
    "undelivered": ReceiptEvent.failed,
    "failed": ReceiptEvent.failed,
    "canceled": ReceiptEvent.failed,
}
_ON_THE_WAY = ("accepted", "scheduled", "queued", "sending", "partially_delivered")


class TwilioSms(Adapter):
    """Twilio, "Twilio's request to your incoming message Webhook URL" and "Outbound Message Status in Status
    Callbacks"."""

    provider = "twilio_sms"
    title = "Twilio SMS and MMS"
    channel = Channel.sms
    schemes: ClassVar = {"twilio_hmac_sha1": ("auth_token",)}
    body_signed = True
    delivers = ("messages", "receipts")
    limits = (
        "Twilio does not say when a message was sent; the time of receipt stands in.",
        "Pictures are linked, not fetched: reading them takes the account's credentials.",
    )
    # Twilio sends any other text to the customer as a reply.
    answer = Answer(content_type="text/xml", body=b"<Response/>")

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.twilio(signatures.credential(source, "auth_token"), request)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        fields = _fields(request)
        sid = fields.get("MessageSid") or fields.get("SmsSid")
        if not sid:
            return [Ignored("no message: another Twilio product")]
        status = fields.get("MessageStatus") or fields.get("SmsStatus", "")
        if status in _ON_THE_WAY:
            return [Ignored(f"status {status}")]
        if status in _EVENTS:
            return [_receipt(sid, _EVENTS[status], fields)]
        return [_message(sid, fields, source.default_region)]


def _fields(request: WebhookRequest) -> dict[str, str]:
    """The query or the form. Bodies that are signed by their hash (JSON) carry no messages."""
    if request.method == "GET":
        return values(urlencoded(request.query))
    return {} if b"bodySHA256=" in request.query else values(urlencoded(request.body))


def _message(sid: str, fields: Mapping[str, str], region: str | None) -> InboundMessage:
    sender = Address(IdentifierKind.phone, fields.get("From", ""))
    recipient = Address(IdentifierKind.phone, fields.get("To", ""))
    replied_to = fields.get("OriginalRepliedMessageSid")
    return InboundMessage(
        channel=Channel.sms,
        external_id=sid,
        sender=party(sender, region=region),
        recipient=party(recipient, region=region),
        identifiers=identify([sender], region=region),
        text=fields.get("Body", ""),
        references=(replied_to,) if replied_to else (),
        attachments=tuple(_media(fields)),
        attributes=dict(_attributes(fields)),
    )


def _media(fields: Mapping[str, str]) -> Iterator[Attachment]:
    for index in count():
        url = fields.get(f"MediaUrl{index}")
        if not url:
            return
        content_type = fields.get(f"MediaContentType{index}") or "application/octet-stream"
        yield Attachment(name=None, content_type=content_type, url=url, provider_id=url.rpartition("/")[2])


def _attributes(fields: Mapping[str, str]) -> Iterator[tuple[str, str | int]]:
    if opt_out := fields.get("OptOutType"):
        yield "opt_out", opt_out
    if (segments := fields.get("NumSegments", "")).isdecimal():
        yield "segments", int(segments)


def _receipt(sid: str, event: ReceiptEvent, fields: Mapping[str, str]) -> DeliveryReceipt:
    # RawDlrDoneDate is the carrier's clock in a zone nobody tells, so it is no time.
    return DeliveryReceipt(
        external_id=sid,
        event=event,
        recipient=identify_one(IdentifierKind.phone, fields.get("To", "")),
        error_code=fields.get("ErrorCode") or None,
    )
