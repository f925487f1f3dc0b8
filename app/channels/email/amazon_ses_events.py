"""What became of a mail sent through Amazon SES, recipient by recipient."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.channels import times
from app.channels.documents import Document, section, text
from app.channels.parties import identify_one
from app.messages import DeliveryReceipt, IdentifierKind, ReceiptEvent

_EVENTS = {
    # What it is, the section that tells of it, and where that lists its recipients.
    "Send": (ReceiptEvent.sent, "send", ""),
    "Delivery": (ReceiptEvent.delivered, "delivery", "recipients"),
    "DeliveryDelay": (ReceiptEvent.deferred, "deliveryDelay", "delayedRecipients"),
    "Bounce": (ReceiptEvent.bounced, "bounce", "bouncedRecipients"),
    "Complaint": (ReceiptEvent.complained, "complaint", "complainedRecipients"),
    "Reject": (ReceiptEvent.failed, "reject", ""),
    "Rendering Failure": (ReceiptEvent.failed, "failure", ""),
    "Open": (ReceiptEvent.read, "open", ""),
    "Subscription": (ReceiptEvent.unsubscribed, "subscription", ""),
}
_BY_ONE = (ReceiptEvent.read, ReceiptEvent.unsubscribed)
_BOUNCES = {"Transient": ReceiptEvent.deferred, "Undetermined": ReceiptEvent.failed}
_REASONS = ("complaintFeedbackType", "complaintSubType", "delayType", "reason", "errorMessage", "bounceSubType")


def receipts(kind: str, told: Document) -> Iterator[DeliveryReceipt]:
    """None for clicks and for whatever is new."""
    if kind not in _EVENTS:
        return
    event, name, listed = _EVENTS[kind]
    mail, happened = section(told, "mail"), section(told, name)
    message_id = text(mail, "messageId")
    if kind == "Bounce":
        event = _BOUNCES.get(text(happened, "bounceType"), event)
    if not message_id or (kind == "Subscription" and not _unsubscribed(happened)):
        return
    recipients = _list(happened, listed) or _list(mail, "destination")
    if not listed and event in _BY_ONE and len(recipients) > 1:
        recipients = [""]  # one of them, and nobody knows which
    for recipient in recipients:
        told_of = recipient if isinstance(recipient, dict) else {"emailAddress": recipient}
        yield DeliveryReceipt(
            external_id=message_id,
            event=event,
            occurred_at=times.iso_if_told(text(happened, "timestamp")),
            recipient=identify_one(IdentifierKind.email, text(told_of, "emailAddress")),
            error_code=text(told_of, "status") or next(filter(None, (text(happened, each) for each in _REASONS)), None),
        )


def _unsubscribed(happened: Document) -> bool:
    return section(happened, "newTopicPreferences").get("unsubscribeAll") is True


def _list(document: Document, key: str) -> Sequence[Any]:
    found = document.get(key)
    return found if isinstance(found, list) else ()
