"""AWS End User Messaging (Pinpoint): SMS received and sent, told through Amazon SNS."""

from collections.abc import Sequence

from app.channels import times
from app.channels.base import SourceConfig, Unreadable
from app.channels.documents import Document, text, whole
from app.channels.parties import Address, ends, identify_one
from app.channels.sns import Notification, SnsAdapter
from app.messages import Channel, DeliveryReceipt, IdentifierKind, Ignored, Inbound, InboundMessage, ReceiptEvent

_STATES = {
    # Behind TEXT_ and MEDIA_; in some countries SUCCESSFUL is the last word, in others DELIVERED.
    "SUCCESSFUL": ReceiptEvent.sent,
    "DELIVERED": ReceiptEvent.delivered,
    "INVALID": ReceiptEvent.failed,
    "INVALID_MESSAGE": ReceiptEvent.failed,
    "FILE_INACCESSIBLE": ReceiptEvent.failed,
    "FILE_TYPE_UNSUPPORTED": ReceiptEvent.failed,
    "FILE_SIZE_EXCEEDED": ReceiptEvent.failed,
    "UNREACHABLE": ReceiptEvent.failed,
    "CARRIER_UNREACHABLE": ReceiptEvent.failed,
    "BLOCKED": ReceiptEvent.failed,
    "CARRIER_BLOCKED": ReceiptEvent.failed,
    "PROTECT_BLOCKED": ReceiptEvent.failed,
    "SPAM": ReceiptEvent.failed,
    "TTL_EXPIRED": ReceiptEvent.failed,
    "UNKNOWN": ReceiptEvent.failed,
}


class AwsSnsSms(SnsAdapter):
    """AWS End User Messaging SMS, "Two-way SMS messaging" and "Event types for SMS, MMS, and voice"."""

    provider = "aws_sns_sms"
    title = "AWS End User Messaging SMS"
    channel = Channel.sms
    delivers = ("messages", "receipts")

    def translate(self, notification: Notification, source: SourceConfig) -> Sequence[Inbound]:
        told = notification.document()
        if told is None:
            return [Ignored("plain text")]
        if "eventType" in told:
            return [_receipt(told, source.default_region)]
        return [_message(told, notification, source.default_region)]


def _message(told: Document, notification: Notification, region: str | None) -> InboundMessage:
    """The envelope's time stands in for that of the message, which nobody tells."""
    if "messageBody" not in told:
        raise Unreadable("no SMS")
    sender = Address(IdentifierKind.phone, text(told, "originationNumber"))
    recipient = Address(IdentifierKind.phone, text(told, "destinationNumber"))
    answered, keyword = text(told, "previousPublishedMessageId"), text(told, "messageKeyword")
    return InboundMessage(
        channel=Channel.sms,
        external_id=text(told, "inboundMessageId") or notification.message_id,
        occurred_at=notification.published_at,
        **ends([sender], [recipient], region=region),
        text=text(told, "messageBody"),
        references=(answered,) if answered else (),
        attributes={"keyword": keyword} if keyword else {},
    )


def _receipt(told: Document, region: str | None) -> Inbound:
    kind, message_id = text(told, "eventType"), text(told, "messageId")
    event = _STATES.get(kind.partition("_")[2])
    if event is None or not message_id:
        return Ignored(f"event {kind}")
    moment = whole(told, "eventTimestamp")
    return DeliveryReceipt(
        external_id=message_id,
        event=event,
        occurred_at=times.unix(moment / 1000) if moment is not None else None,
        recipient=identify_one(IdentifierKind.phone, text(told, "destinationPhoneNumber"), region=region),
        error_code=kind if event is ReceiptEvent.failed else None,
    )
