"""Resend: word of received mail, which is then fetched, and what became of sent mail."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar
from urllib.parse import quote

from app.channels import documents, media, signatures, standard_webhooks
from app.channels.base import Adapter, Fetching, FetchRequest, SourceConfig, WebhookRequest
from app.channels.documents import Document, needed, section, sections, text, texts, whole
from app.channels.email import mime
from app.channels.email.events import receipt
from app.channels.email.headers import Headers, first_address
from app.channels.email.mail import Mail, to_message
from app.channels.email.parts import content_id, file_name
from app.channels.times import iso_if_told
from app.messages import Attachment, Channel, Inbound, InboundMessage, ReceiptEvent

_MAILS = "https://api.resend.com/emails/receiving/"
_HEADERS = {"From": "from", "Subject": "subject", "Message-ID": "message_id"}
_LISTS = {"To": "to", "Cc": "cc", "Reply-To": "reply_to"}
_EVENTS = {
    "email.sent": ReceiptEvent.sent,
    "email.delivered": ReceiptEvent.delivered,
    "email.delivery_delayed": ReceiptEvent.deferred,
    "email.bounced": ReceiptEvent.bounced,
    "email.failed": ReceiptEvent.failed,
    "email.suppressed": ReceiptEvent.failed,
    "email.complained": ReceiptEvent.complained,
    "email.opened": ReceiptEvent.read,
}


class Resend(Adapter):
    """Resend, "Receiving Emails", "Retrieve Received Email", "Event Types" and "Verify Webhooks Requests"."""

    provider = "resend"
    title = "Resend"
    channel = Channel.email
    schemes: ClassVar = {"svix": ("signing_secret",)}
    optional_credentials = ("api_key",)
    body_signed = True
    delivers = ("messages", "receipts")
    limits = (
        "Resend sends neither text nor headers: without api_key only who wrote, when and on what is known.",
        "Of a mail to several recipients Resend does not say whose receipt it is.",
    )
    media_hosts = ("api.resend.com", "inbound-cdn.resend.com", ".cloudfront.net")

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        standard_webhooks.verify(request, source, signatures.credential(source, "signing_secret"), prefix="svix")

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        event = documents.read(request.body)
        told = section(event, "data")
        if text(event, "type") == "email.received":
            return [replace(_message(told, _told_mail(told)), incomplete=True)]
        return [_receipt(event, told)]

    def fetch_message(self, message: InboundMessage, source: SourceConfig) -> Fetching[InboundMessage]:
        authorization = media.authorization("Bearer", signatures.credential(source, "api_key"))
        url = _MAILS + quote(message.external_id, safe="") + "?html_format=cid"
        told = documents.read((yield FetchRequest(url, headers=authorization)).body)
        raw_url = text(section(told, "raw"), "download_url")
        mail = mime.read((yield FetchRequest(raw_url)).body) if raw_url else _told_mail(told)
        whole = _message({**told, "email_id": message.external_id}, mail)
        return replace(whole, recipient=message.recipient, occurred_at=whole.occurred_at or message.occurred_at)

    def fetch_media(self, attachment: Attachment, source: SourceConfig) -> Fetching[Attachment]:
        """Its URL expires, so it is asked for anew."""
        authorization = media.authorization("Bearer", signatures.credential(source, "api_key"))
        told = documents.read((yield FetchRequest(attachment.url or "", headers=authorization)).body)
        found = yield from media.fetch(replace(attachment, url=text(told, "download_url")))
        return replace(found, url=attachment.url)


def _message(told: Document, mail: Mail) -> InboundMessage:
    return to_message(
        replace(mail, sent_at=iso_if_told(text(told, "created_at"))),
        external_id=needed(told, "email_id"),
        recipient=first_address(*texts(told, "to")),
    )


def _told_mail(told: Document) -> Mail:
    lists = {header: ", ".join(texts(told, name)) for header, name in _LISTS.items()}
    own = Headers.told({**{header: told.get(name) for header, name in _HEADERS.items()}, **lists})
    headers = own.over(_headers(told))
    mail_id = text(told, "email_id") or text(told, "id")
    return Mail(
        headers=headers,
        sender=headers.sender,
        text=text(told, "text"),
        html=text(told, "html"),
        attachments=tuple(_attachment(file, mail_id) for file in sections(told, "attachments")),
    )


def _headers(told: Document) -> Headers:
    """An object, or a list of names and values."""
    if isinstance(told.get("headers"), list):
        return Headers((text(header, "name"), text(header, "value")) for header in sections(told, "headers"))
    return Headers.told(section(told, "headers"))


def _attachment(told: Document, mail_id: str) -> Attachment:
    file_id = text(told, "id")
    return Attachment(
        name=file_name(text(told, "filename")),
        content_type=text(told, "content_type") or "application/octet-stream",
        size=whole(told, "size"),
        url=f"{_MAILS}{quote(mail_id, safe='')}/attachments/{quote(file_id, safe='')}" if file_id else None,
        provider_id=file_id or None,
        content_id=content_id(text(told, "content_id")),
    )


def _receipt(event: Document, told: Document) -> Inbound:
    recipients = texts(told, "to")
    return receipt(
        _EVENTS,
        text(event, "type"),
        message_id=text(told, "email_id"),
        recipient=recipients[0] if len(recipients) == 1 else "",
        occurred_at=iso_if_told(text(event, "created_at")),
        error_code=text(section(told, "bounce"), "subType") or text(section(told, "bounce"), "type"),
    )
