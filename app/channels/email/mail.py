"""What all mail providers deliver in their own wrapping, and the message it becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.channels.digests import bounded
from app.channels.email.headers import Headers
from app.channels.parties import Address, identify, party
from app.messages import Attachment, Channel, IdentifierKind, InboundMessage

_SHOWN = ("to", "cc", "reply-to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    headers: Headers
    sender: tuple[str, str]
    """Name and address."""
    text: str
    html: str | None = None
    reply_text: str | None = None
    attachments: Sequence[Attachment] = ()


def message_key(mail_id: str, recipient: str) -> str:
    """One mail to two of our addresses is two messages."""
    return bounded(f"{mail_id} {recipient.lower()}")


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
    shown = {header.replace("-", "_"): headers.get(header) for header in _SHOWN}
    return InboundMessage(
        channel=Channel.email,
        external_id=external_id,
        occurred_at=headers.sent_at,
        sender=party(sender, name=name),
        recipient=party(Address(IdentifierKind.email, recipient)),
        identifiers=identify([sender]),
        subject=headers.get("subject") or None,
        text=mail.text,
        html=mail.html or None,
        reply_text=mail.reply_text if mail.reply_text and mail.reply_text != mail.text else None,
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
