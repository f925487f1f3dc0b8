"""Postmark: received mail and what became of sent mail."""

import base64
from collections.abc import Sequence
from typing import ClassVar

from app.channels import documents, signatures, times
from app.channels.base import Adapter, SourceConfig, Unreadable, WebhookRequest
from app.channels.digests import digest
from app.channels.documents import Document, section, sections, text
from app.channels.email.files import file
from app.channels.email.headers import Headers
from app.channels.email.mail import Mail, message_key, to_inbound
from app.channels.parties import identify_one
from app.messages import Attachment, Channel, DeliveryReceipt, IdentifierKind, Ignored, Inbound, ReceiptEvent

_HEADERS = {"To": "To", "Cc": "Cc", "Reply-To": "ReplyTo", "Subject": "Subject", "Date": "Date"}
_EVENTS = {
    "Delivery": (ReceiptEvent.delivered, "DeliveredAt"),
    "Open": (ReceiptEvent.read, "ReceivedAt"),
    "Bounce": (ReceiptEvent.bounced, "BouncedAt"),
    "SpamComplaint": (ReceiptEvent.complained, "BouncedAt"),
    "SubscriptionChange": (ReceiptEvent.unsubscribed, "ChangedAt"),
}
_BOUNCES = {
    # Bounce types that are no bounce; None: an answer of the mailbox, not the fate of the mail.
    "Transient": ReceiptEvent.deferred,
    "Unsubscribe": ReceiptEvent.unsubscribed,
    "SpamNotification": ReceiptEvent.complained,
    "SpamComplaint": ReceiptEvent.complained,
    "Blocked": ReceiptEvent.failed,
    "SMTPApiError": ReceiptEvent.failed,
    "TemplateRenderingFailed": ReceiptEvent.failed,
    "Subscribe": None,
    "AutoResponder": None,
    "AddressChange": None,
    "ChallengeVerification": None,
    "OpenRelayTest": None,
}
_SUPPRESSIONS = {"HardBounce": ReceiptEvent.bounced, "SpamComplaint": ReceiptEvent.complained}


class Postmark(Adapter):
    """Postmark, "Inbound webhook", "Bounce webhook", "Delivery webhook" and their siblings."""

    provider = "postmark"
    title = "Postmark"
    channel = Channel.email
    schemes: ClassVar = {"basic": ("username", "password")}
    delivers = ("messages", "receipts")
    limits = ("Postmark signs nothing: the webhook URL carries the user name and password.",)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check_basic(request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        payload = documents.read(request.body)
        if "RecordType" in payload:
            return [_receipt(payload)]
        mail = _mail(payload)
        recipient = text(payload, "OriginalRecipient") or next(
            (text(to, "Email") for to in sections(payload, "ToFull")), ""
        )
        return to_inbound(
            mail,
            external_id=_external_id(payload, mail.headers, recipient, request.body),
            recipient=recipient,
            attributes={"mailbox_hash": text(payload, "MailboxHash"), "tag": text(payload, "Tag")},
        )


def _external_id(payload: Document, headers: Headers, recipient: str, body: bytes) -> str:
    """Postmark's own id, save that of its test button: that one is always the same."""
    own = text(payload, "MessageID")
    if own.strip("0-"):
        return own
    return message_key(headers.message_id or digest([body]).hex(), recipient)


def _mail(payload: Document) -> Mail:
    sender = section(payload, "FromFull")
    headers = [(text(header, "Name"), text(header, "Value")) for header in sections(payload, "Headers")]
    return Mail(
        headers=Headers([*headers, *((header, text(payload, field)) for header, field in _HEADERS.items())]),
        sender=(text(sender, "Name"), text(sender, "Email")),
        text=text(payload, "TextBody"),
        html=text(payload, "HtmlBody"),
        reply_text=text(payload, "StrippedTextReply"),
        attachments=tuple(_attachment(attachment) for attachment in sections(payload, "Attachments")),
    )


def _attachment(attachment: Document) -> Attachment:
    # The test button sends `Data` where real mail has `Content`.
    encoded = text(attachment, "Content") or text(attachment, "Data")
    try:
        content = base64.b64decode(encoded)
    except ValueError as error:
        raise Unreadable("an attachment is not base64") from error
    return file(
        content,
        name=text(attachment, "Name"),
        content_type=text(attachment, "ContentType"),
        cid=text(attachment, "ContentID"),
    )


def _receipt(payload: Document) -> Inbound:
    kind, message_id = text(payload, "RecordType"), text(payload, "MessageID")
    event, time_field = _EVENTS.get(kind, (None, ""))
    if kind == "Bounce":
        event = _BOUNCES.get(text(payload, "Type"), event)
    if kind == "SubscriptionChange":
        event = _SUPPRESSIONS.get(text(payload, "SuppressionReason"), event) if payload["SuppressSending"] else None
    if event is None or not message_id:
        return Ignored(f"{kind} {text(payload, 'Type')}".strip())
    return DeliveryReceipt(
        external_id=message_id,
        event=event,
        occurred_at=times.iso(text(payload, time_field)),
        recipient=identify_one(IdentifierKind.email, text(payload, "Recipient") or text(payload, "Email")),
        error_code=text(payload, "Type") or None,
    )
