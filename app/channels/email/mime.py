"""Raw mail (RFC 5322, RFC 2045) into headers, texts and attachments. Whatever the bytes are, they are a mail."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.channels.charsets import decode
from app.channels.email.flowed import unflow
from app.channels.email.mail import Mail
from app.channels.email.page_text import to_text
from app.channels.email.parts import MOST_PARTS, Part
from app.messages import Attachment
from app.text.cleaning import clean

_DEEPEST = 30
# Copies of the body for programs that run in the mail client.
_COPIES = ("text/x-amp-html", "text/watch-html")
_MAILBOX_LINE = re.compile(rb">?From [^\n]*\n")
_DECLARED = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a part holds; html only says here what no plain text says."""

    texts: Sequence[str] = ()
    htmls: Sequence[str] = ()
    files: Sequence[Attachment] = ()

    @property
    def read_texts(self) -> list[str]:
        return list(self.texts) or [to_text(html) for html in self.htmls]


def read(raw: bytes) -> Mail:
    """The mail in these bytes: all its plain text, all its html, and everything else as attachments."""
    message = Part(_beginning(raw))
    found = _Reader().read(message, 0)
    if not (found.htmls or found.files or any(text.strip() for text in found.texts)):
        found = _Found(texts=[_readable(message)])
    return Mail(
        headers=message.headers,
        sender=message.headers.sender,
        text="\n".join(found.texts),
        html="\n".join(found.htmls) or None,
        attachments=tuple(found.files),
    )


def _beginning(raw: bytes) -> bytes:
    """Without what mailboxes and scripts put in front."""
    raw = raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    mailbox_line = _MAILBOX_LINE.match(raw)
    return raw[mailbox_line.end() :] if mailbox_line else raw


class _Reader:
    def __init__(self) -> None:
        self.parts = 0

    def read(self, part: Part, depth: int, *, first: bool = True) -> _Found:
        children = part.children if depth < _DEEPEST and self.parts < MOST_PARTS else ()
        if not children:
            return _leaf(part, first=first)
        self.parts += len(children)
        found = [self.read(child, depth + 1, first=place == 0) for place, child in enumerate(children)]
        return _alternative(found) if part.content_type == "multipart/alternative" else _mixed(found)


def _alternative(found: Sequence[_Found]) -> _Found:
    """The same said in several forms. Plain text beside html is but a list's or scanner's line below it."""
    plain = [text for each in found if not each.htmls for text in each.texts]
    if not any(text.strip() for text in plain):
        plain = [text for each in found for text in each.texts]
    return _Found(
        texts=plain,
        htmls=next((each.htmls for each in reversed(found) if each.htmls), ()),
        files=[file for each in found for file in each.files],
    )


def _mixed(found: Sequence[_Found]) -> _Found:
    """One said after the other."""
    texts = [text for each in found for text in each.read_texts] if any(each.texts for each in found) else []
    return _Found(
        texts=texts,
        htmls=[html for each in found for html in each.htmls],
        files=[file for each in found for file in each.files],
    )


def _leaf(part: Part, *, first: bool) -> _Found:
    # A mail inside the mail is a file: its text is not ours. A name does not make a file of what comes first.
    attached = part.is_attached or (part.name is not None and not first)
    if part.content_type == "text/html" and not attached:
        return _Found(htmls=[_readable(part)])
    # A multipart without any part is a broken declaration before plain text.
    if (part.content_type == "text/plain" and not attached) or part.is_multipart:
        return _Found(texts=[_readable(part)])
    return _Found() if part.content_type in _COPIES else _Found(files=[_attachment(part)])


def _readable(part: Part) -> str:
    raw = part.text_content
    declared = _DECLARED.search(raw, 0, 2_000) if part.content_type == "text/html" and not part.charset else None
    text = clean(decode(raw, part.charset or (declared[1].decode("latin-1") if declared else None)))
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return unflow(text, delsp=part.delsp) if part.flowed and part.content_type == "text/plain" else text


def _attachment(part: Part) -> Attachment:
    content = part.content
    return Attachment(
        name=part.name,
        content_type=clean(part.content_type),
        size=len(content),
        content=content,
        content_id=part.content_id,
    )
