"""Form bodies and query strings into ordered fields.

Frameworks refuse long text fields, drop bytes that are not UTF-8 and fold repeated keys; providers send all three.
Texts come out cleaned of what PostgreSQL cannot hold; `raw` keeps the bytes as sent.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from python_multipart.multipart import parse_options_header

from app.channels.base import Unreadable
from app.channels.charsets import decode
from app.channels.multipart import Part, split
from app.messages import Attachment
from app.text.cleaning import clean

_MOST_FIELDS = 2_000
_ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")


class File(NamedTuple):
    """What a multipart part says of the file it carries."""

    name: str | None
    content_type: str


class Field(NamedTuple):
    name: str
    value: str
    """Empty for a file, whose content is `raw`."""
    raw: bytes
    file: File | None = None


def read(body: bytes, content_type: str) -> list[Field]:
    """The fields of a form body in order, blank and repeated ones included."""
    try:
        media_type, options = parse_options_header(content_type)
    except ValueError as error:
        raise Unreadable("the content type cannot be read") from error
    if media_type == b"multipart/form-data":
        return _multipart(split(body, options.get(b"boundary", b"")))
    return urlencoded(body, _charset(options))


def urlencoded(body: bytes, charset: str | None = None) -> list[Field]:
    """The fields of a query string or of an `application/x-www-form-urlencoded` body."""
    raw = pairs(body)
    charset = _named_charset(raw) or charset
    return [Field(_text(name, charset), _text(value, charset), value) for name, value in raw]


def pairs(body: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values of an urlencoded form, as bytes."""
    if body.count(b"&") >= _MOST_FIELDS:
        raise Unreadable("too many fields")
    split_up = (pair.partition(b"=") for pair in body.replace(b"+", b" ").split(b"&") if pair)
    return [(_unquote(name), _unquote(value)) for name, _, value in split_up]


def values(fields: Iterable[Field]) -> dict[str, str]:
    """Text fields by name; of a repeated name the last."""
    return {field.name: field.value for field in fields if field.file is None}


def attachments(fields: Iterable[Field]) -> tuple[Attachment, ...]:
    """The files among the fields; a file input left empty is none."""
    return tuple(
        Attachment(field.file.name, field.file.content_type, len(field.raw), field.raw)
        for field in fields
        if field.file and (field.file.name or field.raw)
    )


def _multipart(parts: list[Part]) -> list[Field]:
    disposed = [(part.options(b"content-disposition")[1], part) for part in parts]
    charset = _named_charset((disposition.get(b"name", b""), bytes(part.content)) for disposition, part in disposed)
    return [_field(disposition, part, charset) for disposition, part in disposed]


def _field(disposition: dict[bytes, bytes], part: Part, charset: str | None) -> Field:
    content_type, options = part.options(b"content-type")
    name = _text(disposition.get(b"name", b""), charset)
    content = bytes(part.content)
    if b"filename" not in disposition:
        return Field(name, _text(content, _charset(options) or charset), content)
    # Some clients send the whole path of the file on their disk.
    file_name = _text(disposition[b"filename"], charset).replace("\\", "/").rpartition("/")[2]
    return Field(name, "", content, File(file_name or None, _text(content_type, None) or "application/octet-stream"))


def _charset(options: dict[bytes, bytes]) -> str | None:
    return options.get(b"charset", b"").decode("latin-1") or None


def _named_charset(raw: Iterable[tuple[bytes, bytes]]) -> str | None:
    """What browsers write into a `_charset_` field (HTML, "Selecting a form submission encoding")."""
    return next((value.decode("latin-1") for name, value in raw if name == b"_charset_"), None)


def _unquote(quoted: bytes) -> bytes:
    """A run of escapes at a time: outside ASCII a word is one, and `urllib` takes them byte by byte."""
    if b"%" not in quoted:
        return quoted
    return _ESCAPES.sub(lambda run: bytes.fromhex(run[0].replace(b"%", b"").decode()), quoted)


def _text(raw: bytes, charset: str | None) -> str:
    try:
        return clean(raw.decode())
    except UnicodeDecodeError:
        return clean(decode(raw, charset))
