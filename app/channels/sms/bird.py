"""What the Bird platform posts ("Channels API", "Receiving messages" and "Message status")."""

from collections.abc import Iterator
from typing import Any

from app.channels import networks, times
from app.channels.documents import Document, needed, section, sections, text
from app.channels.parties import ends
from app.messages import Attachment, DeliveryReceipt, Ignored, Inbound, InboundMessage, ReceiptEvent

_EVENTS = {
    "sent": ReceiptEvent.sent,
    "delivered": ReceiptEvent.delivered,
    "read": ReceiptEvent.read,
    "rejected": ReceiptEvent.failed,
    "sending_failed": ReceiptEvent.failed,
    "delivery_failed": ReceiptEvent.failed,
    "skipped": ReceiptEvent.failed,
}
_WITH_TEXT = ("text", "html")


def inbound(envelope: Document, region: str | None) -> Inbound:
    event, payload = text(envelope, "event"), section(envelope, "payload")
    direction = text(payload, "direction") or ("incoming" if event.endswith(".inbound") else "")
    if text(envelope, "service") not in ("", "channels") or direction not in ("incoming", "outgoing"):
        return Ignored(f"{text(envelope, 'service')} {event}".strip() or "no message")
    # "sms.inbound", "whatsapp.outbound": the network, and which way.
    network = event.partition(".")[0]
    return _message(network, payload, region) if direction == "incoming" else _receipt(network, payload, region)


def _message(network: str, payload: Document, region: str | None) -> InboundMessage:
    contact = section(section(payload, "sender"), "contact")
    connector, body = section(section(payload, "receiver"), "connector"), section(payload, "body")
    senders, recipients = (networks.addresses(network, text(end, "identifierValue")) for end in (contact, connector))
    answered = text(section(payload, "replyTo"), "id")
    return InboundMessage(
        channel=networks.channel(network),
        external_id=needed(payload, "id"),
        occurred_at=times.iso_if_told(text(payload, "createdAt")),
        **ends(senders, recipients, region=region, name=text(section(contact, "annotations"), "name")),
        text=_text(body),
        references=(answered,) if answered else (),
        attachments=tuple(_attachments(body)),
        attributes=dict(_attributes(body)),
    )


def _said(body: Document) -> Document:
    """The part of a body that its type names."""
    return section(body, text(body, "type"))


def _text(body: Document) -> str:
    return text(_said(body), "text") or text(_said(body), "caption")


def _attachments(body: Document) -> Iterator[Attachment]:
    said = _said(body)
    for media in (*sections(said, "images"), *sections(said, "files")):
        if url := text(media, "mediaUrl"):
            content_type = text(media, "contentType") or "application/octet-stream"
            yield Attachment(text(media, "filename") or None, content_type, url=url)


def _attributes(body: Document) -> Iterator[tuple[str, Any]]:
    """What is neither text nor file: a place, a button, a line of a list."""
    kind = text(body, "type")
    if kind and kind not in (*_WITH_TEXT, "image", "file"):
        yield kind, dict(_said(body))


def _receipt(network: str, payload: Document, region: str | None) -> Inbound:
    event = _EVENTS.get(text(payload, "status"))
    if event is None:
        return Ignored(f"status {text(payload, 'status')}")
    contact = next(iter(sections(section(payload, "receiver"), "contacts")), {})
    return DeliveryReceipt(
        external_id=needed(payload, "id"),
        event=event,
        occurred_at=times.iso_if_told(text(payload, "lastStatusAt")),
        recipient=networks.identify_one(network, text(contact, "identifierValue"), region),
        error_code=(text(payload, "reason") or None) if event is ReceiptEvent.failed else None,
    )
