"""WhatsApp Cloud API: messages, statuses and number changes of a WhatsApp Business account."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from app.channels import documents, media, signatures, times
from app.channels.base import Adapter, Answer, Fetching, FetchRequest, Refused, SourceConfig, WebhookRequest
from app.channels.chat.whatsapp_content import content
from app.channels.chat.whatsapp_people import circumstances, contact_of, number_change, senders_of
from app.channels.documents import Document, needed, section, sections, text
from app.channels.forms import urlencoded, values
from app.channels.parties import Address, ends, identify_one
from app.messages import (
    Attachment,
    Channel,
    DeliveryReceipt,
    IdentifierKind,
    Ignored,
    Inbound,
    InboundMessage,
    InteractionKind,
    ReceiptEvent,
)

_EVENTS = {
    "sent": ReceiptEvent.sent,
    "delivered": ReceiptEvent.delivered,
    "read": ReceiptEvent.read,
    "played": ReceiptEvent.read,
    "failed": ReceiptEvent.failed,
}
_GRAPH_VERSION = "v23.0"


class WhatsAppCloud(Adapter):
    """WhatsApp Business Platform, "messages webhook reference", and Graph API, "Webhooks: Getting Started"."""

    provider = "whatsapp_cloud"
    title = "WhatsApp Cloud API"
    channel = Channel.whatsapp
    schemes: ClassVar = {"meta_hmac_sha256": ("app_secret",), "meta_verify_token": ("verify_token",)}
    optional_credentials = ("verify_token", "access_token")
    body_signed = True
    media_hosts = ("graph.facebook.com", "lookaside.fbsbx.com", ".whatsapp.net")
    delivers = ("messages", "receipts")
    limits = (
        "Pictures and files are fetched with the credential access_token; without it they are marked failed.",
        "Calls, message history and echoes of the business app are not filed.",
    )

    def handshake(self, request: WebhookRequest, source: SourceConfig) -> Answer | None:
        """ "Verification Requests": whoever knows the token gets the challenge back."""
        if request.method != "GET":
            return None
        query = values(urlencoded(request.query))
        token = signatures.credential(source, "verify_token")
        if query.get("hub.mode") != "subscribe" or not signatures.same(query.get("hub.verify_token", ""), token):
            raise Refused("verify token missing or wrong")
        return Answer(body=query.get("hub.challenge", "").encode())

    def fetch_media(self, attachment: Attachment, source: SourceConfig) -> Fetching[Attachment]:
        """Cloud API, "Media": the id gives a URL that lives five minutes, both ask for the account's token."""
        bearer = media.authorization("Bearer", source.credentials.get("access_token"))
        version = str(source.settings.get("graph_version") or _GRAPH_VERSION)
        found = yield FetchRequest(f"https://graph.facebook.com/{version}/{attachment.provider_id}", headers=bearer)
        url = text(documents.read(found.body), "url")
        return (yield from media.fetch(replace(attachment, url=url), bearer))

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        secret = signatures.credential(source, "app_secret")
        given = request.headers.get("x-hub-signature-256", "")
        signatures.hmac_hex(secret, request.body, given.removeprefix("sha256="))

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        found: list[Inbound] = []
        for entry in sections(documents.read(request.body), "entry"):
            for change in sections(entry, "changes"):
                found += _change(change)
        return found or [Ignored("no message")]


def _change(change: Document) -> Iterator[Inbound]:
    if change.get("field") != "messages":
        yield Ignored(f"field {text(change, 'field')}")
        return
    value = section(change, "value")
    for message in sections(value, "messages"):
        yield number_change(message) or _message(message, value)
    for status in sections(value, "statuses"):
        yield _receipt(status)


def _message(message: Document, value: Document) -> InboundMessage:
    said, contact = content(message), contact_of(message, value)
    senders = list(senders_of(message, contact))
    business = Address(IdentifierKind.whatsapp, text(section(value, "metadata"), "display_phone_number"))
    answered = said.answers or text(section(message, "context"), "id")
    return InboundMessage(
        channel=Channel.whatsapp,
        kind=InteractionKind.status if "system" in message else InteractionKind.message,
        external_id=needed(message, "id"),
        occurred_at=times.unix(message.get("timestamp")),
        **ends(senders, [business], name=text(section(contact, "profile"), "name")),
        text=said.text,
        references=(answered,) if answered else (),
        attachments=said.attachments,
        attributes={**said.attributes, **dict(circumstances(message, contact))},
    )


def _receipt(status: Document) -> Inbound:
    name, message_id = text(status, "status"), text(status, "id")
    event = _EVENTS.get(name)
    if event is None or not message_id:
        return Ignored(f"status {name}")
    recipient = text(status, "recipient_id") or text(status, "recipient_user_id")
    error = next(iter(sections(status, "errors")), {})
    return DeliveryReceipt(
        external_id=message_id,
        event=event,
        occurred_at=times.unix(status.get("timestamp")),
        recipient=identify_one(IdentifierKind.whatsapp, recipient),
        error_code=str(error["code"]) if "code" in error else None,
    )
