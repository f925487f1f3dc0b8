"""Vonage SMS API: received SMS and delivery receipts."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from app.channels import parameters, signatures, times
from app.channels.base import Adapter, SourceConfig, Unreadable, WebhookRequest
from app.channels.parties import ends, identify_one, number
from app.channels.sms import user_data_header, vonage_signature
from app.messages import (
    Channel,
    DeliveryReceipt,
    IdentifierKind,
    Ignored,
    Inbound,
    InboundMessage,
    Part,
    ReceiptEvent,
)

_EVENTS = {
    "accepted": ReceiptEvent.sent,
    "buffered": ReceiptEvent.deferred,
    "delivered": ReceiptEvent.delivered,
    "expired": ReceiptEvent.failed,
    "failed": ReceiptEvent.failed,
    "rejected": ReceiptEvent.failed,
    "deleted": ReceiptEvent.failed,
}


class VonageSms(Adapter):
    """Vonage SMS API, "Inbound SMS", "Delivery Receipts" and "Signing Messages"."""

    provider = "vonage_sms"
    title = "Vonage SMS"
    channel = Channel.sms
    schemes: ClassVar = {"vonage_sms_sig": ("signature_secret",), "path_secret": ("path_token",), "none": ()}
    body_signed = True
    delivers = ("messages", "receipts")
    limits = (
        "Vonage signs only after its support has switched that on; until then take the scheme path_secret.",
        "The signature method (settings.method, md5hash unless told) must be the one of the account.",
    )

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check(_CHECKS, self.scheme(source), request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        fields = parameters.texts(request)
        if not fields.keys() & {"status", "text", "data", "type"}:
            return [Ignored("no message")]
        if not fields.get("messageId"):
            raise Unreadable("a message without messageId")
        region = source.default_region
        return [_receipt(fields, region) if "status" in fields else _message(fields, region)]


def _message(fields: Mapping[str, str], region: str | None) -> InboundMessage:
    sender, recipient = number(fields.get("msisdn", "")), number(fields.get("to", ""))
    data, header = (_bytes(fields, name) for name in ("data", "udh"))
    return InboundMessage(
        channel=Channel.sms,
        external_id=fields["messageId"],
        occurred_at=times.iso_if_told(fields.get("message-timestamp", "")),
        **ends([sender], [recipient], region=region),
        text=fields.get("text", ""),
        part=_part(fields) or user_data_header.part(header, recipient.raw),
        attachments=(user_data_header.data(data, fields["messageId"]),) if data else (),
        attributes={"udh": header.hex()} if header else {},
    )


def _part(fields: Mapping[str, str]) -> Part | None:
    counts = [fields.get(f"concat-{name}", "") for name in ("part", "total")]
    if not all(count.isdecimal() and len(count) < 4 for count in counts):
        return None
    # Each sender counts its references from 0 to 255 or 65535, for all our numbers alike.
    return user_data_header.piece(f"{fields.get('to', '')}:{fields.get('concat-ref', '')}", *map(int, counts))


def _bytes(fields: Mapping[str, str], name: str) -> bytes:
    try:
        return bytes.fromhex(fields.get(name, ""))
    except ValueError as error:
        raise Unreadable(f"{name} is not hexadecimal") from error


def _receipt(fields: Mapping[str, str], region: str | None) -> Inbound:
    """Here `msisdn` is the recipient and `to` the sender."""
    event = _EVENTS.get(fields["status"].lower())
    if event is None:
        return Ignored(f"status {fields['status']}")
    return DeliveryReceipt(
        external_id=fields["messageId"],
        event=event,
        occurred_at=times.iso_if_told(fields.get("message-timestamp", "")),
        recipient=identify_one(IdentifierKind.phone, fields.get("msisdn", ""), region=region, without_plus=True),
        error_code=fields.get("err-code") if event is ReceiptEvent.failed else None,
    )


_CHECKS: Mapping[str, signatures.Check] = {
    "vonage_sms_sig": vonage_signature.check,
    "path_secret": signatures.check_path_secret,
    "none": signatures.check_nothing,
}
