"""Files that came with interactions: their rows, and handing out their content safely."""

from urllib.parse import quote
from uuid import UUID

import puremagic
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select
from starlette.responses import Response

from app.core.audit import concerns
from app.core.errors import Conflict, Gone, NotFound
from app.core.storage import Storage
from app.interactions.models import Attachment, AttachmentState, Interaction

OPAQUE = "application/octet-stream"
_SHOWN = ("image/", "audio/", "video/")
_SHOWN_TOO = {"application/pdf", "text/plain"}
_NEVER_SHOWN = {"image/svg+xml"}  # may hold scripts


def sniffed(content: bytes, told: str) -> str:
    """The media type the bytes themselves show, else what the sender says, unless a browser would run it."""
    try:
        found = puremagic.from_string(content, mime=True)
    except (puremagic.PureError, ValueError):
        found = ""
    kind = (found or told.partition(";")[0].strip().lower()) or OPAQUE
    return kind if kind.isascii() and kind.isprintable() and len(kind) <= 100 else OPAQUE


async def content_of(session: AsyncSession, storage: Storage, attachment_id: UUID) -> Response:
    """The file as a browser may have it: never run, never guessed at, framed nowhere."""
    attachment = await session.get(Attachment, attachment_id)
    if attachment is None:
        raise NotFound("No attachment has this id.")
    concerns(await session.scalar(select(Interaction.customer_id).where(Interaction.id == attachment.interaction_id)))
    if attachment.state is AttachmentState.pending:
        raise Conflict("The provider still keeps this file; it is being fetched.", code="attachment_pending")
    if attachment.state is AttachmentState.failed or attachment.storage_key is None:
        raise Gone(f"The file could not be had: {attachment.reason or 'it is gone'}.", code="attachment_failed")
    try:
        content = await storage.get(attachment.storage_key)
    except FileNotFoundError as error:
        raise Gone("The file is no longer in the store.", code="attachment_failed") from error
    return Response(content, media_type=_shown_type(attachment.content_type), headers=_headers(attachment))


def _shown_type(kind: str) -> str:
    harmless = kind.startswith(_SHOWN) or kind in _SHOWN_TOO
    return kind if harmless and kind not in _NEVER_SHOWN else OPAQUE


def _headers(attachment: Attachment) -> dict[str, str]:
    name = quote(attachment.name or str(attachment.id), safe="")
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=86400, immutable",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
