"""SendGrid: received mail, parsed or raw, and what became of sent mail."""

import base64
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from app.channels import documents, forms, signatures
from app.channels.base import Adapter, Refused, SourceConfig, WebhookRequest
from app.channels.documents import Document, text
from app.channels.email import sendgrid_mail
from app.channels.email.events import receipt
from app.channels.signatures import Check
from app.channels.times import unix_if_told
from app.messages import Channel, Inbound, ReceiptEvent

_PREFIX = "x-twilio-email-event-webhook-"
_EVENTS = {
    "delivered": ReceiptEvent.delivered,
    "open": ReceiptEvent.read,
    "deferred": ReceiptEvent.deferred,
    "bounce": ReceiptEvent.bounced,
    "dropped": ReceiptEvent.failed,
    "spamreport": ReceiptEvent.complained,
    "unsubscribe": ReceiptEvent.unsubscribed,
    "group_unsubscribe": ReceiptEvent.unsubscribed,
}


class SendGrid(Adapter):
    """Twilio SendGrid, "Setting Up The Inbound Parse Webhook", "Securing your Inbound Parse Webhooks" and "Event
    Webhook Reference"."""

    provider = "sendgrid"
    title = "SendGrid"
    channel = Channel.email
    schemes: ClassVar = {"sendgrid_ecdsa": ("public_key",), "basic": ("username", "password"), "none": ()}
    delivers = ("messages", "receipts")
    limits = (
        "SendGrid signs mail only under a parse security policy, events only where signing is switched on.",
        "Signatures are good for ever unless settings.tolerance_s says otherwise: SendGrid tries for days.",
    )

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check(_CHECKS, self.scheme(source), request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        content_type = request.headers.get("content-type", "")
        if documents.is_json(content_type):
            return [_event(event) for event in documents.read_each(request.body)]
        return sendgrid_mail.received(forms.read(request.body, content_type))


def _event(event: Document) -> Inbound:
    name = text(event, "event")
    # A bounce of type "blocked" is one server's "not now", and says nothing against the address.
    blocked = name == "bounce" and text(event, "type") == "blocked"
    return receipt(
        {**_EVENTS, "bounce": ReceiptEvent.failed} if blocked else _EVENTS,
        name,
        # Behind the first dot stands how the mail went through SendGrid; before it, the id sending answered with.
        message_id=text(event, "sg_message_id").partition(".")[0] or text(event, "smtp-id"),
        recipient=text(event, "email"),
        occurred_at=unix_if_told(event.get("timestamp")),
        error_code=text(event, "status") or text(event, "type"),
    )


def _check_ecdsa(request: WebhookRequest, source: SourceConfig) -> None:
    given, timestamp = (request.headers.get(_PREFIX + name, "") for name in ("signature", "timestamp"))
    try:
        key = _public_key(signatures.credential(source, "public_key"))
        signature = base64.b64decode(given, validate=True)
        key.verify(signature, timestamp.encode() + request.body, ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise Refused("signature missing or wrong") from error
    if "tolerance_s" in source.settings:
        signatures.fresh(timestamp, request, source, source.settings["tolerance_s"])


@lru_cache(maxsize=64)
def _public_key(encoded: str) -> EllipticCurvePublicKey:
    key = load_der_public_key(base64.b64decode(encoded, validate=True))
    if not isinstance(key, EllipticCurvePublicKey):
        raise Refused("the public key is of another kind")
    return key


_CHECKS: Mapping[str, Check] = {
    "sendgrid_ecdsa": _check_ecdsa,
    "basic": signatures.check_basic,
    "none": signatures.check_nothing,
}
