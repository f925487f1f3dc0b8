"""Telegram: what people write, press and share in chats with a bot."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar
from urllib.parse import quote, urlencode

from app.channels import documents, signatures
from app.channels.base import Adapter, Fetching, FetchRequest, Refused, SourceConfig, Unreadable, WebhookRequest
from app.channels.chat import telegram_updates as updates
from app.channels.chat.telegram_people import number
from app.channels.digests import bounded
from app.channels.documents import Document, section, text
from app.messages import Attachment, Channel, Ignored, Inbound

_API_URL = "https://api.telegram.org"
_READERS: dict[str, Callable[[str, Document], Inbound]] = {
    "message": updates.message,
    "edited_message": updates.edit,
    "business_message": updates.message,
    "edited_business_message": updates.edit,
    "callback_query": updates.press,
    "message_reaction": updates.reaction,
    "my_chat_member": updates.membership,
}


class Telegram(Adapter):
    """Telegram Bot API, "Getting updates" (setWebhook, Update) and "Available types"."""

    provider = "telegram"
    title = "Telegram bot"
    channel = Channel.chat
    schemes: ClassVar = {"telegram_secret_token": ("secret_token",)}
    optional_credentials = ("bot_token",)
    limits = (
        "Telegram signs nothing: the secret token of setWebhook proves the caller.",
        "A phone number is known only of people who share their own contact.",
        "Files are fetched with the bot_token, up to 20 MB each.",
        "Posts in channels, inline queries, polls and payments are not filed.",
    )
    media_hosts = ("api.telegram.org",)

    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        token = signatures.credential(source, "secret_token")
        if not signatures.same(request.headers.get("x-telegram-bot-api-secret-token", ""), token):
            raise Refused("secret token missing or wrong")

    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        update = documents.read(request.body)
        update_id = bounded(number(update, "update_id"))
        for kind, read in _READERS.items():
            if kind in update:
                return [read(update_id, section(update, kind))]
        return [Ignored(" ".join(["update", *(name for name in update if name != "update_id")])[:100])]

    def fetch_media(self, attachment: Attachment, source: SourceConfig) -> Fetching[Attachment]:
        """ "getFile": where the file lies, then the file."""
        bot = f"bot{quote(signatures.credential(source, 'bot_token'), safe=':')}"
        query = urlencode({"file_id": attachment.provider_id or ""})
        found = yield FetchRequest(f"{_API_URL}/{bot}/getFile?{query}")
        path = text(section(documents.read(found.body), "result"), "file_path")
        if not path:
            raise Unreadable("a file without path")
        # The answer's content type is that of any bytes; the message told the file's own.
        file = yield FetchRequest(f"{_API_URL}/file/{bot}/{quote(path)}")
        name = attachment.name or path.rpartition("/")[2]
        return replace(attachment, name=name, content=file.body, size=len(file.body))
