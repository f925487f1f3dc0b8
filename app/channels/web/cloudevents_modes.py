"""The three ways an HTTP request carries CloudEvents: one in headers, one as a document, many as a list."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from app.channels import documents, times
from app.channels.base import Unreadable, WebhookRequest
from app.channels.charsets import decode
from app.channels.documents import Document, text
from app.messages import Attachment
from app.text.cleaning import clean

_STRUCTURED, _BATCH, _FORMAT = "application/cloudevents", "application/cloudevents-batch", "+json"
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_ENVELOPE = {"id", "specversion", "time", "datacontenttype", "data", "data_base64"}


class WrongFormat(Unreadable):
    """An event format this adapter does not know."""


@dataclass(frozen=True, slots=True)
class Event:
    event_id: str
    """Source and id: together they name an event, and mark it when it comes twice."""
    occurred_at: datetime | None
    context: Mapping[str, Any]
    """Source, type, subject and whatever extensions there are."""
    payload: Document
    attachment: Attachment | None


def read(request: WebhookRequest) -> Sequence[Event]:
    content_type = request.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    # The name of the batch mode begins with that of the structured one.
    if media_type.startswith(_BATCH):
        return [_structured(event) for event in _list(_checked(request.body, media_type, _BATCH))]
    if media_type.startswith(_STRUCTURED):
        return [_structured(_object(_checked(request.body, media_type, _STRUCTURED)))]
    context = {name[3:]: _header(value) for name, value in request.headers.items() if name.startswith("ce-")}
    return [_event(context, *_data(request.body, content_type))]


def _checked(body: bytes, media_type: str, mode: str) -> Any:
    if media_type != mode + _FORMAT:
        raise WrongFormat(f"The event format {media_type} is not supported, {mode}{_FORMAT} is.")
    return documents.read_any(body)


def _list(value: Any) -> Sequence[Document]:
    if not isinstance(value, list):
        raise Unreadable("A batch is a list of events.")
    return [_object(event) for event in value]


def _object(value: Any) -> Document:
    if not isinstance(value, dict):
        raise Unreadable("An event is a JSON object.")
    return value


def _structured(event: Document) -> Event:
    if "data_base64" not in event:
        return _event(event, _payload(event.get("data")), None)
    try:
        raw = base64.b64decode(text(event, "data_base64"), validate=True)
    except ValueError as error:
        raise Unreadable("data_base64 is not in base64.") from error
    return _event(event, *_data(raw, text(event, "datacontenttype")))


def _event(context: Document, payload: Document, attachment: Attachment | None) -> Event:
    if missing := [name for name in ("id", "source", "type", "specversion") if not text(context, name)]:
        raise Unreadable(f"No CloudEvent: {', '.join(missing)} missing.")
    return Event(
        event_id=f"{context['source']} {context['id']}",
        occurred_at=times.iso_if_told(text(context, "time")),
        context={name: value for name, value in context.items() if name not in _ENVELOPE},
        payload=payload,
        attachment=attachment,
    )


def _data(raw: bytes, content_type: str) -> tuple[Document, Attachment | None]:
    media_type = content_type.partition(";")[0].strip().lower()
    if not raw:
        return {}, None
    if not media_type or documents.is_json(content_type):
        return _payload(documents.read_any(raw)), None
    if media_type.startswith("text/"):
        return {"text": clean(decode(raw))}, None
    return {}, Attachment(name=None, content_type=clean(media_type), size=len(raw), content=raw)


def _payload(data: Any) -> Document:
    if isinstance(data, dict):
        return data
    return {} if data is None else {"text" if isinstance(data, str) else "data": data}


def _header(value: str) -> str:
    """ "HTTP Header Values": quoted strings unquoted, then percent-decoded once; what is no UTF-8 then is refused."""
    unquoted = _QUOTED.sub(lambda quoted: _ESCAPED.sub(r"\1", quoted[1]), value)
    try:
        return clean(unquote_to_bytes(unquoted.encode("latin-1")).decode())
    except ValueError as error:
        raise Unreadable("A header is not in UTF-8.") from error
