"""Which encoding a text file is in: files say it seldom, and spreadsheets still write those of the 1990s."""

import codecs
import io
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 65_536
_BLOCK = 1 << 20
_WORD = re.compile(r"[^\W\d_]+")
_ARABIC = re.compile(r"[\u0600-\u06ff]")
_LATIN = re.compile(r"[A-Za-z]")
_HEBREW_BYTES = range(0xE0, 0xFB)


def encoding_of(content: bytes) -> str:
    for mark, name in _BOMS:
        if content.startswith(mark):
            return name
    sample = content[:_SAMPLE]
    # Text in Latin letters, digits and commas has a NUL for every other byte in UTF-16.
    if sample[1::2].count(0) > len(sample) // 8:
        return "utf-16-le"
    if sample[::2].count(0) > len(sample) // 8:
        return "utf-16-be"
    return "utf-8" if _is_utf8(content) else _single_byte(content)


def open_text(content: bytes) -> io.TextIOWrapper:
    """Line by line, line ends as they are; never an error: what the encoding does not know shows as U+FFFD."""
    return io.TextIOWrapper(io.BytesIO(content), encoding_of(content), errors="replace", newline="")


def _is_utf8(content: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(content), _BLOCK):
            decoder.decode(content[start : start + _BLOCK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _single_byte(content: bytes) -> str:
    """Windows' Arabic, Hebrew or Western page. In a Western word the odd accent stands among ASCII letters; in an
    Arabic or Hebrew one every letter is above ASCII, and Hebrew has no letter where Arabic has alef and ba."""
    high = [byte for byte in content[: 16 * _SAMPLE] if byte >= 0xC0]
    words = _WORD.findall(content[: 16 * _SAMPLE].decode("windows-1256", "replace"))
    eastern = sum(len(word) > 1 and not _LATIN.search(word) for word in words)
    western = sum(bool(_LATIN.search(word) and _ARABIC.search(word)) for word in words)
    if eastern <= western:
        return "windows-1252"
    hebrew = sum(byte in _HEBREW_BYTES for byte in high)
    return "windows-1255" if hebrew > 0.97 * len(high) else "windows-1256"
