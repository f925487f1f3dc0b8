"""The main road: a provider's request, verified and kept, becomes interactions on customer files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, ClassVar
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.base import Adapter, Answer, Refused, SourceConfig, WebhookRequest
from app.core import metrics
from app.core.db import Database
from app.core.errors import DATABASE_ERRORS, Conflict, Forbidden, Unauthorized
from app.core.ids import uuid7
from app.ingest import queries, requests
from app.ingest.filing import Filed, Touch, file
from app.ingest.models import InboundRequest, InboundRequestStatus
from app.ingest.sources import ConnectedSource, SourceBook
from app.messages import (
    DeliveryReceipt,
    Direction,
    Ignored,
    Inbound,
    InboundMessage,
    InteractionStatus,
    ReceiptEvent,
)
from app.text.cleaning import clean
from app.text.identifiers import is_blocked
from app.text.languages import guess_language

logger = structlog.get_logger()

BLANK = "***"
_NEVER_KEPT = {"authorization", "cookie", "proxy-authorization"}


class NotProven(Unauthorized):
    code = "bad_signature"
    # Amazon SNS shows a password it has only after this challenge.
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Basic realm="onefile"'}


@dataclass(frozen=True, slots=True)
class Intake:
    """What filing needs to know of its surroundings."""

    database: Database
    sources: SourceBook
    window: timedelta
    blocked: frozenset[str]
    default_region: str | None


async def receive(intake: Intake, source: ConnectedSource, request: WebhookRequest) -> Answer:
    """Verify, translate and file one request, and answer as its provider expects.

    Nothing is stored of a request that does not verify; everything that does is kept, readable or not.
    """
    adapter, config = source.adapter, source.config
    try:
        answer = adapter.handshake(request, config)
    except Refused as error:
        _count(config, "refused")
        raise Forbidden("The handshake's token is wrong.", code="bad_signature") from error
    if answer is not None:
        return answer
    await _verify(intake, adapter, config, request)
    try:
        inbound = adapter.parse(request, config)
    except Exception as error:  # the adapter's word for "unreadable", or bytes nobody thought of
        await _keep(intake, source, request, InboundRequestStatus.quarantined, type(error).__name__)
        return adapter.complain(request, config, error)
    await _file(intake, source, request, inbound)
    return adapter.respond(request, config)


async def replay(intake: Intake, session: AsyncSession, request_id: UUID) -> InboundRequest:
    """Translate a kept request again, as the adapter reads it today. It was verified when it came."""
    kept = await requests.get(session, request_id)
    if kept.status is InboundRequestStatus.filed:
        raise Conflict("This request is filed already.", code="already_filed")
    source = await intake.sources.connected(kept.source)
    request = WebhookRequest(
        method=kept.method,
        url="",
        segments=tuple(kept.path.split("/")) if kept.path else (),
        query=kept.query,
        headers=kept.headers,
        body=kept.body,
        received_at=kept.created_at,
    )
    try:
        inbound = source.adapter.parse(request, source.config)
    except Exception as error:
        kept.reason = type(error).__name__
        return kept
    known = await _file(intake, source, request, inbound, request_id=kept.id)
    await session.refresh(kept)
    if known:  # what it brings had come by another way meanwhile
        kept.status, kept.reason = InboundRequestStatus.filed, None
    return kept


async def _verify(intake: Intake, adapter: Adapter, config: SourceConfig, request: WebhookRequest) -> None:
    try:
        adapter.verify(request, config)
        nonce = adapter.nonce(request, config)
        if nonce is not None:
            async with intake.database.hot() as connection:
                first = await connection.fetchval(queries.REMEMBER_NONCE, config.name, clean(nonce.value), nonce.digest)
            if first != nonce.digest:
                raise Refused("the signature was used with another content")
    except DATABASE_ERRORS:
        raise
    except Exception as error:  # whatever a scanner's bytes provoke in a verifier is a refusal
        _count(config, "refused")
        logger.warning("ingest.request.refused", source=config.name, reason=type(error).__name__)
        raise NotProven("The request does not prove to come from the provider.") from error


async def _file(
    intake: Intake,
    source: ConnectedSource,
    request: WebhookRequest,
    inbound: Sequence[Inbound],
    request_id: UUID | None = None,
) -> bool:
    """File what the request carries; the request itself is kept with the first thing it really brought.

    False if it speaks of nothing that belongs into a file.
    """
    kept = (request_id or uuid7(), *_columns(source, request))
    touches = [_touch(intake, source, request, each) for each in inbound if isinstance(each, InboundMessage)]
    receipts = [each for each in inbound if isinstance(each, DeliveryReceipt)]
    if touches:
        _report(source.config, await file(intake.database, touches, intake.window, kept))
    known = await _apply(intake, receipts, kept) if receipts else 0
    if not touches and not known:
        reasons = [each.reason for each in inbound if isinstance(each, Ignored)]
        reason = reasons[0] if reasons else "receipt for a message not known here" if receipts else "nothing in it"
        await _keep(intake, source, request, InboundRequestStatus.ignored, reason)
    return bool(touches or known)


async def _apply(intake: Intake, receipts: Sequence[DeliveryReceipt], kept: Sequence[Any]) -> int:
    """Move the messages we sent to the status the receipts tell; how many of the receipts speak of known ones."""
    rows = [
        {"external_id": each.external_id, "status": status, "event": each.event, "error_code": each.error_code}
        for each in receipts
        if (status := _STATUS.get(each.event))
    ]
    async with intake.database.hot() as connection:
        return int(await connection.fetchval(queries.APPLY_RECEIPTS, json.dumps(rows), *kept))


async def _keep(
    intake: Intake, source: ConnectedSource, request: WebhookRequest, status: InboundRequestStatus, reason: str
) -> None:
    """Keep a request that is not filed; a redelivery of the same bytes is known already."""
    name, provider, *columns = _columns(source, request)
    async with intake.database.hot() as connection:
        await connection.execute(queries.KEEP_UNFILED, uuid7(), name, provider, status, clean(reason)[:200], *columns)
    _count(source.config, status)
    logger.info("ingest.request.kept", source=name, status=status)


def _touch(intake: Intake, source: ConnectedSource, request: WebhookRequest, message: InboundMessage) -> Touch:
    return Touch(
        channel=message.channel,
        direction=Direction.inbound,
        kind=message.kind,
        status=InteractionStatus.received,
        source=source.config.name,
        provider=source.adapter.provider,
        external_id=message.external_id,
        message_id=message.message_id,
        occurred_at=message.occurred_at or request.received_at,
        received_at=request.received_at,
        party=message.sender,
        us=message.recipient,
        identifiers=[each for each in message.identifiers if not is_blocked(each.kind, each.value, intake.blocked)],
        references=message.references,
        subject=message.subject,
        text=message.text,
        html=message.html,
        reply_text=message.reply_text,
        language=guess_language(message.reply_text or message.text),
        automatic=message.automatic,
        attachments=[
            {
                "id": str(uuid7()),
                "name": each.name,
                "content_type": each.content_type,
                "size": len(each.content) if each.content is not None else each.size,
            }
            for each in message.attachments
        ],
        attributes=dict(message.attributes),
    )


def _columns(source: ConnectedSource, request: WebhookRequest) -> tuple[Any, ...]:
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


_STATUS = {
    ReceiptEvent.sent: InteractionStatus.sent,
    ReceiptEvent.delivered: InteractionStatus.delivered,
    ReceiptEvent.read: InteractionStatus.read,
    ReceiptEvent.failed: InteractionStatus.failed,
    ReceiptEvent.bounced: InteractionStatus.failed,
}


def _report(config: SourceConfig, filed: Sequence[Filed]) -> None:
    new = [each for each in filed if each.created]
    _count(config, "filed" if new else "known")
    for each in new:
        logger.info(
            "ingest.message.recorded",
            source=config.name,
            interaction_id=str(each.interaction_id),
            customer_id=each.customer_id and str(each.customer_id),
        )


def _count(config: SourceConfig, outcome: str) -> None:
    metrics.INGEST.labels(config.name, outcome).inc()
