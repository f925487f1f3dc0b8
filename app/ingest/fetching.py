"""Background: what providers keep for us is fetched, messages are completed, subscriptions confirmed.

An adapter says what to ask (`Adapter.fetch_media`, a generator without a connection); here it is asked.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from app.changes.models import ChangeType
from app.changes.service import tell
from app.channels.base import Adapter, Fetching, FetchResponse, Refused
from app.core.db import now
from app.core.errors import NotFound
from app.core.fetching import Fetcher, FetchFailed
from app.core.jobs import Attempt, Handler
from app.ingest import requests
from app.ingest.filing import Touch
from app.ingest.forgetting import FORGET_CONTENT, keys_of, put_aside, remove
from app.ingest.models import InboundRequest
from app.ingest.service import Intake
from app.ingest.sources import ConnectedSource
from app.ingest.translation import files_of
from app.interactions.attachments import sniffed
from app.interactions.indexing import make_searchable
from app.interactions.models import Attachment, AttachmentState, Interaction
from app.interactions.queries import ATTACH, MAKE_SEARCHABLE
from app.messages import Attachment as Told
from app.messages import Confirmation, InboundMessage
from app.text.folding import text_key
from app.text.languages import guess_language

logger = structlog.get_logger()

Got = TypeVar("Got")


def handlers(intake: Intake) -> Mapping[str, Handler]:
    """Job names, as the statements that enqueue them write them, and what each does."""

    return {
        "fetch_attachment": partial(_fetch_attachment, intake),
        "complete_message": partial(_complete_message, intake),
        "confirm": partial(_confirm, intake),
        "forget_file": lambda attempt: put_aside(intake.database, intake.storage, attempt.id),
        "remove_file": lambda attempt: remove(intake.database, intake.storage, attempt.id),
        "make_searchable": lambda _: make_searchable(intake.database),
    }


async def _fetch_attachment(intake: Intake, attempt: Attempt) -> None:
    """Fetch a pending file and store it; what cannot be had is marked failed, with the reason."""
    async with intake.database.session() as session:
        attachment = await session.get(Attachment, attempt.id)
        of = attachment.interaction_id if attachment else None
        interaction = await session.get(Interaction, of) if of else None
    if attachment is None or interaction is None or attachment.state is not AttachmentState.pending:
        return
    told = Told(
        attachment.name,
        attachment.content_type,
        attachment.size,
        url=attachment.url,
        provider_id=attachment.provider_id,
    )
    try:
        source = await intake.sources.connected(interaction.source)
        got = await _converse(intake.fetcher, source.adapter, source.adapter.fetch_media(told, source.config))
        key = await intake.storage.put(got.content or b"")
    except (FetchFailed, NotFound, OSError) as error:
        if not _is_final(error, attempt):
            raise
        logger.warning("media.fetch.failed", attachment_id=str(attempt.id))
        await _settle(intake, attachment, AttachmentState.failed, reason=_reason(error))
        return
    await _settle(intake, attachment, AttachmentState.stored, got=got, key=key)


def _is_final(error: Exception, attempt: Attempt) -> bool:
    return attempt.last or isinstance(error, NotFound) or (isinstance(error, FetchFailed) and error.final)


def _reason(error: Exception) -> str:
    """Of the store's own troubles only that there were some: they name paths."""
    return "the file could not be stored" if isinstance(error, OSError) else str(error)


async def _settle(
    intake: Intake,
    fetched: Attachment,
    state: AttachmentState,
    *,
    reason: str | None = None,
    got: Told | None = None,
    key: str | None = None,
) -> None:
    """Write the outcome into the file's row and into the list its interaction shows.

    Whoever changes both locks the interaction first.
    """
    async with intake.database.session() as session:
        interaction = await session.get(Interaction, fetched.interaction_id, with_for_update=True)
        attachment = await session.get(Attachment, fetched.id, with_for_update=True)
        if attachment is None or attachment.state is not AttachmentState.pending:  # erased meanwhile
            await _forget_content(session, [key] if key is not None else [])
            return
        attachment.state, attachment.reason, attachment.storage_key = state, reason, key
        if got is not None:
            attachment.name = attachment.name or got.name
            attachment.content_type = sniffed(got.content or b"", got.content_type)
            attachment.size = len(got.content or b"")
        if interaction is not None:
            shown = {name: getattr(attachment, name) for name in ("name", "content_type", "size", "state")}
            interaction.attachments = [
                each | shown if each["id"] == str(attachment.id) else each for each in interaction.attachments
            ]
            interaction.version += 1
            _tell(session, interaction, "attachments")


async def _forget_content(session: AsyncSession, keys: Sequence[str]) -> None:
    await (await session.connection()).exec_driver_sql(FORGET_CONTENT, (list(keys),))


def _tell(session: AsyncSession, interaction: Interaction, *fields: str) -> None:
    status = {"status": interaction.status, "fields": fields}
    tell(session, ChangeType.interaction_status, interaction.id, interaction.customer_id, **status)


