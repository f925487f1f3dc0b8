"""Sinch SMS (XMS): received SMS and MMS, delivery reports."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

from app.channels import documents, signatures, times
from app.channels.base import Adapter, SourceConfig, WebhookRequest
from app.channels.documents import Document, needed, sections, text
from app.channels.parties import ends, identify_one, number
from app.channels.sms import sinch_content
from app.messages import Channel, DeliveryReceipt, IdentifierKind, Ignored, Inbound, InboundMessage, ReceiptEvent

_HEADER = "x-sinch-webhook-signature"
# Sinch tries for almost 23 hours and is not known to sign anew; Sinch's own SDK looks at no time at all.
_TOLERANCE_S = 25 * 3_600
_EVENTS = {
    "dispatched": ReceiptEvent.sent,
    "delivered": ReceiptEvent.delivered,
    "aborted": ReceiptEvent.failed,
    "rejected": ReceiptEvent.failed,
    "failed": ReceiptEvent.failed,
    "expired": ReceiptEvent.failed,
    "cancelled": ReceiptEvent.failed,
    "deleted": ReceiptEvent.failed,
}


class SinchSms(Adapter):
    """Sinch, SMS API reference, "Webhooks" ("Incoming SMS", "Delivery report")."""

    provider = "sinch_sms"
    title = "Sinch SMS and MMS"
    channel = Channel.sms
    schemes: ClassVar = {"sinch_hmac": ("secret",), "basic": ("username", "password"), "path_secret": ("path_token",)}
    body_signed = True
    delivers = ("messages", "receipts")
    limits = (
        "Sinch's account manager switches signing on, or basic authentication; until then take the scheme path_secret.",
        "Reports that only count recipients (summary) tell nothing of one delivery; ask for full or per_recipient.",
    )
    media_hosts = (".sinch.com",)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check(_CHECKS, self.scheme(source), request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        payload = documents.read(request.body)
        kind = text(payload, "type")
        if kind.startswith("mo_"):
            return [_message(kind, payload, source.default_region)]
        reader = _REPORTS.get(kind.rpartition("_")[0])
        found = list(reader(payload, source.default_region)) if reader else []
        return found or [Ignored(f"{kind} {text(payload, 'status')}".strip() or "no message")]


def _check_signature(request: WebhookRequest, source: SourceConfig) -> None:
    """Over body, nonce and time ("Webhooks: signature")."""
    nonce, timestamp = (request.headers.get(f"{_HEADER}-{name}", "") for name in ("nonce", "timestamp"))
    signed = request.body + f".{nonce}.{timestamp}".encode(errors="surrogatepass")
    signatures.hmac_base64(signatures.credential(source, "secret"), [signed], request.headers.get(_HEADER))
    signatures.fresh(timestamp, request, source, _TOLERANCE_S)


def _message(kind: str, payload: Document, region: str | None) -> InboundMessage:
    said = sinch_content.content(kind, payload)
    return InboundMessage(
        channel=Channel.sms,
        external_id=needed(payload, "id"),
        occurred_at=times.iso_if_told(text(payload, "received_at")),
        **ends([number(text(payload, "from"))], [number(text(payload, "to"))], region=region),
        subject=said.subject,
        text=said.text,
        part=said.part,
        attachments=said.attachments,
        attributes=said.attributes,
    )


def _recipient_report(payload: Document, region: str | None) -> Iterator[DeliveryReceipt]:
    yield from _receipt(payload, payload, text(payload, "recipient"), region)


def _batch_report(payload: Document, region: str | None) -> Iterator[DeliveryReceipt]:
    """One batch may have gone to many people; each has a receipt of their own."""
    for status in sections(payload, "statuses"):
        for recipient in status.get("recipients") or ():
            yield from _receipt(payload, status, str(recipient), region)


def _receipt(report: Document, status: Document, recipient: str, region: str | None) -> Iterator[DeliveryReceipt]:
    event, batch_id = _EVENTS.get(text(status, "status").lower()), text(report, "batch_id")
    if event is None or not batch_id:
        return
    yield DeliveryReceipt(
        external_id=batch_id,
        event=event,
        occurred_at=times.iso_if_told(text(report, "operator_status_at") or text(report, "at")),
        recipient=identify_one(IdentifierKind.phone, recipient, region=region, without_plus=True),
        error_code=str(status["code"]) if event is ReceiptEvent.failed and "code" in status else None,
    )


_CHECKS: Mapping[str, signatures.Check] = {
    "sinch_hmac": _check_signature,
    "basic": signatures.check_basic,
    "path_secret": signatures.check_path_secret,
}
_REPORTS: Mapping[str, Callable[[Document, str | None], Iterator[DeliveryReceipt]]] = {
    "recipient_delivery_report": _recipient_report,
    "delivery_report": _batch_report,
}
