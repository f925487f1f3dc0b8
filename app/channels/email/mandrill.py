"""Mandrill (Mailchimp Transactional): received mail and what became of sent mail, several in one request."""

from collections.abc import Sequence
from typing import ClassVar

from app.channels import documents, forms, signatures
from app.channels.base import Adapter, Answer, Refused, SourceConfig, Unreadable, WebhookRequest
from app.channels.documents import Document, section, text
from app.channels.email import mandrill_mail
from app.channels.email.events import receipt
from app.channels.times import unix_if_told
from app.messages import Channel, Inbound, ReceiptEvent

_FIELD = b"mandrill_events"
_EVENTS = {
    "send": ReceiptEvent.sent,
    "delivered": ReceiptEvent.delivered,
    "deferral": ReceiptEvent.deferred,
    "hard_bounce": ReceiptEvent.bounced,
    "soft_bounce": ReceiptEvent.bounced,
    "reject": ReceiptEvent.failed,
    "spam": ReceiptEvent.complained,
    "unsub": ReceiptEvent.unsubscribed,
    "open": ReceiptEvent.read,
}


class Mandrill(Adapter):
    """Mailchimp Transactional, "Track Events with Webhooks", "Authenticating webhook requests" and "Inbound email"."""

    provider = "mandrill"
    title = "Mandrill (Mailchimp Transactional)"
    channel = Channel.email
    credentials_later = True
    schemes: ClassVar = {"mandrill_hmac_sha1": ("webhook_key",)}
    body_signed = True
    delivers = ("messages", "receipts")
    limits = ("Mandrill signs the URL as it was entered, user name and password included: public_url must be that.",)

    def handshake(self, request: WebhookRequest, source: SourceConfig) -> Answer | None:
        """Mandrill tries a URL before it makes the key: with HEAD, then with no events, neither of them signed for
        us. Nothing is believed on account of it."""
        return self.answer if request.method == "HEAD" or _is_empty(request) else None

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        try:
            fields = sorted(forms.pairs(request.body))
        except Unreadable as error:
            raise Refused("the form cannot be read") from error
        signed = request.url.encode() + b"".join(name + value for name, value in fields)
        given = request.headers.get("x-mandrill-signature")
        signatures.hmac_base64(signatures.credential(source, "webhook_key"), [signed], given, "sha1")

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        events = dict(forms.pairs(request.body)).get(_FIELD)
        if events is None:
            raise Unreadable("no mandrill_events")
        return [inbound for event in documents.read_each(events) for inbound in _translate(event)]


def _is_empty(request: WebhookRequest) -> bool:
    return len(request.body) < 64 and forms.pairs(request.body) == [(_FIELD, b"[]")]


def _translate(event: Document) -> Sequence[Inbound]:
    name, message = text(event, "event"), section(event, "msg")
    occurred_at = unix_if_told(event.get("ts"))
    if name == "inbound":
        return mandrill_mail.received(message, occurred_at)
    return [
        receipt(
            _EVENTS,
            name,
            message_id=text(event, "_id") or text(message, "_id"),
            recipient=text(message, "email"),
            occurred_at=occurred_at,
            error_code=text(message, "bounce_description"),
        )
    ]