_COMPLETED = ("subject", "text", "html", "reply_text", "message_id", "automatic")
"""What the whole message tells that its webhook did not."""


async def _complete_message(intake: Intake, attempt: Attempt) -> None:
    """Ask the provider for the rest of a message, and write it into its interaction."""
    async with intake.database.session() as session:
        found = await _request_of(intake, session, attempt.id)
    if found is None:
        return
    source, message, request_id = found
    try:
        whole = await _converse(intake.fetcher, source.adapter, source.adapter.fetch_message(message, source.config))
    except FetchFailed as error:
        if not _is_final(error, attempt):
            raise
        await _note(intake, request_id, f"not completed: {error}")
        return
    files = await files_of(whole, intake.storage)
    async with intake.database.session() as session:
        interaction = await session.get(Interaction, attempt.id, with_for_update=True)
        request = await session.get(InboundRequest, request_id)
        if interaction is None or request is None or not request.body:  # erased meanwhile
            await _forget_content(session, keys_of(files))
            return
        for name in _COMPLETED:
            setattr(interaction, name, getattr(whole, name) or getattr(interaction, name))
        interaction.language = guess_language(whole.reply_text or whole.text)
        interaction.attributes = {**interaction.attributes, **whole.attributes}
        await _replace_files(session, interaction, files)
        interaction.version += 1
        _tell(session, interaction, *_COMPLETED, "language", "attributes", "attachments")
        words = text_key(interaction.subject, interaction.text)
        await (await session.connection()).exec_driver_sql(MAKE_SEARCHABLE, (interaction.id, words))


async def _replace_files(session: AsyncSession, interaction: Interaction, files: Sequence[dict[str, Any]]) -> None:
    """The whole message knows all its files; those it shares with the first telling may be fetched already."""
    own = select(Attachment).where(Attachment.interaction_id == interaction.id).with_for_update()
    named = {(each["url"], each["provider_id"]) for each in files} - {(None, None)}
    known = set()
    for attachment in (await session.scalars(own)).all():
        if (place := (attachment.url, attachment.provider_id)) in named:
            known.add(place)
        else:
            await session.delete(attachment)
            interaction.attachments = [each for each in interaction.attachments if each["id"] != str(attachment.id)]
    new = [each for each in files if (each["url"], each["provider_id"]) not in known]
    interaction.attachments = [*interaction.attachments, *map(Touch.shown, new)]
    await session.flush()
    connection = await session.connection()
    await connection.exec_driver_sql(ATTACH, (interaction.id, json.dumps(new)))


async def _request_of(
    intake: Intake, session: AsyncSession, interaction_id: UUID
) -> tuple[ConnectedSource, InboundMessage, UUID] | None:
    """The message as its webhook told it, and that request."""
    interaction = await session.get(Interaction, interaction_id)
    if interaction is None or interaction.inbound_request_id is None:
        return None
    kept = await requests.get(session, interaction.inbound_request_id)
    if not kept.body:  # erased
        return None
    source = await intake.sources.connected(interaction.source)
    inbound = source.adapter.parse(requests.as_webhook(kept), source.config)
    wanted = (
        each for each in inbound if isinstance(each, InboundMessage) and each.external_id == interaction.external_id
    )
    message = next(wanted, None)
    return (source, message, kept.id) if message is not None else None


async def _confirm(intake: Intake, attempt: Attempt) -> None:
    """Visit what a kept request wants visited."""
    async with intake.database.session() as session:
        kept = await requests.get(session, attempt.id)
    source = await intake.sources.connected(kept.source)
    for each in source.adapter.parse(requests.as_webhook(kept), source.config):
        if isinstance(each, Confirmation):
            try:
                await intake.fetcher.fetch(each.url, hosts=source.adapter.media_hosts)
            except FetchFailed as error:
                if not _is_final(error, attempt):
                    raise
                await _note(intake, kept.id, f"subscription, not confirmed: {error}")
            else:
                await _note(intake, kept.id, "subscription, confirmed")


async def _note(intake: Intake, request_id: UUID, reason: str) -> None:
    """Say beside a kept request what became of it."""
    async with intake.database.session() as session:
        kept = await session.get(InboundRequest, request_id, with_for_update=True)
        if kept is not None:
            kept.reason = reason


async def _converse(fetcher: Fetcher, adapter: Adapter, talk: Fetching[Got]) -> Got:
    """Carry an adapter's questions to the provider and its answers back."""
    try:
        question = next(talk)
        while True:
            answer = await fetcher.fetch(
                question.url,
                hosts=adapter.media_hosts,
                headers=question.headers_at(now()) if question.headers_at else question.headers,
            )
            question = talk.send(FetchResponse(answer.headers, answer.body))
    except StopIteration as finished:
        got: Got = finished.value
        return got
    except FetchFailed:
        raise
    except Refused as error:
        raise FetchFailed(str(error), final=True) from error
    except Exception as error:  # an answer the adapter cannot read
        raise FetchFailed(f"the provider's answer: {type(error).__name__}", final=False) from error
