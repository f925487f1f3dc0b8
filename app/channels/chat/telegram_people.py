"""Who wrote a Telegram message, where, and on what occasion."""

from collections.abc import Iterator
from typing import Any

from app.channels.base import Unreadable
from app.channels.documents import Document, section, text, whole
from app.channels.parties import Address, Ends, identify, party
from app.messages import Confidence, Direction, Identifier, IdentifierKind, Party


def number(document: Document, key: str) -> str:
    """An id, as text."""
    value = whole(document, key)
    if value is None:
        raise Unreadable(f"{key} is not a whole number")
    return str(value)


def ends(message: Document, user: Document) -> Ends:
    """A message in the name of a chat (an anonymous administrator, a channel) is no customer's: the user in it is a
    stand-in. In a chat of a business account the owner writes too: to whom the chat is with."""
    chat, in_the_name_of = section(message, "chat"), section(message, "sender_chat")
    private = text(chat, "type") == "private"
    ours = private and "business_connection_id" in message and user.get("id") != chat.get("id")
    customer = {} if in_the_name_of else chat if ours else user
    return Ends(
        sender=_party(in_the_name_of or user),
        recipient=_party(chat) if ours or not private else None,
        identifiers=identify([_address(customer)]) if customer else (),
        direction=Direction.outbound if ours else Direction.inbound,
    )


def shared_number(message: Document) -> tuple[Identifier, ...]:
    """The sender's own number: Telegram puts a user's id into a contact only where the number is that user's."""
    contact = section(message, "contact")
    own = contact.get("user_id") is not None and contact.get("user_id") == section(message, "from").get("id")
    raw = text(contact, "phone_number") if own and "forward_origin" not in message else ""
    phone = Address(IdentifierKind.phone, f"+{raw.strip().removeprefix('+')}")
    return identify([phone], confidence=Confidence.verified) if raw else ()


def circumstances(message: Document) -> Iterator[tuple[str, Any]]:
    """How the message came about, as attributes."""
    user, chat = {} if "sender_chat" in message else section(message, "from"), section(message, "chat")
    if username := text(user, "username"):
        yield "username", username
    if language := text(user, "language_code"):
        yield "language_code", language
    if text(chat, "type") not in ("private", ""):
        yield "chat", {name: chat[name] for name in ("id", "type", "title") if name in chat}
    if "forward_origin" in message or "forward_date" in message:
        yield "forwarded", True
    if album := text(message, "media_group_id"):
        yield "album", album
    if message.get("is_topic_message") is True:
        yield "topic", message.get("message_thread_id")
    if quote := text(section(message, "quote"), "text"):
        yield "quote", quote


def _party(user_or_chat: Document) -> Party | None:
    if not user_or_chat:
        return None
    names = [text(user_or_chat, name) for name in ("first_name", "last_name", "title")]
    return party(_address(user_or_chat), name=" ".join(filter(None, names)))


def _address(user_or_chat: Document) -> Address:
    return Address(IdentifierKind.telegram, number(user_or_chat, "id"))
