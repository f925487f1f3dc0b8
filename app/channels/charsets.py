"""Bytes to text, whatever charset they are said to be in: nothing raises and no letter is lost to a wrong label."""

import codecs
import re
from functools import lru_cache

_NAMES = {
    # Labels that Python has no codec for, and labels that senders use for a larger set (WHATWG "Encoding").
    "csiso88598e": "iso-8859-8",
    "csiso88598i": "iso-8859-8",
    "cp-850": "cp850",
    "dos-862": "cp862",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-1": "windows-1252",
    "iso-8859-6-e": "iso-8859-6",
    "iso-8859-6-i": "iso-8859-6",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-9": "windows-1254",
    "ks_c_5601-1987": "cp949",
    "latin1": "windows-1252",
    "shift_jis": "cp932",
    "tis-620": "cp874",
    "utf8mb4": "utf-8",
    "windows-874": "cp874",
    "x-gbk": "gb18030",
    "x-sjis": "cp932",
}
# What mail programs say when they have not looked: anything may be behind it.
_CARELESS = ("ascii", "cp1252", "iso8859-1", "latin-1")
# Python's codecs that are no charsets, some of them slow or full of surprises.
_NO_CHARSETS = ("idna", "mbcs", "oem", "palmos", "punycode", "raw-unicode-escape", "undefined", "unicode-escape")
# Words without a Latin letter beside them; in European words the letters beyond ASCII stand among Latin ones.
_RUNS = re.compile(rb"(?<![A-Za-z\x80-\xff])[\x80-\xff]{2,}+(?![A-Za-z])")
_LETTERS = re.compile(rb"[\xc0-\xff]")
_ARABIC_ONLY = re.compile(rb"[\xc0-\xdf]")
_FEW = 6
_DAMAGED = 4


def decode(raw: bytes, *charsets: str | None) -> str:
    """The text in the first of the charsets that fits, else in UTF-8, else in the likeliest 8-bit charset."""
    for charset in (*charsets, "utf-8"):
        codec = _codec(charset) if charset else None
        text = _read(raw, _corrected(raw, codec)) if codec else None
        if text is not None:
            return text
    try:
        return raw.decode(_likely(raw))
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _read(raw: bytes, codec: str) -> str | None:
    """The text, be it with a few letters damaged on the way; None where the bytes are of another charset."""
    try:
        return raw.decode(codec)
    except LookupError:
        return None
    except ValueError:
        pass
    try:
        text = raw.decode(codec, "replace")
    except ValueError:
        return None
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return text if text.count("\ufffd") * _DAMAGED <= beyond_ascii else None


@lru_cache(maxsize=256)
def _codec(charset: str) -> str | None:
    """Python's name of a charset, None where it knows none."""
    try:
        label = charset.strip(" \t\"'").lower()
        found = codecs.lookup(_NAMES.get(label, label)).name
    except (LookupError, ValueError):
        return None
    return None if found in _NO_CHARSETS else found


def _corrected(raw: bytes, codec: str) -> str:
    """Another codec where the careless one named is plainly wrong."""
    if codec not in _CARELESS or raw.isascii():
        return codec
    if _is_utf8(raw):
        return "utf-8"
    letters = len(_LETTERS.findall(raw))
    words = sum(len(_LETTERS.findall(run)) for run in _RUNS.findall(raw))
    return _likely(raw) if words >= _FEW and words * 5 >= letters * 4 else codec


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _likely(raw: bytes) -> str:
    """Arabic and Hebrew words are runs of 8-bit letters.

    Hebrew windows-1255 has its letters at E0 to FA; Arabic words without alef or any other letter below are rare.
    """
    runs = b"".join(_RUNS.findall(raw))
    high = len(raw) - len(raw.decode("ascii", "ignore"))
    if len(runs) * 2 <= high:
        return "windows-1252"
    return "windows-1256" if _ARABIC_ONLY.search(runs) else "windows-1255"
