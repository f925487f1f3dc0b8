"""Bytes to text, whatever charset they are said to be in: nothing raises and no letter is lost to a wrong label."""

import re

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
_RUNS = re.compile(rb"[\x80-\xff]{2,}")
_ARABIC_ONLY = re.compile(rb"[\xc0-\xdf]")


def decode(raw: bytes, *charsets: str | None) -> str:
    """The text in the first of the charsets that fits, else in UTF-8, else in the likeliest 8-bit charset."""
    for charset in (*charsets, "utf-8"):
        if charset:
            try:
                return raw.decode(_NAMES.get(charset.strip().lower(), charset))
            except (LookupError, ValueError):
                continue
    try:
        return raw.decode(_likely(raw))
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _likely(raw: bytes) -> str:
    """Arabic and Hebrew words are runs of 8-bit letters; in European words such letters stand alone.

    Hebrew windows-1255 has its letters at E0 to FA; Arabic words without alef or any other letter below are rare.
    """
    runs = b"".join(_RUNS.findall(raw))
    high = len(raw) - len(raw.decode("ascii", "ignore"))
    if len(runs) * 2 <= high:
        return "windows-1252"
    return "windows-1256" if _ARABIC_ONLY.search(runs) else "windows-1255"
