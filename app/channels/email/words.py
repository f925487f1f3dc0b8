"""Encoded words in mail headers (RFC 2047), as senders really write them."""

import base64
import binascii
import quopri
import re
from itertools import groupby

from app.channels.charsets import decode
from app.text.cleaning import clean

_WORD = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?]*)\?=", re.IGNORECASE)


def decode_words(header: str) -> str:
    """The header as people read it; what is no proper encoded word stays as it stands."""
    if "=?" not in header:
        return header
    decoded = (
        text if charset is None else decode(b"".join(raw for _, raw, _ in words), charset)
        for (charset, text), words in groupby(_pieces(header), key=lambda piece: (piece[0], piece[2]))
    )
    return clean("".join(decoded))


def _pieces(header: str) -> list[tuple[str | None, bytes, str]]:
    """Charset and bytes of each word, or the text between words; space between two words is not text (section 6.2)."""
    pieces: list[tuple[str | None, bytes, str]] = []
    end = 0
    for word in _WORD.finditer(header):
        between = header[end : word.start()]
        if between and (end == 0 or not between.isspace()):
            pieces.append((None, b"", between))
        pieces.append((word[1].lower(), _bytes(word[2], word[3]), ""))
        end = word.end()
    return [*pieces, (None, b"", header[end:])]


def _bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("ascii", "ignore")
    if encoding in "qQ":
        return quopri.decodestring(raw, header=True)
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4))
    except binascii.Error:
        return raw
