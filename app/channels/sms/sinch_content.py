"""What an SMS or MMS that Sinch delivers says."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.channels.base import Unreadable
from app.channels.documents import Document, section, sections, text
from app.channels.sms import user_data_header
from app.messages import Attachment, Part

_UPLOADED = "Uploaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    text: str = ""
    subject: str | None = None
    part: Part | None = None
    attachments: tuple[Attachment, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


def content(kind: str, payload: Document) -> Content:
    reference = text(payload, "client_reference")
    attributes = {"client_reference": reference} if reference else {}
    if kind == "mo_binary":
        return _binary(payload, attributes)
    if kind == "mo_media":
        return _media(section(payload, "body"), attributes)
    return Content(text=text(payload, "body"), attributes=attributes)


def _binary(payload: Document, attributes: Mapping[str, Any]) -> Content:
    try:
        header, data = bytes.fromhex(text(payload, "udh")), base64.b64decode(text(payload, "body"), validate=True)
    except ValueError as error:
        raise Unreadable("a binary message is not in base64 and hexadecimal") from error
    return Content(
        part=user_data_header.part(header, text(payload, "to")),
        attachments=(user_data_header.data(data, text(payload, "id")),),
        attributes={**attributes, **({"udh": header.hex()} if header else {})},
    )


def _media(body: Document, attributes: Mapping[str, Any]) -> Content:
    items = sections(body, "media")
    stored = [item for item in items if text(item, "url") and (text(item, "status") or _UPLOADED) == _UPLOADED]
    # Files that Sinch failed to store have no URL; that there were some, the reader should know.
    lost = {"lost_attachments": len(items) - len(stored)} if len(stored) < len(items) else {}
    return Content(
        text=text(body, "message"),
        subject=text(body, "subject") or None,
        attachments=tuple(_attachment(item) for item in stored),
        attributes={**attributes, **lost},
    )


def _attachment(item: Document) -> Attachment:
    return Attachment(
        name=None, content_type=text(item, "content_type") or "application/octet-stream", url=text(item, "url")
    )
