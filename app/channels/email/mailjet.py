"""Mailjet: received mail and what became of sent mail."""

from collections.abc import Sequence
from typing import ClassVar

from app.channels import documents, signatures
from app.channels.base import Adapter, SourceConfig, Unreadable, WebhookRequest
from app.channels.documents import Document, fingerprint, section, sections, text
from app.channels.email.events import receipt
from app.channels.email.files import file
from app.channels.email.headers import Headers
from app.channels.email.mail import Mail, message_key, to_inbound
from app.channels.email.parts import parameters
from app.channels.email.transfer import decode_base64
from app.channels.times import iso_if_told, unix_if_told
from app.messages import Attachment, Channel, Inbound, ReceiptEvent

_HEADERS = {"From": "From", "Subject": "Subject"}
_EVENTS = {
    # Mailjet's "sent" is the answer of the recipient's server.
    "sent": ReceiptEvent.delivered,
    "open": ReceiptEvent.read,
    "bounce": ReceiptEvent.bounced,
    "blocked": ReceiptEvent.failed,
    "spam": ReceiptEvent.complained,
    "unsub": ReceiptEvent.unsubscribed,
}


class Mailjet(Adapter):
    """Mailjet, "Parse API: inbound emails" and "Event API: real-time notifications"."""

    provider = "mailjet"
    title = "Mailjet"
    channel = Channel.email
    schemes: ClassVar = {"basic": ("username", "password")}
    delivers = ("messages", "receipts")
    limits = ("Mailjet signs nothing: the webhook URL carries the user name and password.",)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check_basic(request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        told = documents.read_each(request.body)
        if any("event" in each for each in told):
            return [_event(each) for each in told]
        return [inbound for each in told for inbound in _received(each)]


def _event(event: Document) -> Inbound:
    message_id = event.get("MessageID") or event.get("mj_message_id") or ""
    return receipt(
        _EVENTS,
        text(event, "event"),
        message_id=str(message_id),
        recipient=text(event, "email"),
        occurred_at=unix_if_told(event.get("time")),
        error_code=text(event, "error"),
    )


def _received(told: Document) -> list[Inbound]:
    if not (told.get("From") or told.get("Sender")):
        raise Unreadable("a mail without sender")
    headers = Headers.told({header: told.get(name) for header, name in _HEADERS.items()}).over(
        Headers.told(section(told, "Headers"))
    )
    recipient = text(told, "Recipient")
    mail = Mail(
        headers=headers,
        sender=headers.sender,
        text=text(told, "Text-part"),
        html=text(told, "Html-part"),
        sent_at=iso_if_told(text(told, "Date")),
        attachments=_attachments(told),
    )
    return to_inbound(
        mail,
        external_id=message_key(headers.message_id or fingerprint(told), recipient),
        recipient=recipient,
        envelope_from=text(told, "Sender") if "Sender" in told else None,
        attributes={"spam_score": text(told, "SpamAssassinScore"), "custom_id": text(told, "CustomID")},
    )


def _attachments(told: Document) -> tuple[Attachment, ...]:
    headers = {text(part, "ContentRef"): Headers.told(section(part, "Headers")) for part in sections(told, "Parts")}
    found = []
    for name in told:
        if name.removeprefix("Inline").startswith("Attachment") and told[name] is not None:
            part = headers.get(name, Headers(()))
            content_type, options = parameters(part.raw("content-type"))
            _, disposition = parameters(part.raw("content-disposition"))
            found.append(
                file(
                    decode_base64(text(told, name).encode()),
                    name=disposition.get("filename") or options.get("name") or "",
                    content_type=content_type,
                    cid=part.raw("content-id"),
                )
            )
    return tuple(found)
