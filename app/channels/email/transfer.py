"""Content transfer encodings (RFC 2045, section 6) as senders really write them: nothing raises."""

import binascii
import re

_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]*+={0,2}")
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_WORDS = re.compile(rb"\S[ \t]+\S")


def decode_base64(encoded: bytes) -> bytes:
    """Junk between the letters is skipped, padding may be missing."""
    try:
        return binascii.a2b_base64(encoded)
    except binascii.Error:
        letters = _NO_BASE64.sub(b"", encoded.partition(b"=")[0])
        whole = letters[: len(letters) - (len(letters) % 4 == 1)]
        return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def decode_content(body: bytes, encoding: str) -> bytes:
    """The content of a part; an encoding nobody knows is none."""
    encoding = encoding.partition("(")[0].strip(" \t\"';").lower()
    if encoding == "base64":
        return decode_base64(body)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding in ("x-uuencode", "uuencode", "uue", "x-uue"):
        return _decode_uuencoded(body)
    return body


def decode_text(body: bytes, encoding: str) -> bytes:
    """The same for what is to be read: plain text that is only said to be base64 stays, and so does what a mailing
    list wrote below the real one."""
    if encoding.strip().lower() != "base64":
        return decode_content(body, encoding)
    found = _BASE64.match(body)
    encoded = b"" if found is None or _WORDS.search(found[0]) else found[0]
    return decode_base64(encoded) + body[len(encoded) :].rstrip()


def _decode_uuencoded(body: bytes) -> bytes:
    decoded = bytearray()
    lines = iter(body.splitlines())
    if not any(line.startswith(b"begin ") for line in lines):
        return body
    for line in lines:
        if line.strip() in (b"end", b"`"):
            break
        try:
            decoded += binascii.a2b_uu(line)
        except binascii.Error:
            # Some encoders write letters behind the last one that counts.
            letters = (((line[0] - 32) & 63) * 4 + 5) // 3
            decoded += _decode_line(line[:letters])
    return bytes(decoded)


def _decode_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        return b""
