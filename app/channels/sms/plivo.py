"""Plivo: received SMS and MMS, delivery reports, and the calls of the same account."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import ClassVar

from app.channels import forms, media, parameters, signatures, times
from app.channels.base import Adapter, Answer, Fetching, Nonce, Refused, SourceConfig, WebhookRequest
from app.channels.digests import digest
from app.channels.parties import ends, identify_one, number
from app.channels.sms import plivo_signatures
from app.channels.voice import plivo_calls
from app.messages import (
    Attachment,
    Channel,
    DeliveryReceipt,
    IdentifierKind,
    Ignored,
    Inbound,
    InboundMessage,
    ReceiptEvent,
)

_EVENTS = {
    "sent": ReceiptEvent.sent,
    "delivered": ReceiptEvent.delivered,
    "read": ReceiptEvent.read,
    "undelivered": ReceiptEvent.failed,
    "failed": ReceiptEvent.failed,
    "rejected": ReceiptEvent.failed,
}


class Plivo(Adapter):
    """Plivo, "Incoming Message Parameters", "Message Status Callbacks" and "Signature Validation" (V2 and V3)."""

    provider = "plivo"
    title = "Plivo SMS, MMS and calls"
    channel = Channel.sms
    schemes: ClassVar = {"plivo_v2": ("auth_token",), "plivo_v3": ("auth_token",)}
    optional_credentials = ("main_auth_token", "auth_id")
    delivers = ("messages", "receipts", "calls")
    limits = (
        "For messages Plivo signs the URL and a nonce, not the body: a nonce that comes back with other content is "
        "refused.",
        "Plivo does not say when a message was sent; the time of receipt stands in.",
        "Where the account protects its media, reading them takes auth_id.",
    )
    # Plivo reads the answer as XML, and would send a Message element to the customer.
    answer = Answer(content_type="text/xml", body=b"<Response/>")
    media_hosts = (".plivo.com",)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        tokens = [signatures.credential(source, "auth_token"), source.credentials.get("main_auth_token")]
        secrets = [token for token in tokens if token]
        scheme = self.scheme(source)
        if scheme not in self.schemes:
            raise Refused("there is no such scheme")
        if plivo_signatures.signed_v3(request, secrets):
            return
        if scheme == "plivo_v3" or not plivo_signatures.signed_v2(request, secrets):
            raise Refused("signature missing or wrong")

    def nonce(self, request: WebhookRequest, source: SourceConfig) -> Nonce | None:
        value = request.headers.get(plivo_signatures.NONCE_V2)
        if not value:
            return None
        content = sorted([*forms.pairs(request.query), *forms.pairs(request.body)])
        return Nonce(value, digest(part for pair in content for part in pair))

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        fields = parameters.texts(request)
        if fields.get("CallUUID"):
            return [plivo_calls.call(fields, source.default_region)]
        if not fields.get("MessageUUID"):
            return [Ignored("no message")]
        if "Text" in fields or "Media0" in fields or "Status" not in fields:
            return [_message(fields, source.default_region)]
        return [_receipt(fields, source.default_region)]

    def fetch_media(self, attachment: Attachment, source: SourceConfig) -> Fetching[Attachment]:
        auth_id, auth_token = (source.credentials.get(name, "") for name in ("auth_id", "auth_token"))
        login = signatures.login(auth_id, auth_token) if auth_id else None
        return media.fetch(attachment, media.authorization("Basic", login))


def _message(fields: Mapping[str, str], region: str | None) -> InboundMessage:
    return InboundMessage(
        channel=Channel.sms,
        external_id=fields["MessageUUID"],
        **ends([number(fields.get("From", ""))], [number(fields.get("To", ""))], region=region),
        text=fields.get("Text", ""),
        attachments=tuple(_media(fields)),
        attributes={"segments": int(units)} if (units := fields.get("Units", "")).isdecimal() else {},
    )


def _media(fields: Mapping[str, str]) -> Iterator[Attachment]:
    for index in count():
        url = fields.get(f"Media{index}")
        if not url:
            return
        yield Attachment(
            name=None, content_type="application/octet-stream", url=url, provider_id=url.rpartition("/")[2] or None
        )


def _receipt(fields: Mapping[str, str], region: str | None) -> Inbound:
    event = _EVENTS.get(fields["Status"].lower())
    if event is None:
        return Ignored(f"status {fields['Status']}")
    return DeliveryReceipt(
        # Of a long message each part has its own id; the one that sending it answered is the parent's.
        external_id=fields.get("ParentMessageUUID") or fields["MessageUUID"],
        event=event,
        occurred_at=times.iso_if_told(fields.get("DeliveryReportTime", "")),
        recipient=identify_one(IdentifierKind.phone, fields.get("To", ""), region=region, without_plus=True),
        error_code=fields.get("ErrorCode") or None,
    )
