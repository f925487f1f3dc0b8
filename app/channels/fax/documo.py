"""Documo (mFax): faxes received and sent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar
from urllib.parse import quote

from app.channels import documents, media, signatures, times
from app.channels.base import Adapter, Fetching, SourceConfig, WebhookRequest
from app.channels.documents import Document, text
from app.channels.fax.transmission import Transmission, received, sent
from app.messages import Attachment, Channel, Ignored, Inbound

_API_URL = "https://api.documo.com"
_FINAL = ("success", "failed")


class DocumoFax(Adapter):
    """Documo API documentation, "Webhooks" and "Download fax"; the fields are as public integrations read them."""

    provider = "documo_fax"
    title = "Documo (mFax)"
    channel = Channel.fax
    schemes: ClassVar = {"basic": ("username", "password")}
    optional_credentials = ("api_key",)
    delivers = ("messages", "receipts")
    limits = (
        "Documo signs nothing: whoever knows the user name and the password can write in its name.",
        "A webhook brings no pages: they are fetched with the api_key, from settings.api_url if it is set.",
    )
    media_hosts = (".documo.com",)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check_basic(request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        fax = documents.read(request.body)
        status, direction = text(fax, "status"), text(fax, "direction")
        if status not in _FINAL:
            event = request.headers.get("x-webhook-event", "")
            return [Ignored(f"{event} {status}".strip() or "no fax")]
        # The number of the other side may be national, in the country the fax names.
        region = text(fax, "country") or source.default_region
        return [(sent if direction == "outbound" else received)(_transmission(fax, source), region)]

    def fetch_media(self, attachment: Attachment, source: SourceConfig) -> Fetching[Attachment]:
        """The key stands where user name and password are in other APIs, as it is."""
        key = signatures.credential(source, "api_key")
        pages = yield from media.fetch(attachment, media.authorization("Basic", key))
        return replace(pages, content_type=attachment.content_type)


def _transmission(fax: Document, source: SourceConfig) -> Transmission:
    fax_id = text(fax, "messageId")
    error = text(fax, "resultInfo") or text(fax, "errorInfo") or text(fax, "resultCode") or "unspecified"
    url = f"{source.settings.get('api_url', _API_URL)}/v1/fax/{quote(fax_id, safe='')}/download"
    return Transmission(
        fax_id=fax_id,
        # faxNumber is the number dialled, faxCallerId the one that dialled it.
        sender=text(fax, "faxCallerId"),
        recipient=text(fax, "faxNumber"),
        finished_at=times.iso_if_told(text(fax, "resolvedDate") or text(fax, "createdAt")),
        error=error if text(fax, "status") == "failed" else None,
        pages=Attachment(f"{fax_id}.pdf", "application/pdf", url=url, provider_id=fax_id),
        attributes={"pages": fax.get("pagesComplete"), "station": text(fax, "faxCsid")},
    )
