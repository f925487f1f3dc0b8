"""Telnyx Programmable Fax: faxes received and sent."""

from collections.abc import Sequence

from app.channels.base import SourceConfig, WebhookRequest
from app.channels.documents import text
from app.channels.fax.transmission import Transmission, received, sent
from app.channels.telnyx import Event, TelnyxAdapter, read
from app.messages import Attachment, Channel, Ignored, Inbound

_FINAL = ("fax.received", "fax.delivered", "fax.failed")


class TelnyxFax(TelnyxAdapter):
    """Telnyx, "Receive a Fax via API" and "Send a Fax via API"."""

    provider = "telnyx_fax"
    title = "Telnyx Fax"
    channel = Channel.fax
    delivers = ("messages", "receipts")
    limits = ("The link to the pages holds for 10 minutes.",)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        event = read(request)
        if event.kind not in _FINAL:
            return [Ignored(event.kind or "no event")]
        outbound = event.kind == "fax.delivered" or text(event.payload, "direction") == "outbound"
        return [(sent if outbound else received)(_transmission(event), source.default_region)]


def _transmission(event: Event) -> Transmission:
    fax, failed = event.payload, event.kind == "fax.failed"
    url, fax_id = text(fax, "media_url"), text(fax, "fax_id")
    return Transmission(
        fax_id=fax_id,
        sender=text(fax, "from"),
        recipient=text(fax, "to"),
        finished_at=event.occurred_at,
        error=text(fax, "failure_reason") or "unspecified" if failed else None,
        pages=Attachment(f"{fax_id}.pdf", "application/pdf", url=url, provider_id=fax_id) if url else None,
        attributes={
            "pages": fax.get("page_count"),
            "partial": True if fax.get("partial_content") is True else None,
            "caller_id": text(fax, "caller_id"),
        },
    )
