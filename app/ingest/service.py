"""The main road: a provider's request, verified and kept, becomes interactions on customer files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar, Self
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.base import Answer, SourceConfig, WebhookRequest
from app.config import Settings
from app.core import metrics
from app.core.db import Database
from app.core.errors import Conflict, Forbidden, Unauthorized, is_unavailable
from app.core.fetching import Fetcher
from app.core.ids import uuid7
from app.core.secrets import SecretBox
from app.core.storage import Storage
from app.customers.policies import PolicyBook
from app.identity.moving import Notice, move_identifier
from app.identity.senders import Digests
from app.ingest import queries, requests
from app.ingest.filing import Filed, Touch, file
from app.ingest.forgetting import FORGET_CONTENT, keys_of
from app.ingest.growing import grow
from app.ingest.models import InboundRequest, InboundRequestStatus
from app.ingest.resources import ResourceShelf
from app.ingest.sources import ConnectedSource, SourceBook
from app.ingest.translation import files_of, receipt_row, request_columns, touch_of
from app.messages import (
    Channel,
    Confirmation,
    DeliveryReceipt,
    IdentifierChange,
    Ignored,
    Inbound,
    InboundMessage,
)
from app.text.cleaning import clean
from app.text.opt_outs import opt_out

logger = structlog.get_logger()

_KEYWORD_CHANNELS = {Channel.sms, Channel.whatsapp, Channel.chat}


class NotProven(Unauthorized):
    code = "bad_signature"
    # Amazon SNS shows a password it has only after this challenge.
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Basic realm="onefile"'}


@dataclass(frozen=True, slots=True)
class Intake:
    """What filing needs to know of its surroundings."""

    database: Database
    sources: SourceBook
    storage: Storage
    fetcher: Fetcher
    shelf: ResourceShelf
    window: timedelta
    policies: PolicyBook
    default_region: str | None
    digests: Digests

    @classmethod
    def prepare(cls, settings: Settings, database: Database, secrets: SecretBox, policies: PolicyBook) -> Self:
        return cls(
            database=database,
            sources=SourceBook(database, secrets, settings.default_region),
            storage=Storage(settings.media),
            fetcher=Fetcher(max_bytes=settings.max_attachment_bytes),
            shelf=ResourceShelf(),
            window=timedelta(hours=settings.conversation_window_hours),
            policies=policies,
            default_region=settings.default_region,
            digests=secrets.digests,
        )


async def receive(intake: Intake, source: ConnectedSource, request: WebhookRequest) -> Answer:
    """Verify, translate and file one request, and answer as its provider expects.

    Nothing is stored of a request that does not verify; everything that does is kept, readable or not.
    """
    adapter, config = source.adapter, source.config
    try:
        answer = adapter.handshake(request, config)
    except Exception as error:  # the adapter's word for it, or whatever a scanner's bytes provoke
        _count(config, "refused")
        raise Forbidden("The handshake's token is wrong.", code="bad_signature") from error
    if answer is not None:
        return answer
    await _verify(intake, source, request)
    try:
        inbound = adapter.parse(request, config)
    except Exception as error:  # the adapter's word for "unreadable", or bytes nobody thought of
        await _keep(intake, source, request, InboundRequestStatus.quarantined, type(error).__name__)
        return adapter.complain(request, config, error)
    try:
        await _file(intake, source, request, inbound)
    except asyncpg.PostgresError as error:
        if is_unavailable(error):
            raise
        # Our mistake, not the provider's: it must not send the same again for days. Replay will, once it is mended.
        logger.exception("ingest.request.unfiled", source=config.name, error=type(error).__name__, exc_info=False)
        await _keep(intake, source, request, InboundRequestStatus.quarantined, type(error).__name__)
    return adapter.respond(request, config)


async def replay(intake: Intake, session: AsyncSession, request_id: UUID) -> InboundRequest:
    """Translate a kept request again, as the adapter reads it today. It was verified when it came."""
    kept = await requests.get(session, request_id)
    if kept.status is InboundRequestStatus.filed:
        raise Conflict("This request is filed already.", code="already_filed")
    source = await intake.sources.connected(kept.source)
    request = requests.as_webhook(kept)
    try:
        inbound = source.adapter.parse(request, source.config)
    except Exception as error:
        kept.status, kept.reason = InboundRequestStatus.quarantined, type(error).__name__
        return kept
    known = await _file(intake, source, request, inbound, request_id=kept.id)
    await session.refresh(kept)
    if known:  # what it brings may have come by another way meanwhile
        kept.status, kept.reason = InboundRequestStatus.filed, None
    elif kept.status is InboundRequestStatus.quarantined:
        kept.status, kept.reason = InboundRequestStatus.ignored, _reason(inbound)
    return kept


async def _verify(intake: Intake, source: ConnectedSource, request: WebhookRequest) -> None:
    adapter, config = source.adapter, source.config
    try:
        if urls := adapter.resources(request):
            request = replace(request, resources=await intake.shelf.take(intake.fetcher, urls, adapter.media_hosts))
        adapter.verify(request, config)
        nonce = adapter.nonce(request, config)
    except Exception as error:  # whatever a scanner's bytes provoke in a verifier is a refusal
        raise _refusal(config, type(error).__name__) from error
    if nonce is None:
        return
    async with intake.database.hot() as connection:
        first = await connection.fetchval(queries.REMEMBER_NONCE, config.name, clean(nonce.value), nonce.digest)
    if first != nonce.digest:
        raise _refusal(config, "used with another content")


def _refusal(config: SourceConfig, reason: str) -> NotProven:
    _count(config, "refused")
    logger.warning("ingest.request.refused", source=config.name, reason=reason)
    return NotProven("The request does not prove to come from the provider.")


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
    kept = (request_id or uuid7(), *request_columns(source, request))
    messages = [each for each in inbound if isinstance(each, InboundMessage)]
    news = bool(messages) and await _file_messages(intake, source, request, messages, kept)
    known = bool(messages)
    for change in (each for each in inbound if isinstance(each, IdentifierChange)):
        notice = Notice(source.config.name, request.received_at, kept, intake.digests)
        moved = await move_identifier(intake.database, change, notice)
        news |= moved is True
        known |= moved is not None
    if receipts := [receipt_row(each, request.received_at) for each in inbound if isinstance(each, DeliveryReceipt)]:
        async with intake.database.hot() as connection:
            known |= bool(await connection.fetchval(queries.APPLY_RECEIPTS, json.dumps(receipts), *kept))
    confirmation = any(isinstance(each, Confirmation) for each in inbound)
    if news:
        _report_kept(source.config, InboundRequestStatus.filed)
    elif not known or confirmation:
        await _keep(intake, source, request, InboundRequestStatus.ignored, _reason(inbound), kept[0])
    if confirmation:
        async with intake.database.hot() as connection:
            await connection.execute(queries.CONFIRM, kept[0])
    return known


async def _file_messages(
    intake: Intake,
    source: ConnectedSource,
    request: WebhookRequest,
    messages: Sequence[InboundMessage],
    kept: Sequence[Any],
) -> bool:
    """File the messages; whether known interactions grew by them."""
    policies, digests = intake.policies.current, intake.digests
    touches = [
        touch_of(each, source, request.received_at, policies, digests, await files_of(each, intake.storage))
        for each in messages
    ]
    filed = await file(intake.database, touches, intake.window, kept)
    _report(source.config, filed)
    grew = False
    for touch, outcome in zip(touches, filed, strict=True):
        if touch.grows and not outcome.created:
            grew |= await grow(intake.database, touch, kept)
    await _forget_content(intake, touches, filed)
    for message, touch, outcome in zip(messages, touches, filed, strict=True):
        if outcome.created and (wish := _opt_out(message)) is not None:
            await _opt(intake, touch, wish)
    return grew


async def _forget_content(intake: Intake, touches: Sequence[Touch], filed: Sequence[Filed]) -> None:
    """A message told again stores its files again, even where it is erased."""
    told_again = (touch for touch, outcome in zip(touches, filed, strict=True) if not outcome.created)
    if keys := [key for touch in told_again for key in keys_of(touch.files)]:
        async with intake.database.hot() as connection:
            await connection.execute(FORGET_CONTENT, keys)


def _opt_out(message: InboundMessage) -> bool | None:
    """The provider's own word first, then the message's."""
    if message.opt_out is not None or message.channel not in _KEYWORD_CHANNELS:
        return message.opt_out
    return opt_out(message.text)


async def _opt(intake: Intake, touch: Touch, wish: bool) -> None:
    kinds = [each.kind for each in touch.identifiers]
    values = [each.value for each in touch.identifiers]
    async with intake.database.hot() as connection:
        await connection.execute(queries.OPT, kinds, values, wish, touch.occurred_at)


def _reason(inbound: Sequence[Inbound]) -> str:
    ignored = next((each.reason for each in inbound if isinstance(each, Ignored)), None)
    if ignored is not None:
        return ignored
    if any(isinstance(each, Confirmation) for each in inbound):
        return "subscription, being confirmed"
    return "speaks of nothing known here" if inbound else "nothing in it"


async def _keep(
    intake: Intake,
    source: ConnectedSource,
    request: WebhookRequest,
    status: InboundRequestStatus,
    reason: str | None,
    request_id: UUID | None = None,
) -> None:
    """Keep a request by itself; a redelivery of the same unfiled bytes is known already."""
    name, provider, *columns = request_columns(source, request)
    async with intake.database.hot() as connection:
        told = clean(reason)[:200] if reason else None
        await connection.execute(queries.KEEP, request_id or uuid7(), name, provider, status, told, *columns)
    _report_kept(source.config, status)


def _report_kept(config: SourceConfig, status: InboundRequestStatus) -> None:
    _count(config, status)
    logger.info("ingest.request.kept", source=config.name, status=status)


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
