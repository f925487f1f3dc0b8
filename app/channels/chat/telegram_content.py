"""What a Telegram message says: each type as a person would read it, the rest of it as attributes."""

from collections.abc import Callable
from typing import Any

from app.channels.chat.content import Content, location
from app.channels.documents import Document, section, sections, text, whole
from app.messages import Attachment

_FILES = {
    # In this order: an animation comes with a document of the same file. With what each is where Telegram is silent.
    "animation": "video/mp4",
    "audio": "audio/mpeg",
    "voice": "audio/ogg",
    "video": "video/mp4",
    "video_note": "video/mp4",
    "sticker": "image/webp",
    "document": "application/octet-stream",
}
_STICKERS = {"is_video": "video/webm", "is_animated": "application/x-tgsticker"}
_ENVELOPE_TEXT = """
    message_id message_thread_id from sender_chat sender_boost_count sender_business_bot sender_tag date chat
    business_connection_id forward_origin forward_date forward_from forward_from_chat forward_from_message_id
    forward_sender_name forward_signature is_topic_message is_automatic_forward reply_to_message external_reply quote
    reply_to_story reply_to_checklist_task_id reply_markup via_bot edit_date has_protected_content is_from_offline
    media_group_id author_signature direct_messages_topic
"""
_ENVELOPE = frozenset(_ENVELOPE_TEXT.split())
_SERVICE = (
    "new_chat_",
    "left_chat_",
    "delete_chat_photo",
    "group_chat_created",
    "supergroup_chat_created",
    "channel_chat_created",
    "message_auto_delete_timer_changed",
    "migrate_",
    "pinned_message",
    "write_access_allowed",
    "proximity_alert_triggered",
    "boost_added",
    "chat_background_set",
    "forum_topic_",
    "general_forum_topic_",
    "giveaway",
    "video_chat_",
)


def content(message: Document) -> Content | None:
    """None for a notice of the chat itself (somebody joined). A type that is new is kept as `unsupported`."""
    if "text" in message:
        return Content(text=text(message, "text"))
    for kind, read in _READERS.items():
        if kind in message:
            return read(message)
    rest = {name: value for name, value in message.items() if name not in _ENVELOPE}
    if rest and all(name.startswith(_SERVICE) for name in rest):
        return None
    return Content(attributes={"unsupported": True, "content": rest})


def _photo(message: Document) -> Content:
    """The largest of its sizes."""
    sizes = sections(message, "photo")
    largest = max(sizes, key=lambda size: (whole(size, "width") or 0) * (whole(size, "height") or 0), default={})
    photo = (_attachment(largest, "image/jpeg"),) if largest else ()
    return Content(text=text(message, "caption"), attachments=photo)


def _file(kind: str) -> Callable[[Document], Content]:
    def read(message: Document) -> Content:
        file = section(message, kind)
        told = next((each for mark, each in _STICKERS.items() if kind == "sticker" and file.get(mark) is True), None)
        said = text(message, "caption") or (text(file, "emoji") if kind == "sticker" else "")
        marks = {"voice": True} if kind == "voice" else {}
        return Content(text=said, attachments=(_attachment(file, told or _FILES[kind]),), attributes=marks)

    return read


def _attachment(file: Document, content_type: str) -> Attachment:
    return Attachment(
        name=text(file, "file_name") or None,
        content_type=text(file, "mime_type") or content_type,
        size=whole(file, "file_size"),
        provider_id=text(file, "file_id") or None,
    )


def _venue(message: Document) -> Content:
    venue = section(message, "venue")
    named = {"name": text(venue, "title"), "address": text(venue, "address")}
    return location({**section(venue, "location"), **{key: value for key, value in named.items() if value}})


def _location(message: Document) -> Content:
    return location(section(message, "location"))


def _contact(message: Document) -> Content:
    contact = section(message, "contact")
    name = " ".join(filter(None, (text(contact, "first_name"), text(contact, "last_name"))))
    said = ", ".join(filter(None, (name, text(contact, "phone_number"))))
    return Content(text=said, attributes={"contacts": [dict(contact)]})


def _poll(message: Document) -> Content:
    poll = section(message, "poll")
    lines = [text(poll, "question"), *(f"- {text(option, 'text')}" for option in sections(poll, "options"))]
    return Content(text="\n".join(lines), attributes={"poll": text(poll, "id")})


def _dice(message: Document) -> Content:
    dice: dict[str, Any] = dict(section(message, "dice"))
    return Content(text=text(dice, "emoji"), attributes={"dice": dice})


def _web_app(message: Document) -> Content:
    sent = section(message, "web_app_data")
    return Content(text=text(sent, "data"), attributes={"button": text(sent, "button_text")})


_READERS: dict[str, Callable[[Document], Content]] = {
    "photo": _photo,
    **{kind: _file(kind) for kind in _FILES},
    "venue": _venue,
    "location": _location,
    "contact": _contact,
    "poll": _poll,
    "dice": _dice,
    "web_app_data": _web_app,
}
