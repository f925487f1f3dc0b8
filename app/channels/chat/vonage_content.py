"""What a message of the Vonage Messages API says: each type as a person would read it, the rest as attributes."""

from app.channels.chat.content import Content, location
from app.channels.documents import Document, section, sections, text
from app.messages import Attachment

_FILES = ("image", "audio", "video", "file", "vcard", "sticker")


def content(payload: Document) -> Content:
    """A type that is new, or that the network does not hand on, is kept as `unsupported` with all that came of it."""
    kind = text(payload, "message_type")
    if kind == "text":
        return Content(text=text(payload, "text"))
    if kind == "content":
        # An MMS with several files.
        return _files([(text(item, "type"), item) for item in sections(payload, "content")])
    said = payload.get(kind)
    if kind in _FILES and isinstance(said, dict):
        words = text(payload, "text")
        files = _files([(kind, said)])
        return Content(text=words or files.text, attachments=files.attachments, attributes=files.attributes)
    if isinstance(said, dict):
        return _other(kind, section(payload, kind))
    return Content(attributes={"unsupported": True, "type": kind})


def _files(items: list[tuple[str, Document]]) -> Content:
    words = [text(item, "caption") or text(item, "text") for _, item in items]
    files = [
        Attachment(text(item, "name") or None, "application/octet-stream", url=text(item, "url"))
        for _, item in items
        if text(item, "url")
    ]
    kinds = [kind for kind, item in items if text(item, "url")]
    return Content(
        text="\n".join(filter(None, words)),
        attachments=tuple(files),
        # Vonage tells the kind of a file, not its content type; fetching it does.
        attributes={"files": kinds} if kinds else {},
    )


def _other(kind: str, said: Document) -> Content:
    if kind == "reaction":
        emoji = text(said, "emoji")
        return Content(text=emoji, attributes={"reaction": {"emoji": emoji or None, "action": text(said, "action")}})
    if kind == "location":
        return location({**said, "latitude": said.get("lat"), "longitude": said.get("long")})
    # reply, button, order, contact: a title or text of its own where there is one.
    return Content(text=text(said, "title") or text(said, "text"), attributes={kind: dict(said)})
