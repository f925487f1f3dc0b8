"""Raw mail (RFC 5322, RFC 2045) into headers, texts and attachments."""

from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message

from app.channels.base import Unreadable
from app.channels.charsets import decode
from app.channels.email.headers import Headers
from app.channels.email.mail import Mail
from app.channels.email.words import decode_words
from app.messages import Attachment
from app.text.cleaning import clean


def read(raw: bytes) -> Mail:
    """The mail in these bytes: all its plain text, its first HTML, and everything else as attachments."""
    try:
        message = message_from_bytes(raw)
        leaves = list(_leaves(message))
    except RecursionError as error:
        raise Unreadable("mail nested too deeply") from error
    texts = [_text(part) for part in leaves if _is_text(part, "plain")]
    htmls = [_text(part) for part in leaves if _is_text(part, "html")]
    others = [part for part in leaves if not (_is_text(part, "plain") or _is_text(part, "html"))]
    headers = _headers(message)
    return Mail(
        headers=headers,
        sender=headers.sender,
        text="\n".join(texts),
        html=htmls[0] if htmls else None,
        attachments=tuple(_attachment(part) for part in others),
    )


def _headers(message: Message) -> Headers:
    return Headers((name, _unescape(value.replace("\r", "").replace("\n", ""))) for name, value in message.raw_items())


def _unescape(value: str) -> str:
    """Bytes beyond ASCII come out of the parser as lone surrogates."""
    return value if value.isascii() else decode(value.encode("utf-8", "surrogateescape"))


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that are not made of parts. A mail inside the mail is one of them: its text is not ours."""
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in _parts(message):
            yield from _leaves(part)
    else:
        yield message


def _parts(message: Message) -> list[Message]:
    payload = message.get_payload()
    return [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []


def _is_text(part: Message, subtype: str) -> bool:
    # A multipart without any part is a broken declaration before plain text.
    kind = "text/plain" if part.get_content_maintype() == "multipart" else part.get_content_type()
    return kind == f"text/{subtype}" and part.get_content_disposition() != "attachment" and not part.get_filename()


def _content(part: Message) -> bytes:
    if part.is_multipart():
        return b"\n".join(inner.as_bytes() for inner in _parts(part))
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message) -> str:
    return clean(decode(_content(part), part.get_content_charset()))


def _attachment(part: Message) -> Attachment:
    content = _content(part)
    file_name = decode_words(clean(_unescape(part.get_filename() or "")))
    content_id = clean(str(part.get("content-id", ""))).strip(" <>")
    return Attachment(
        name=file_name.replace("\\", "/").rpartition("/")[2] or None,
        content_type=clean(part.get_content_type()),
        size=len(content),
        content=content,
        provider_id=content_id or None,
    )
