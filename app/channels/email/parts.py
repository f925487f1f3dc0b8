"""A mail taken apart (RFC 2045, RFC 2046): its parts, each with its header and its bytes as sent.

The standard library's parser walks line by line through large files, writes mails inside the mail anew and recurses as
deep as a sender likes; here bytes are searched, copied once, and the depth is ours. Of the library only the grammar of
parameters is used.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from functools import cached_property

from app.channels.charsets import decode
from app.channels.email.headers import Headers
from app.channels.email.transfer import decode_content, decode_text
from app.channels.email.words import decode_words
from app.text.cleaning import clean

MOST_PARTS = 500
_LONGEST_PARAMETERS = 8_000
_LONGEST_DELIMITER_END = 200
_TYPE = re.compile(r"[!-~]+?/[!-~]+")
_COMMENT = re.compile(r"\([^()]*\)")
_FIELD = rb"[!-9;-~]++[ \t]*+:[^\n]*+(?:\n|\Z)"
# Lines a program forgot to indent, between fields everybody knows.
_LOST = rb"[^\r\n][^\n]*+\n(?=(?:From|To|Cc|Subject|Date|Message-ID|MIME-Version|Content-Type|Received):)"
_HEADER = re.compile(rb"(?:%b(?:%b|[ \t][^\n]*+(?:\n|\Z)|%b)*+)?" % (_FIELD, _FIELD, _LOST), re.IGNORECASE)
_NEXT_FIELD = re.compile(rb"\r?\n(?![ \t])")


class Part:
    def __init__(self, raw: bytes, default_type: str = "text/plain") -> None:
        header = _HEADER.match(raw)
        end = header.end() if header else 0
        self.headers = read_headers(raw[:end])
        self.body = raw[end + _line_end(raw, end) :]
        self.content_type, self._parameters = parameters(self.headers.raw("content-type"))
        if not _TYPE.fullmatch(self.content_type):
            self.content_type = "text/plain" if self.content_type else default_type

    @property
    def is_multipart(self) -> bool:
        return self.content_type.startswith("multipart/")

    @property
    def charset(self) -> str | None:
        return self._parameters.get("charset")

    @property
    def flowed(self) -> bool:
        return self._parameters.get("format", "").lower() == "flowed"

    @property
    def delsp(self) -> bool:
        return self._parameters.get("delsp", "").lower() == "yes"

    @cached_property
    def _disposition(self) -> tuple[str, Mapping[str, str]]:
        return parameters(self.headers.raw("content-disposition"))

    @property
    def is_attached(self) -> bool:
        return self._disposition[0] == "attachment"

    @property
    def name(self) -> str | None:
        return file_name(self._disposition[1].get("filename") or self._parameters.get("name") or "")

    @property
    def content_id(self) -> str | None:
        return content_id(self.headers.raw("content-id"))

    @property
    def content(self) -> bytes:
        """The bytes meant; of a mail inside the mail the bytes sent."""
        return decode_content(self.body, self.headers.raw("content-transfer-encoding"))

    @property
    def text_content(self) -> bytes:
        return decode_text(self.body, self.headers.raw("content-transfer-encoding"))

    @cached_property
    def children(self) -> Sequence["Part"]:
        boundary = self._parameters.get("boundary", "").rstrip()
        if not self.is_multipart or not boundary:
            return ()
        default_type = "message/rfc822" if self.content_type == "multipart/digest" else "text/plain"
        return [Part(raw, default_type) for raw in _delimited(self.body, boundary.encode())]


def read_headers(block: bytes) -> Headers:
    """The fields of a header, unfolded; letters beyond ASCII in whatever charset fits."""
    fields = (field.partition(b":") for field in _NEXT_FIELD.split(block))
    return Headers((name.strip().decode("latin-1"), _unfold(value)) for name, colon, value in fields if colon)


def parameters(value: str) -> tuple[str, Mapping[str, str]]:
    """A header's value in lower case and its parameters (RFC 2045, RFC 2231) by lower-case name."""
    message = Message()
    message["content-type"] = value[:_LONGEST_PARAMETERS]
    try:
        (first, _), *given = message.get_params([("", "")], header="content-type")
    except (ValueError, TypeError, IndexError):
        return "", {}
    # Of a name given twice the extended form comes last, and is the better one.
    return _COMMENT.sub("", first).strip().lower().replace(" ", ""), {
        name.strip().lower(): _parameter(parameter) for name, parameter in given
    }


def file_name(given: str) -> str | None:
    """Without the path some programs send, as people read it."""
    name = decode_words(given).replace("\\", "/").rpartition("/")[2].strip()
    return name or None


def content_id(given: str) -> str | None:
    return given.strip(" \t<>") or None


def _parameter(value: str | tuple[str | None, str | None, str]) -> str:
    if isinstance(value, str):
        return value
    charset, _, text = value
    return clean(decode(text.encode("latin-1", "replace"), charset))


def _line_end(raw: bytes, at: int) -> int:
    """The length of the line end here, 0 where there is none."""
    return 2 if raw[at : at + 2] == b"\r\n" else int(raw[at : at + 1] == b"\n")


def _unfold(value: bytes) -> str:
    value = value.replace(b"\r", b"").replace(b"\n", b"")
    return value.decode() if value.isascii() else decode(value)


def _delimited(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What stands between delimiter lines (RFC 2046, section 5.1.1); the last piece need not be closed."""
    delimiter = b"--" + boundary
    start, pieces = None, 0
    at = body.find(delimiter)
    while at >= 0 and pieces < MOST_PARTS:
        after = at + len(delimiter)
        line_end = body.find(b"\n", after, after + _LONGEST_DELIMITER_END)
        end = body[after : line_end if line_end >= 0 else after + _LONGEST_DELIMITER_END].strip(b" \t\r")
        if (at == 0 or body[at - 1] == 10) and end in (b"", b"--"):
            if start is not None:
                yield _without_line_end(body[start:at])
                pieces += 1
            start = None if end or line_end < 0 else line_end + 1
        at = body.find(delimiter, after)
    if start is not None:
        yield body[start:]


def _without_line_end(piece: bytes) -> bytes:
    """The line end before a delimiter belongs to the delimiter."""
    return piece.removesuffix(b"\n").removesuffix(b"\r")
