"""Mailchimp Transactional, "Inbound email": a mail told twice, as sent and taken apart."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from app.channels.base import Unreadable
from app.channels.documents import Document, fingerprint, section, text
from app.channels.email import mime
from app.channels.email.files import file
from app.channels.email.headers import Headers, first_address
from app.channels.email.mail import Mail, message_key, to_inbound
from app.channels.email.transfer import decode_base64
from app.messages import Attachment, Inbound


def received(message: Document, occurred_at: datetime | None) -> list[Inbound]:
    if not (message.get("raw_msg") or message.get("from_email")):
        raise Unreadable("a mail without sender")
    mail = _mail(message, occurred_at)
    recipient = text(message, "email") or first_address(mail.headers.raw("to"))
    mail_id = mail.headers.message_id or fingerprint(message)
    return to_inbound(mail, external_id=message_key(mail_id, recipient), recipient=recipient)


def _mail(message: Document, occurred_at: datetime | None) -> Mail:
    """As sent it has all headers; taken apart it keeps the letters that are not UTF-8."""
    sent = mime.read(text(message, "raw_msg").encode())
    subject = Headers([("Subject", text(message, "subject"))])
    headers = subject.over(sent.headers).over(Headers.told(section(message, "headers")))
    files = tuple(_files(message))
    apart = text(message, "text") or text(message, "html")
    return replace(
        sent,
        headers=headers,
        sender=(text(message, "from_name"), text(message, "from_email")) if message.get("from_email") else sent.sender,
        text=text(message, "text") if apart else sent.text,
        html=text(message, "html") if apart else sent.html,
        # Taken apart, of two files of one name only one is left.
        attachments=files if len(files) > len(sent.attachments) else sent.attachments,
        sent_at=occurred_at,
    )


def _files(message: Document) -> Iterator[Attachment]:
    for kind, encoded in (("attachments", False), ("images", True)):
        files = section(message, kind)
        for key in files:
            told = section(files, key)
            content = text(told, "content")
            yield file(
                decode_base64(content.encode()) if told.get("base64", encoded) else content.encode(),
                name=text(told, "name") or key,
                content_type=text(told, "type"),
                cid=key if kind == "images" else "",
            )
