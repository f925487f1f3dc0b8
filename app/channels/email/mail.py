"""What all mail providers deliver in their own wrapping, and the message it becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.channels.digests import bounded
from app.channels.email import reports
from app.channels.email.headers import Headers
from app.channels.email.markup import sanitised
from app.channels.email.page_text import to_text
from app.channels.email.replies import reply_text
from app.channels.parties import Address, ends
from app.messages import Attachment, Channel, IdentifierKind, Inbound, InboundMessage

# Nobody writes more by hand; it bounds the work on what programs write.
_LONGEST_REPLY = 200_000
_SHOWN = ("to", "cc", "reply-to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    headers: Headers
    sender: tuple[str, str]
    """Name and address."""
    text: str
    html: str | None = None
    """As sent; what becomes of it can be shown without harm."""
    reply_text: str | None = None
    """What the provider takes for newly written."""
    sent_at: datetime | None = None
    """The provider's word, where the Date header says nothing readable."""
    attachments: Sequence[Attachment] = ()


def message_key(mail_id: str, recipient: str) -> str:
    """One mail to two of our addresses is two messages."""
    return bounded(f"{mail_id} {recipient.lower()}".strip())


def to_inbound(
    mail: Mail,
    *,
    external_id: str,
    recipient: str,
    envelope_from: str | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> list[Inbound]:
    """The message, and what it reports of messages we sent. A complaint is no message: its sender is a machine of
    the complainer's provider, and what it encloses are our own words."""
    reported = reports.receipts(mail.headers, mail.attachments)
    if reported and reports.is_complaint(mail.attachments):
        return [*reported]
    message = to_message(
        mail, external_id=external_id, recipient=recipient, envelope_from=envelope_from, attributes=attributes
    )
    return [message, *reported]


def to_message(
    mail: Mail,
    *,
    external_id: str,
    recipient: str,
    envelope_from: str | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> InboundMessage:
    """`recipient` is the address the mail was delivered to, which need not be in its headers; an empty
    `envelope_from` marks mail that wants no answer (RFC 5321, section 4.5.5)."""
    headers = mail.headers
    name, address = mail.sender
    sender = Address(IdentifierKind.email, address or envelope_from or "")
    text = _clean_lines(mail.text) or (to_text(mail.html) if mail.html else "")
    shown = {header.replace("-", "_"): headers.get(header) for header in _SHOWN}
    return InboundMessage(
        channel=Channel.email,
        external_id=external_id,
        occurred_at=headers.sent_at or mail.sent_at,
        **ends([sender], [Address(IdentifierKind.email, recipient)], name=name),
        subject=headers.get("subject") or None,
        text=text,
        html=sanitised(mail.html) if mail.html else None,
        reply_text=_newly_written(text, mail.reply_text),
        message_id=headers.message_id,
        references=headers.references,
        automatic=headers.automatic or envelope_from == "",
        attachments=mail.attachments,
        attributes={
            key: value
            for key, value in {**shown, "envelope_from": envelope_from, **(attributes or {})}.items()
            if value
        },
    )


def _newly_written(text: str, providers: str | None) -> str | None:
    """None where it is the whole text. The provider is heard only where we find nothing quoted: ours knows more
    languages, and would rather leave a quotation than lose a word."""
    if len(text) <= _LONGEST_REPLY and (ours := reply_text(text)) != text:
        return ours
    theirs = _clean_lines(providers or "")
    return theirs if theirs and theirs != text else None


def _clean_lines(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
