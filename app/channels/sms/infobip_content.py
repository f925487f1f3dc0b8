"""What a message that Infobip delivers says: a text in the classic format, a list of pieces in the newer one."""

from collections.abc import Iterator
from typing import Any

from app.channels.chat.content import Content
from app.channels.documents import Document, section, sections, text
from app.messages import Attachment

# Where the words of a piece stand, whatever its type.
_WORDS = ("text", "caption", "title", "payload", "emoji", "address")


def content(result: Document) -> Content:
    if isinstance(result.get("content"), dict):
        return _pieces([section(result, "content")])
    if result.get("content") is not None:
        return _pieces(list(sections(result, "content")))
    # cleanText is the text without its keyword, which the customer wrote all the same.
    return Content(text=text(result, "text"))


def _pieces(pieces: list[Document]) -> Content:
    said = [next(filter(None, (text(piece, word) for word in _WORDS)), "") for piece in pieces]
    return Content(
        text="\n".join(filter(None, said)),
        attachments=tuple(_attachment(piece) for piece in pieces if text(piece, "url")),
        attributes=dict(_attributes(pieces)),
    )


def _attachment(piece: Document) -> Attachment:
    return Attachment(
        name=text(piece, "filename") or None,
        content_type=text(piece, "contentType") or "application/octet-stream",
        url=text(piece, "url"),
    )


def _attributes(pieces: list[Document]) -> Iterator[tuple[str, Any]]:
    others = [piece for piece in pieces if text(piece, "type").upper() != "TEXT" and not text(piece, "url")]
    if others:
        yield "content", [dict(piece) for piece in others]
