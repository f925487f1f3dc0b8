"""Vonage Messages API: messages and statuses of WhatsApp, SMS, MMS, RCS, Viber and Messenger."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import jwt

from app.channels import documents, media, networks, signatures, times, tokens
from app.channels.base import Adapter, Fetching, Refused, SourceConfig, WebhookRequest
from app.channels.chat.vonage_content import content
from app.channels.documents import Document, needed, section, text
from app.channels.parties import ends
from app.messages import Attachment, Channel, DeliveryReceipt, Ignored, Inbound, InboundMessage, ReceiptEvent

# Each attempt is signed anew.
_TOLERANCE_S = 300
_EVENTS = {
    "submitted": ReceiptEvent.sent,
    "delivered": ReceiptEvent.delivered,
    "read": ReceiptEvent.read,
    "rejected": ReceiptEvent.failed,
    "undeliverable": ReceiptEvent.failed,
}
_MEDIA_TOKEN_S = 300


class VonageMessages(Adapter):
    """Vonage Messages API v1, "Inbound Message", "Message Status" and "Signed Webhooks"."""

    provider = "vonage_messages"
    title = "Vonage Messages (WhatsApp, SMS, MMS, RCS, Viber, Messenger)"
    channel = Channel.chat
    schemes: ClassVar = {"vonage_jwt": ("signature_secret",)}
    optional_credentials = ("application_id", "private_key")
    body_signed = True
    delivers = ("messages", "receipts")
    limits = ("Pictures and files are read with the application's id and private key.",)
    media_hosts = (".nexmo.com", ".vonage.com")

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        secret = signatures.credential(source, "signature_secret")
        claimed = tokens.claims(signatures.bearer_token(request), secret, "HS256")
        tolerance_s = float(source.settings.get("tolerance_s", _TOLERANCE_S))
        if abs(tokens.age_s(claimed, "iat", request.received_at)) > tolerance_s:
            raise Refused("the token is too old or too new")
        if request.body.strip() in (b"", b"{}"):
            return  # a trial of the address: nothing is said that would need proof
        tokens.issued_by(claimed, "Vonage")
        tokens.cover(claimed, "payload_hash", request.body)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        payload = documents.read(request.body or b"{}")
        if not payload.keys() & {"message_type", "status"}:
            return [Ignored("no message")]
        region = source.default_region
        return [_message(payload, region) if "message_type" in payload else _receipt(payload, region)]

    def fetch_media(self, attachment: Attachment, source: SourceConfig) -> Fetching[Attachment]:
        """Vonage, "Authentication": a token of the application, signed for the moment."""
        application_id, private_key = (source.credentials.get(name, "") for name in ("application_id", "private_key"))

        def authorization(moment: datetime) -> Mapping[str, str]:
            now = int(moment.timestamp())
            claimed = {"application_id": application_id, "iat": now, "exp": now + _MEDIA_TOKEN_S, "jti": f"{now}"}
            return media.authorization("Bearer", jwt.encode(claimed, private_key, algorithm="RS256"))

        return media.fetch(attachment, headers_at=authorization if private_key else None)


def _message(payload: Document, region: str | None) -> InboundMessage:
    network, said = text(payload, "channel"), content(payload)
    senders = networks.addresses(network, text(payload, "from"))
    recipients = networks.addresses(network, text(payload, "to"))
    answered = said.answers or text(section(payload, "context"), "message_uuid")
    return InboundMessage(
        channel=networks.channel(network),
        external_id=needed(payload, "message_uuid"),
        occurred_at=times.iso_if_told(text(payload, "timestamp")),
        **ends(senders, recipients, region=region, name=text(section(payload, "profile"), "name")),
        text=said.text,
        references=(answered,) if answered else (),
        attachments=said.attachments,
        attributes={**said.attributes, **dict(_attributes(payload))},
    )


def _attributes(payload: Document) -> Iterator[tuple[str, Any]]:
    segments = text(section(payload, "sms"), "num_messages")
    if segments.isdecimal() and len(segments) < 4:
        yield "segments", int(segments)
    if referral := section(section(payload, "whatsapp"), "referral"):
        yield "referral", dict(referral)


def _receipt(payload: Document, region: str | None) -> Inbound:
    event, error = _EVENTS.get(text(payload, "status")), section(payload, "error")
    if event is None:
        return Ignored(f"status {text(payload, 'status')}")
    # The title of an error is its number, in some versions a number in JSON too.
    code = error.get("title") or error.get("code")
    return DeliveryReceipt(
        external_id=needed(payload, "message_uuid"),
        event=event,
        occurred_at=times.iso_if_told(text(payload, "timestamp")),
        recipient=networks.identify_one(text(payload, "channel"), text(payload, "to"), region),
        error_code=str(code) if code else None,
    )
