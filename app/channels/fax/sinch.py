"""Sinch Fax: faxes received and sent."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar
from urllib.parse import quote

from app.channels import documents, forms, media, signatures, times
from app.channels.base import Adapter, Fetching, SourceConfig, Unreadable, WebhookRequest
from app.channels.documents import Document, section, text
from app.channels.fax.transmission import Transmission, received, sent
from app.messages import Attachment, Channel, Ignored, Inbound

_CHECKS: Mapping[str, signatures.Check] = {"basic": signatures.check_basic, "none": signatures.check_nothing}
_CONTENT_TYPES = {"PDF": "application/pdf", "TIF": "image/tiff", "TIFF": "image/tiff", "PNG": "image/png"}
_FINAL = ("COMPLETED", "FAILURE")
_FILE_URL = "https://fax.api.sinch.com/v3/projects/{project}/faxes/{fax}/file.pdf"


class SinchFax(Adapter):
    """Sinch Fax API, "Callbacks": INCOMING_FAX and FAX_COMPLETED, as a form or as JSON."""

    provider = "sinch_fax"
    title = "Sinch Fax"
    channel = Channel.fax
    schemes: ClassVar = {"basic": ("username", "password"), "none": ()}
    optional_credentials = ("access_key_id", "access_key_secret")
    delivers = ("messages", "receipts")
    limits = (
        "Sinch signs nothing: put a user name and a password into the callback URL.",
        "Pages that do not come along are fetched with the project's access key.",
    )
    media_hosts = ("fax.api.sinch.com",)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check(_CHECKS, self.scheme(source), request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        callback, file = _read(request)
        fax = section(callback, "fax")
        status = text(fax, "status")
        if not fax or (status and status not in _FINAL):
            return [Ignored(f"{text(callback, 'event')} {status}".strip() or "no fax")]
        translate = sent if text(fax, "direction") == "OUTBOUND" else received
        return [translate(_transmission(callback, fax, file), source.default_region)]

    def fetch_media(self, attachment: Attachment, source: SourceConfig) -> Fetching[Attachment]:
        key, secret = (signatures.credential(source, name) for name in self.optional_credentials)
        pages = yield from media.fetch(attachment, media.authorization("Basic", signatures.login(key, secret)))
        return replace(pages, content_type=attachment.content_type)


def _read(request: WebhookRequest) -> tuple[Document, Attachment | None]:
    """The callback and its file; in a form the fax itself is a field of JSON."""
    if documents.is_json(request.headers.get("content-type", "")):
        callback = documents.read(request.body)
        return callback, _encoded_file(callback)
    fields = forms.read(request.body, request.headers.get("content-type", ""))
    values = forms.values(fields)
    fax = documents.read(values["fax"].encode()) if "fax" in values else {}
    return {**values, "fax": fax}, next(iter(forms.attachments(fields)), None)


def _encoded_file(callback: Document) -> Attachment | None:
    encoded, kind = text(callback, "file"), text(callback, "fileType").upper() or "PDF"
    if not encoded:
        return None
    try:
        content = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise Unreadable("the file is not in base64") from error
    name = f"{text(section(callback, 'fax'), 'id')}.{kind.lower()}"
    return Attachment(name, _CONTENT_TYPES.get(kind, "application/octet-stream"), len(content), content)


def _kept_file(fax: Document) -> Attachment | None:
    """Pages that Sinch says it has and did not send."""
    project, fax_id = text(fax, "projectId"), text(fax, "id")
    if str(fax.get("hasFile")).lower() != "true" or not project:
        return None
    url = _FILE_URL.format(project=quote(project, safe=""), fax=quote(fax_id, safe=""))
    return Attachment(f"{fax_id}.pdf", "application/pdf", url=url, provider_id=fax_id)


def _transmission(callback: Document, fax: Document, file: Attachment | None) -> Transmission:
    failed = text(fax, "status") == "FAILURE"
    ended = text(fax, "completedTime") or text(callback, "eventTime") or text(fax, "createTime")
    return Transmission(
        fax_id=text(fax, "id"),
        sender=text(fax, "from"),
        recipient=text(fax, "to"),
        finished_at=times.iso_if_told(ended),
        error=_error(fax) if failed else None,
        pages=file or _kept_file(fax),
        attributes={"pages": fax.get("numberOfPages"), "labels": dict(section(fax, "labels")) or None},
    )


def _error(fax: Document) -> str:
    told = [fax.get(name) for name in ("errorType", "errorCode", "errorMessage")]
    return " ".join(str(part) for part in told if part not in (None, "")) or "unspecified"
