"""MessageBird and its successor Bird: received messages and status reports."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from app.channels import documents, media, parameters, signatures, times
from app.channels.base import Adapter, Fetching, Refused, SourceConfig, Unreadable, WebhookRequest
from app.channels.parties import ends, identify_one, number
from app.channels.sms import bird, messagebird_signatures
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

_NAMES = {"id": "id", "from": "originator", "to": "recipient", "text": "body", "time": "createdDatetime"}
_EVENTS = {
    "sent": ReceiptEvent.sent,
    "delivered": ReceiptEvent.delivered,
    "expired": ReceiptEvent.failed,
    "delivery_failed": ReceiptEvent.failed,
}


class MessageBird(Adapter):
    """MessageBird, "Receive SMS", "Handle Status Reports" and "Verifying Webhooks"; Bird, Channels API, "Receiving
    messages" and "Verifying a webhook subscription"."""

    provider = "messagebird"
    title = "MessageBird and Bird"
    channel = Channel.sms
    schemes: ClassVar = dict.fromkeys(messagebird_signatures.CHECKS, ("signing_key",))
    optional_credentials = ("access_key",)
    body_signed = True
    delivers = ("messages", "receipts")
    limits = (
        "Take bird_hmac for webhooks of the Bird platform, messagebird_legacy for accounts that sign the old way.",
        "The parameters of a received SMS are read by the names settings.fields gives (id, from, to, text, time).",
        "Pictures and files of Bird are read with an access_key.",
    )
    media_hosts = (".bird.com", ".messagebird.com")

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        # All three prove the query by the URL or by itself: it must be the one that is read.
        if not request.url.encode().endswith(request.query):
            raise Refused("the query is not in the signed URL")
        signatures.check(messagebird_signatures.CHECKS, self.scheme(source), request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        if documents.is_json(request.headers.get("content-type", "")):
            return [bird.inbound(documents.read(request.body), source.default_region)]
        fields = parameters.texts(request)
        if "status" in fields:
            return [_receipt(fields, source.default_region)]
        return [_message(fields, source.settings.get("fields") or {}, source.default_region)]

    def fetch_media(self, attachment: Attachment, source: SourceConfig) -> Fetching[Attachment]:
        return media.fetch(attachment, media.authorization("AccessKey", source.credentials.get("access_key")))


def _message(fields: Mapping[str, str], own: Mapping[str, Any], region: str | None) -> Inbound:
    names = {word: str(own.get(word, name)) for word, name in _NAMES.items()}
    if names["text"] not in fields:
        return Ignored("no message")
    told = {word: fields.get(name, "") for word, name in names.items()}
    message_id = told["id"] or fields.get("message_id", "")
    if not message_id:
        raise Unreadable("a message without id")
    return InboundMessage(
        channel=Channel.sms,
        external_id=message_id,
        occurred_at=times.iso_if_told(_plus_restored(told["time"])),
        **ends([number(told["from"])], [number(told["to"])], region=region),
        text=told["text"],
        attributes=dict(_attributes(fields)),
    )


def _attributes(fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in ("reference", "shortcode"):
        if fields.get(name):
            yield name, fields[name]


def _receipt(fields: Mapping[str, str], region: str | None) -> Inbound:
    status = fields["status"]
    event = _EVENTS.get(status.lower())
    if event is None or not fields.get("id"):
        return Ignored(f"status {status}")
    return DeliveryReceipt(
        external_id=fields["id"],
        event=event,
        occurred_at=times.iso_if_told(_plus_restored(fields.get("statusDatetime", ""))),
        recipient=identify_one(IdentifierKind.phone, fields.get("recipient", ""), region=region, without_plus=True),
        error_code=fields.get("statusErrorCode") or None,
    )


def _plus_restored(written: str) -> str:
    """A plus that was not escaped arrives as a space: 2026-03-21T08:30:00 00:00."""
    return written.strip().replace(" ", "+") if "T" in written else written
