"""Mail about mail: what a bounce (RFC 3464) or a complaint (RFC 5965) says of a message we sent."""

import re
from collections.abc import Iterator, Sequence

from app.channels.digests import bounded
from app.channels.email.headers import Headers, first_address
from app.channels.email.parts import Part, read_headers
from app.channels.parties import identify_one
from app.messages import Attachment, DeliveryReceipt, IdentifierKind, ReceiptEvent

_STATUSES = ("message/delivery-status", "message/global-delivery-status")
_FEEDBACK = "message/feedback-report"
_ORIGINALS = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global",
    "message/global-headers",
)
_ACTIONS = {
    "failed": ReceiptEvent.bounced,
    "delayed": ReceiptEvent.deferred,
    "delivered": ReceiptEvent.delivered,
    "relayed": ReceiptEvent.sent,
    "expanded": ReceiptEvent.sent,
}
_UNDELIVERED = (ReceiptEvent.bounced, ReceiptEvent.deferred)
_COMPLAINTS = {
    "abuse": ReceiptEvent.complained,
    "fraud": ReceiptEvent.complained,
    "virus": ReceiptEvent.complained,
    "other": ReceiptEvent.complained,
    "opt-out": ReceiptEvent.unsubscribed,
    "opt-out-list": ReceiptEvent.unsubscribed,
}
_MOST_RECIPIENTS = 200
_BLANK_LINES = re.compile(rb"(?:\r?\n){2,}")


def receipts(headers: Headers, files: Sequence[Attachment]) -> list[DeliveryReceipt]:
    """What the mail reports of the message it returns; nothing where that message cannot be told."""
    # Who passes a bounce on as files sends no report.
    if "content-type" in headers and not headers.is_report:
        return []
    original = _original(files)
    message_id = original.message_id or next(iter(headers.references), None)
    if message_id is None:
        return []
    return [*_deliveries(message_id, headers, files), *_complaints(message_id, headers, files, original)]


def is_complaint(files: Sequence[Attachment]) -> bool:
    return any(file.content_type == _FEEDBACK for file in files)


def _original(files: Sequence[Attachment]) -> Headers:
    contents = (file.content for file in files if file.content_type in _ORIGINALS)
    return Part((next(contents, b"") or b"").lstrip()).headers


def _deliveries(message_id: str, headers: Headers, files: Sequence[Attachment]) -> Iterator[DeliveryReceipt]:
    """One for each recipient; the first group speaks of the message (RFC 3464, section 2.1)."""
    for group in _groups(files, _STATUSES)[:_MOST_RECIPIENTS]:
        event = _ACTIONS.get(group.raw("action").partition("(")[0].strip().lower())
        if event is not None:
            yield DeliveryReceipt(
                external_id=message_id,
                event=event,
                occurred_at=headers.sent_at,
                recipient=identify_one(
                    IdentifierKind.email, _address(group.raw("original-recipient") or group.raw("final-recipient"))
                ),
                error_code=(group.raw("status").partition(" ")[0] if event in _UNDELIVERED else "") or None,
            )


def _complaints(
    message_id: str, headers: Headers, files: Sequence[Attachment], original: Headers
) -> Iterator[DeliveryReceipt]:
    for group in _groups(files, (_FEEDBACK,)):
        kind = group.raw("feedback-type").lower()
        if kind in _COMPLAINTS:
            # Some hide who complained; the message says whom it was for.
            written = _address(group.raw("original-rcpt-to")) or first_address(original.raw("to"))
            yield DeliveryReceipt(
                external_id=message_id,
                event=_COMPLAINTS[kind],
                occurred_at=headers.sent_at,
                recipient=identify_one(IdentifierKind.email, written),
                error_code=bounded(kind),
            )


def _groups(files: Sequence[Attachment], types: Sequence[str]) -> list[Headers]:
    contents = (file.content or b"" for file in files if file.content_type in types)
    return [read_headers(block) for content in contents for block in _BLANK_LINES.split(content.strip())]


def _address(written: str) -> str:
    """Without the address type ("rfc822;") and brackets."""
    return written.rpartition(";")[2].strip(" <>")
