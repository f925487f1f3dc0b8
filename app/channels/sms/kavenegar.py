"""Kavenegar (Iran): received SMS and delivery status, pushed by GET or POST."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from app.channels import parameters, signatures
from app.channels.base import Adapter, SourceConfig, Unreadable, WebhookRequest
from app.channels.parties import Address, ends, identify_one
from app.messages import Channel, DeliveryReceipt, IdentifierKind, Ignored, Inbound, InboundMessage, ReceiptEvent

_REGION = "IR"
_EVENTS = {
    "4": ReceiptEvent.sent,
    "5": ReceiptEvent.sent,
    "6": ReceiptEvent.failed,
    "10": ReceiptEvent.delivered,
    "11": ReceiptEvent.failed,
    "13": ReceiptEvent.failed,
    "14": ReceiptEvent.failed,
    "100": ReceiptEvent.failed,
}


class Kavenegar(Adapter):
    """Kavenegar, REST documentation, "Receive" and "Status"; the push fields are as public integrations read them."""

    provider = "kavenegar"
    title = "Kavenegar SMS"
    channel = Channel.sms
    schemes: ClassVar = {"path_secret": ("path_token",)}
    delivers = ("messages", "receipts")
    limits = (
        "Kavenegar signs nothing: whoever knows the path secret can write in its name.",
        "Kavenegar does not say when a message was sent; the time of receipt stands in.",
    )

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        signatures.check_path_secret(request, source)

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        fields = parameters.told(request)
        if "message" not in fields and "status" not in fields:
            return parameters.without_message(request)
        if not fields.get("messageid"):
            raise Unreadable("a message without messageid")
        region = source.default_region or _REGION
        return [_message(fields, region) if "message" in fields else _receipt(fields, region)]


def _message(fields: Mapping[str, str], region: str) -> InboundMessage:
    sender = Address(IdentifierKind.phone, fields.get("from", ""))
    recipient = Address(IdentifierKind.phone, fields.get("to", ""))
    return InboundMessage(
        channel=Channel.sms,
        external_id=fields["messageid"],
        # Lines (1000…, 2000…, 3000…) are no E.164 numbers and stay as written.
        **ends([sender], [recipient], region=region),
        text=fields["message"],
    )


def _receipt(fields: Mapping[str, str], region: str) -> Inbound:
    status = fields["status"]
    event = _EVENTS.get(status)
    if event is None:
        return Ignored(f"status {status}")
    return DeliveryReceipt(
        external_id=fields["messageid"],
        event=event,
        recipient=identify_one(IdentifierKind.phone, fields.get("receptor", ""), region=region),
        error_code=status if event is ReceiptEvent.failed else None,
    )
