"""Mailgun, "Tracking Messages": what became of a sent mail."""

from app.channels import times
from app.channels.documents import Document, section, text
from app.channels.parties import identify_one
from app.messages import DeliveryReceipt, IdentifierKind, Ignored, Inbound, ReceiptEvent

_EVENTS = {
    ("delivered", ""): ReceiptEvent.delivered,
    ("opened", ""): ReceiptEvent.read,
    ("complained", ""): ReceiptEvent.complained,
    ("unsubscribed", ""): ReceiptEvent.unsubscribed,
    ("rejected", ""): ReceiptEvent.failed,
    ("failed", "temporary"): ReceiptEvent.deferred,
    ("failed", "permanent"): ReceiptEvent.bounced,
}


def receipt(event: Document) -> Inbound:
    name, severity = text(event, "event"), text(event, "severity")
    headers = section(section(event, "message"), "headers")
    message_id = text(headers, "message-id").strip("<> ")
    outcome = _EVENTS.get((name, severity))
    if outcome is None or not message_id:
        return Ignored(f"event {name}")
    code = section(event, "delivery-status").get("code") if severity else None
    return DeliveryReceipt(
        external_id=message_id,
        event=outcome,
        occurred_at=times.unix(event.get("timestamp")),
        recipient=identify_one(IdentifierKind.email, text(event, "recipient")),
        error_code=str(code) if code else None,
    )
