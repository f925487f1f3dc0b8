"""Encoded words in mail headers (RFC 2047), as senders really write them."""

import binascii
import re
from itertools import groupby

from app.channels.charsets import decode
from app.channels.email.transfer import decode_base64
from app.text.cleaning import clean

# Line ends in a name would be header fields of their own wherever it is written again.
_CONTROLS = dict.fromkeys([*range(0x20), 0x7F, 0x85, 0x2028, 0x2029], " ")
_WORD = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?]*)\?=", re.IGNORECASE)


def decode_words(header: str) -> str:
    """The header as people read it; what is no proper encoded word stays as it stands."""
    if "=?" not in header:
        return header if header.isprintable() else header.translate(_CONTROLS)
    decoded = (
        text if charset is None else decode(b"".join(raw for _, raw, _ in words), charset)
        for (charset, text), words in groupby(_pieces(header), key=lambda piece: (piece[0], piece[2]))
    )
    return clean("".join(decoded)).translate(_CONTROLS)


def _pieces(header: str) -> list[tuple[str | None, bytes, str]]:
    """Charset and bytes of each word, or the text between words; space between two words is not text (section 6.2)."""
    pieces: list[tuple[str | None, bytes, str]] = []
    end = 0
    for word in _WORD.finditer(header):
        between = header[end : word.start()]
        if between and (end == 0 or not between.isspace()):
            pieces.append((None, b"", between))
        pieces.append((word[1].lower(), _bytes(*word.groups()), ""))
        end = word.end()
    return [*pieces, (None, b"", header[end:])]


def _bytes(charset: str, encoding: str, text: str) -> bytes:
    try:
        # Some programs leave letters beyond ASCII as they are.
        raw = text.encode("ascii" if text.isascii() else charset)
    except (LookupError, ValueError):
        raw = text.encode()
    if encoding in "qQ":
        return binascii.a2b_qp(raw, header=True)
    return decode_base64(raw) or raw
