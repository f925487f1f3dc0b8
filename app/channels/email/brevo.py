"""Brevo: received mail, several in one request, and what became of sent mail."""

from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote

from app.channels import documents, media, signatures
from app.channels.base import Adapter, Fetching, Refused, SourceConfig, Unreadable, WebhookRequest
from app.channels.digests import bounded
from app.channels.documents import Document, fingerprint, section, sections, text, texts, whole
from app.channels.email.events import receipt
from app.channels.email.headers import Headers
from app.channels.email.mail import Mail, message_key, to_inbound
from app.channels.email.parts import content_id, file_name
from app.channels.signatures import Check
from app.channels.times import unix_if_told
from app.messages import Attachment, Channel, Inbound, ReceiptEvent

_HEADERS = {"Message-ID": "MessageId", "In-Reply-To": "InReplyTo", "Date": "SentAtDate", "Subject": "Subject"}
_LISTS = ("To", "Cc")
_FILES = "https://api.brevo.com/v3/inbound/attachments/"
_EVENTS = {
    "delivered": ReceiptEvent.delivered,
    "hard_bounce": ReceiptEvent.bounced,
    "soft_bounce": ReceiptEvent.bounced,
    "invalid_email": ReceiptEvent.bounced,
    "invalid": ReceiptEvent.bounced,
    "deferred": ReceiptEvent.deferred,
    "blocked": ReceiptEvent.failed,
    "error": ReceiptEvent.failed,
    "spam": ReceiptEvent.complained,
    "complaint": ReceiptEvent.complained,
    "unsubscribed": ReceiptEvent.unsubscribed,
    "unsubscribe": ReceiptEvent.unsubscribed,
    "opened": ReceiptEvent.read,
    "unique_opened": ReceiptEvent.read,
}


class Brevo(Adapter):
    """Brevo, "Inbound parsing webhooks", "Transactional webhooks" and "Retrieve inbound attachment with download
    token"."""

    provider = "brevo"
    title = "Brevo"
    channel = Channel.email
    schemes: ClassVar = {"bearer": ("token",), "basic": ("username", "password")}
    optional_credentials = ("api_key",)
    delivers = ("messages", "receipts")
    limits = (
        "Brevo signs nothing: the webhook is set to send a bearer token, or a user name and password.",
        "Files stay with Brevo; reading them takes api_key.",
    )
    media_hosts = ("api.brevo.com",)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check(_CHECKS, self.scheme(source), request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        told = documents.read_each(request.body)
        items = [item for each in told for item in sections(each, "items")]
        events = [_event(each) for each in told if "items" not in each]
        return [*(inbound for item in items for inbound in _received(item)), *events]

    def fetch_media(self, attachment: Attachment, source: SourceConfig) -> Fetching[Attachment]:
        return (yield from media.fetch(attachment, {"api-key": signatures.credential(source, "api_key")}))


def _check_bearer(request: WebhookRequest, source: SourceConfig) -> None:
    if not signatures.same(signatures.bearer_token(request), signatures.credential(source, "token")):
        raise Refused("token missing or wrong")


_CHECKS: Mapping[str, Check] = {"bearer": _check_bearer, "basic": signatures.check_basic}


def _event(event: Document) -> Inbound:
    if not event.get("event"):
        raise Unreadable("neither mails nor an event")
    return receipt(
        _EVENTS,
        text(event, "event"),
        message_id=text(event, "message-id"),
        recipient=text(event, "email"),
        occurred_at=unix_if_told(event.get("ts_event") or event.get("ts") or None),
        error_code=text(event, "event") if event.get("reason") else "",
    )


def _received(item: Document) -> list[Inbound]:
    sender = section(item, "From")
    if not sender:
        raise Unreadable("a mail without sender")
    headers = _headers(item)
    recipient = next((text(to, "Address") for to in sections(item, "To")), "")
    own = next(filter(None, texts(item, "Uuid")), "")
    return to_inbound(
        Mail(
            headers=headers,
            sender=(text(sender, "Name"), text(sender, "Address")),
            text=text(item, "RawTextBody"),
            html=text(item, "RawHtmlBody"),
            reply_text=text(item, "ExtractedMarkdownMessage"),
            attachments=tuple(_attachment(told) for told in sections(item, "Attachments")),
        ),
        external_id=bounded(own) or message_key(headers.message_id or fingerprint(item), recipient),
        recipient=recipient,
        attributes={"spam_score": item.get("SpamScore")},
    )


def _headers(item: Document) -> Headers:
    """Brevo's own reading of the mail goes before the headers it passes on."""
    lists = {name: ", ".join(text(to, "Address") for to in sections(item, name)) for name in _LISTS}
    own = Headers.told({header: item.get(name) for header, name in _HEADERS.items()})
    return own.over(Headers.told(section(item, "Headers"))).over(Headers.told(lists))


def _attachment(told: Document) -> Attachment:
    token = text(told, "DownloadToken")
    return Attachment(
        name=file_name(text(told, "Name")),
        content_type=text(told, "ContentType") or "application/octet-stream",
        size=whole(told, "ContentLength"),
        url=_FILES + quote(token, safe="") if token else None,
        provider_id=token or None,
        content_id=content_id(text(told, "ContentID")),
    )
