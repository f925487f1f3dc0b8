"""SendGrid, "Setting Up The Inbound Parse Webhook": a form, each field in the charset the mail had."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.channels import documents
from app.channels.base import Unreadable
from app.channels.charsets import decode
from app.channels.digests import digest
from app.channels.documents import Document
from app.channels.email import mime
from app.channels.email.files import file
from app.channels.email.headers import Headers, first_address
from app.channels.email.mail import Mail, message_key, to_inbound
from app.channels.email.parts import read_headers
from app.channels.forms import Field
from app.messages import Attachment, Inbound
from app.text.cleaning import clean


def received(fields: Sequence[Field]) -> list[Inbound]:
    raw = {field.name: field.raw for field in fields if field.file is None}
    if "email" in raw:
        mail = mime.read(raw["email"])
    elif "headers" in raw:
        mail = _parsed(fields, raw)
    else:
        raise Unreadable("neither a mail nor its headers")
    envelope = _object(raw, "envelope")
    recipient = next(iter(documents.texts(envelope, "to")), "") or first_address(clean(decode(raw.get("to", b""))))
    return to_inbound(
        mail,
        external_id=message_key(mail.headers.message_id or _digest(fields), recipient),
        recipient=recipient,
        envelope_from=sender if isinstance(sender := envelope.get("from"), str) else None,
        attributes={"spam_score": clean(decode(raw.get("spam_score", b"")))},
    )


def _parsed(fields: Sequence[Field], raw: Mapping[str, bytes]) -> Mail:
    charsets = _object(raw, "charsets")
    texts = {name: clean(decode(value, str(charsets.get(name, "")) or None)) for name, value in raw.items()}
    # A header may be in a charset it does not name, which the form does; but of addresses the form drops the quotes.
    subject = Headers([("Subject", texts.get("subject", ""))])
    others = Headers((name, texts.get(name.lower(), "")) for name in ("From", "To", "Cc"))
    headers = subject.over(read_headers(raw["headers"])).over(others)
    return Mail(
        headers=headers,
        sender=headers.sender,
        text=texts.get("text", ""),
        html=texts.get("html"),
        attachments=tuple(_attachments(fields, _object(raw, "attachment-info"))),
    )


def _attachments(fields: Sequence[Field], told: Mapping[str, Any]) -> Iterator[Attachment]:
    for field in fields:
        if field.file:
            info = told.get(field.name)
            info = info if isinstance(info, dict) else {}
            yield file(
                field.raw,
                name=field.file.name or str(info.get("filename") or ""),
                content_type=field.file.content_type,
                cid=str(info.get("content-id") or ""),
            )


def _digest(fields: Sequence[Field]) -> str:
    return digest(part for field in fields for part in (field.name.encode(), field.raw)).hex()


def _object(raw: Mapping[str, bytes], name: str) -> Document:
    """A field of JSON; what cannot be read says nothing, for the mail is in the other fields."""
    try:
        return documents.read(decode(raw.get(name, b"")).encode())
    except Unreadable:
        return {}
