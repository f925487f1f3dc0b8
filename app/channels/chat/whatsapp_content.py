"""What a WhatsApp message says: each type as a person would read it, the rest of it as attributes."""

from collections.abc import Callable, Sequence

from app.channels.chat.content import Content, location
from app.channels.documents import Document, section, sections, text
from app.messages import Attachment


def content(message: Document) -> Content:
    """A type that is new, or that WhatsApp does not hand on, is kept as `unsupported` with all that came of it."""
    kind = text(message, "type")
    if kind == "contacts":
        return _contacts(sections(message, kind))
    reader = _READERS.get(kind)
    if reader is None or not section(message, kind):
        rest = {"type": kind, "content": message.get(kind), "errors": list(sections(message, "errors"))}
        return Content(attributes={"unsupported": True, **{key: value for key, value in rest.items() if value}})
    return reader(section(message, kind))


def _contacts(contacts: Sequence[Document]) -> Content:
    lines = []
    for contact in contacts:
        numbers = [text(phone, "phone") for phone in sections(contact, "phones")]
        lines.append(", ".join(filter(None, [text(section(contact, "name"), "formatted_name"), *numbers])))
    return Content(text="\n".join(lines), attributes={"contacts": [dict(contact) for contact in contacts]})


def _text(body: Document) -> Content:
    return Content(text=text(body, "body"))


def _system(notice: Document) -> Content:
    return Content(text=text(notice, "body"), attributes={"notice": text(notice, "type")})


def _button(button: Document) -> Content:
    return Content(text=text(button, "text"), attributes={"payload": text(button, "payload")})


def _interactive(interactive: Document) -> Content:
    """A button, a line of a list, or a filled-in form (flow)."""
    reply = section(interactive, text(interactive, "type"))
    title = text(reply, "title") or text(reply, "body")
    return Content(text=title, attributes={"reply": dict(reply)} if reply else {"unsupported": True})


def _media(media: Document) -> Content:
    attachment = Attachment(
        name=text(media, "filename") or None,
        content_type=text(media, "mime_type") or "application/octet-stream",
        url=text(media, "url") or None,
        provider_id=text(media, "id") or None,
    )
    marks = {mark: True for mark in ("voice", "animated") if media.get(mark) is True}
    return Content(text=text(media, "caption"), attachments=(attachment,), attributes=marks)


def _reaction(reaction: Document) -> Content:
    """A reaction taken back has no emoji."""
    emoji, message_id = text(reaction, "emoji"), text(reaction, "message_id")
    return Content(
        text=emoji, answers=message_id, attributes={"reaction": {"emoji": emoji or None, "message_id": message_id}}
    )


def _order(order: Document) -> Content:
    lines = [
        f"{item.get('quantity')} × {item.get('product_retailer_id')} ({item.get('item_price')} {item.get('currency')})"
        for item in sections(order, "product_items")
    ]
    return Content(text="\n".join(filter(None, [text(order, "text"), *lines])), attributes={"order": dict(order)})


def _edit(edit: Document) -> Content:
    """The message as it reads now."""
    new, original = content(section(edit, "message")), text(edit, "original_message_id")
    return Content(
        text=new.text,
        attachments=new.attachments,
        answers=original,
        attributes={**new.attributes, "edited": original},
    )


def _revoke(revoke: Document) -> Content:
    original = text(revoke, "original_message_id")
    return Content(answers=original, attributes={"revoked": original})


_READERS: dict[str, Callable[[Document], Content]] = {
    "text": _text,
    "system": _system,
    "button": _button,
    "interactive": _interactive,
    "image": _media,
    "video": _media,
    "audio": _media,
    "document": _media,
    "sticker": _media,
    "location": location,
    "reaction": _reaction,
    "order": _order,
    "edit": _edit,
    "revoke": _revoke,
}
