"""The kinds of Telegram updates that say something of a customer."""

from dataclasses import replace

from app.channels import times
from app.channels.chat.telegram_content import content
from app.channels.chat.telegram_people import circumstances, ends, number, shared_number
from app.channels.documents import Document, section, sections, text
from app.messages import Channel, Ignored, Inbound, InboundMessage, InteractionKind

_BLOCKED = "kicked"


def reference(message: Document) -> str:
    """Message ids are unique within their chat only."""
    return f"{number(section(message, 'chat'), 'id')}:{number(message, 'message_id')}"


def message(update_id: str, message: Document) -> Inbound:
    said = content(message)
    if said is None:
        return Ignored("service message")
    sender, answered = ends(message, section(message, "from")), section(message, "reply_to_message")
    sender["identifiers"] = (*sender["identifiers"], *shared_number(message))
    # In a forum every message answers the notice that opened its topic.
    references = (reference(answered),) if answered and "forum_topic_created" not in answered else ()
    return InboundMessage(
        channel=Channel.chat,
        external_id=update_id,
        occurred_at=times.unix(message.get("date")),
        **sender,
        text=said.text,
        message_id=reference(message),
        references=references,
        automatic=section(message, "from").get("is_bot") is True and "sender_chat" not in message,
        attachments=said.attachments,
        attributes={**said.attributes, **dict(circumstances(message))},
    )


def edit(update_id: str, message_now: Document) -> Inbound:
    """The message as it reads now, told as an answer to itself."""
    if "location" in message_now:
        return Ignored("live location")
    edited = message(update_id, message_now)
    if not isinstance(edited, InboundMessage):
        return edited
    original = reference(message_now)
    moment = message_now.get("edit_date") or message_now.get("date")
    return replace(
        edited,
        occurred_at=times.unix(moment),
        message_id=None,
        references=(original,),
        attributes={**edited.attributes, "edited": original},
    )


def press(update_id: str, query: Document) -> Inbound:
    """A button pressed; Telegram does not say when."""
    shown, data = section(query, "message"), text(query, "data")
    return InboundMessage(
        channel=Channel.chat,
        external_id=update_id,
        **ends(shown, section(query, "from")),
        text=data,
        references=(reference(shown),) if "chat" in shown else (),
        attributes={"payload": data, **({"button": label} if (label := _label(shown, data)) else {})},
    )


def reaction(update_id: str, reaction: Document) -> Inbound:
    """A reaction taken back leaves none; anonymous ones are the chat's own."""
    emoji = " ".join(text(each, "emoji") or text(each, "type") for each in sections(reaction, "new_reaction"))
    answered = reference(reaction)
    return InboundMessage(
        channel=Channel.chat,
        external_id=update_id,
        occurred_at=times.unix(reaction.get("date")),
        **ends({**reaction, "sender_chat": reaction.get("actor_chat")}, section(reaction, "user")),
        text=emoji,
        references=(answered,),
        attributes={"reaction": {"emoji": emoji or None, "message_id": answered}},
    )


def membership(update_id: str, change: Document) -> Inbound:
    """Whoever blocks the bot wants no more of it; whoever lets it in again takes that back."""
    before, now = (text(section(change, side), "status") for side in ("old_chat_member", "new_chat_member"))
    if text(section(change, "chat"), "type") != "private" or _BLOCKED not in (before, now) or before == now:
        return Ignored(f"membership {now}")
    return InboundMessage(
        channel=Channel.chat,
        kind=InteractionKind.status,
        external_id=update_id,
        occurred_at=times.unix(change.get("date")),
        **ends(change, section(change, "from")),
        opt_out=now == _BLOCKED,
        attributes={"bot": "blocked" if now == _BLOCKED else "unblocked"},
    )


def _label(shown: Document, data: str) -> str:
    """What the pressed button said."""
    keyboard = section(shown, "reply_markup").get("inline_keyboard")
    rows = keyboard if isinstance(keyboard, list) else []
    buttons = [button for row in rows if isinstance(row, list) for button in row if isinstance(button, dict)]
    return next((text(button, "text") for button in buttons if button.get("callback_data") == data), "")
