"""From what adapters say to what is stored: a message to a touch, a request to its row."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from app.channels.base import WebhookRequest
from app.core.ids import uuid7
from app.core.storage import Storage
from app.customers.policies import Policies
from app.identity.senders import Digests
from app.ingest.filing import Touch
from app.ingest.sources import ConnectedSource
from app.interactions.attachments import sniffed
from app.interactions.models import AttachmentState
from app.messages import Attachment, DeliveryReceipt, InboundMessage, InteractionStatus, ReceiptEvent
from app.text.cleaning import clean
from app.text.languages import guess_language

BLANK = "***"
_MISSING = "[…]"
_NEVER_KEPT = {"authorization", "cookie", "proxy-authorization"}
_STATUS = {
    ReceiptEvent.sent: InteractionStatus.sent,
    ReceiptEvent.delivered: InteractionStatus.delivered,
    ReceiptEvent.read: InteractionStatus.read,
    ReceiptEvent.failed: InteractionStatus.failed,
    ReceiptEvent.bounced: InteractionStatus.failed,
}


def touch_of(
    message: InboundMessage,
    source: ConnectedSource,
    received_at: datetime,
    policies: Policies,
    digests: Digests,
    files: Sequence[dict[str, Any]],
) -> Touch:
    inbound = message.direction == "inbound"
    part = _part(message)
    return Touch(
        channel=message.channel,
        direction=message.direction,
        kind=message.kind,
        status=InteractionStatus.received if inbound else InteractionStatus.sent,
        source=source.config.name,
        provider=source.adapter.provider,
        external_id=external_id_of(message, received_at),
        message_id=message.message_id,
        occurred_at=message.occurred_at or received_at,
        received_at=received_at,
        party=message.sender if inbound else message.recipient,
        us=message.recipient if inbound else message.sender,
        identifiers=[each for each in message.identifiers if not policies.is_blocked(each.kind, each.value)],
        policies=policies,
        digests=digests,
        references=message.references,
        subject=message.subject,
        text=join_parts(part) if part else message.text,
        html=message.html,
        reply_text=message.reply_text,
        language=guess_language(message.reply_text or message.text),
        automatic=message.automatic,
        duration_s=message.duration_s,
        files=files,
        incomplete=message.incomplete,
        grows=message.grows or message.part is not None,
        attributes=dict(message.attributes) | part,
    )


def external_id_of(message: InboundMessage, received_at: datetime) -> str:
    """Of a piece, what all its pieces share; handsets count references from 0 to 255, so a day bounds them."""
    if message.part is None:
        return message.external_id
    ends = "/".join(end.value if end else "" for end in (message.sender, message.recipient))
    at = message.occurred_at or received_at
    return f"parts:{ends}:{message.part.reference}:{message.part.total}:{at:%Y-%m-%d}"


def _part(message: InboundMessage) -> dict[str, Any]:
    if message.part is None:
        return {}
    return {"parts": {str(message.part.number): message.text}, "parts_total": message.part.total}


def join_parts(attributes: Mapping[str, Any]) -> str:
    """The pieces that have come, in order, with a mark for each that has not."""
    parts = attributes["parts"]
    return "".join(parts.get(str(number), _MISSING) for number in range(1, attributes["parts_total"] + 1))


async def files_of(message: InboundMessage, storage: Storage) -> list[dict[str, Any]]:
    """Rows of `attachment`; what came with the message is stored at once."""
    return [await _file(each, storage) for each in message.attachments]


async def _file(attachment: Attachment, storage: Storage) -> dict[str, Any]:
    content = attachment.content
    reachable = attachment.url is not None or attachment.provider_id is not None
    elsewhere = AttachmentState.pending if reachable else AttachmentState.failed
    return {
        "id": str(uuid7()),
        "state": AttachmentState.stored if content is not None else elsewhere,
        "name": attachment.name,
        "content_type": sniffed(content, attachment.content_type) if content is not None else attachment.content_type,
        "size": len(content) if content is not None else attachment.size,
        "content_id": attachment.content_id,
        "storage_key": await storage.put(content) if content is not None else None,
        "url": attachment.url,
        "provider_id": attachment.provider_id,
    }


def receipt_row(receipt: DeliveryReceipt, received_at: datetime) -> dict[str, Any]:
    """What `APPLY_RECEIPTS` reads of `$1`."""
    return {
        "external_id": receipt.external_id,
        "status": _STATUS.get(receipt.event),
        "event": receipt.event,
        "at": (receipt.occurred_at or received_at).isoformat(),
        "error_code": receipt.error_code,
        "kind": receipt.recipient and receipt.recipient.kind,
        "value": receipt.recipient and receipt.recipient.value,
    }


def request_columns(source: ConnectedSource, request: WebhookRequest) -> tuple[Any, ...]:
    """The raw request as its table holds it, everything secret blanked: source to fingerprint."""
    secrets = {value for value in source.config.credentials.values() if value}
    segments = [BLANK if segment in secrets else segment for segment in request.segments]
    query = request.query
    for secret in secrets:
        query = query.replace(secret.encode(), BLANK.encode())
    headers = {
        name: clean(value)
        for name, value in request.headers.items()
        if name not in _NEVER_KEPT and not any(secret in value for secret in secrets)
    }
    fingerprint = sha256(b"\n".join((request.method.encode(), "/".join(segments).encode(), query, request.body)))
    return (
        source.config.name,
        source.adapter.provider,
        request.method,
        clean("/".join(segments)),
        query,
        json.dumps(headers),
        request.body,
        fingerprint.digest(),
    )
