"""One key for every way of writing the same words, for search and for matching; what is stored stays as written.

Unicode compatibility forms (NFKC), case, accents and vowel marks, digits of every script, the Arabic and Persian
spellings of one letter, Hebrew final letters, elongation and invisible marks all vanish from the key. The joiners,
which are the zero-width non-joiner of Persian and every apostrophe, leave one word in the key; who searches meets
the parts as well, see `spellings`.
"""

from unicodedata import category, combining, decimal, normalize

_JOINER = "'"
# Quotation marks among them: in Hebrew they stand for gershayim, elsewhere they only surround words.
_JOINERS = frozenset("\u200c'`\u02b9\u02bb\u02bc\u2018\u2019\u201b\u2032\u05f3\"\u201c\u201d\u201e\u2033\u05f4")

# What Unicode regards as letters of their own. Persian forms are the key's: most Arabic script we meet is Persian.
_LETTERS = {
    **dict.fromkeys("\u0620\u063d\u063e\u063f\u0649\u064a\u0678\u06cd\u06ce\u06d0\u06d1\u06d2\u06d3\u0777", "\u06cc"),
    **dict.fromkeys("\u0643\u06aa\u063b\u063c\u06ac\u077f", "\u06a9"),
    **dict.fromkeys("\u0629\u06be\u06c0\u06c1\u06c2\u06c3\u06d5\u06ff", "\u0647"),
    **dict.fromkeys("\u0671\u0672\u0673\u0675\u0773\u0774", "\u0627"),
    # Zahra is written with and without the last hamza; tatweel only stretches a line.
    **dict.fromkeys("\u0621\u0674\u0640", ""),
    **dict(zip("ךםןףץ", "כמנפצ", strict=True)),
    "\ufdfd": "بسم الله الرحمن الرحیم",
    "\u05f0": "וו",
    "\u05f1": "וי",
    "\u05f2": "יי",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ł": "l",
    "ħ": "h",
    "ŧ": "t",
    "ı": "i",
}
# Combining classes whose marks are part of the word: nukta, kana voicing, virama, South-East Asian vowels and tones.
_WRITTEN_MARKS = frozenset((0, 7, 8, 9, 84, 91, 103, 107, 118, 122, 129, 130, 132))
_EMPTY_MARKS = frozenset(map(chr, (0x034F, *range(0xFE00, 0xFE10))))
_LONGEST_WORD = 64
_LONGEST_NAME = 500
_LONGEST_TEXT = 30_000
"""Characters; a tsvector holds a megabyte at the most, and nobody looks for what stands behind ten pages."""


class _Keys(dict[int, str]):
    """What each character leaves in a key, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        key = _key(chr(code))
        if code < 0x10000:  # no more than the common plane is kept: a hostile mail may hold every character there is
            self[code] = key
        return key


def fold(text: str) -> str:
    """The folded words with one space between them."""
    return " ".join(_folded(text).replace(_JOINER, "").split())


def spellings(text: str) -> list[tuple[str, ...]]:
    """Each word of the text: first as one, then, where joiners hold it together, its parts."""
    found: list[tuple[str, ...]] = []
    for word in _folded(text).split():
        parts = [part[:_LONGEST_WORD] for part in word.split(_JOINER) if part]
        if parts:
            found.append(("".join(parts)[:_LONGEST_WORD], *(parts if len(parts) > 1 else ())))
    return found


def search_words(text: str) -> set[str]:
    """Every word by which the text can be found."""
    folded = _folded(text)
    words = set(folded.replace(_JOINER, "").split())
    if _JOINER in folded:
        words.update(folded.replace(_JOINER, " ").split())
    return {word[:_LONGEST_WORD] for word in words}


def text_key(*texts: str | None) -> str:
    """The words by which a message can be found, as PostgreSQL reads a tsvector. Of a very long one, the beginning."""
    return " ".join(search_words("\n".join(filter(None, texts))[:_LONGEST_TEXT]))


def name_key(*names: str | None) -> str:
    """The words by which somebody of these names can be found, as PostgreSQL reads a tsvector."""
    return " ".join(set().union(*map(name_words, filter(None, names))))


def name_words(name: str) -> set[str]:
    """Every beginning under which a name is looked for: with the words after it written in one, too, since Ali Reza
    and Alireza are one name."""
    name = name[:_LONGEST_NAME]
    words = fold(name).split()
    return search_words(name) | {"".join(words[first:])[:_LONGEST_WORD] for first in range(len(words))}


def _folded(text: str) -> str:
    """Folded, with joiners inside words and blanks of any kind between them."""
    if text.isascii():
        return text.encode().translate(_ASCII_KEYS).decode()
    return text.translate(_KEYS)


def _key(character: str) -> str:
    if character in _JOINERS:
        return _JOINER
    # Twice: folding the case of one letter may leave a letter and its accent.
    parts = normalize("NFKD", normalize("NFKD", character).casefold())
    return "".join(map(_part_key, parts))


def _part_key(part: str) -> str:
    if part in _LETTERS:
        return _LETTERS[part]
    if part in _JOINERS:
        return _JOINER
    if combining(part) not in _WRITTEN_MARKS or part in _EMPTY_MARKS:
        return ""
    digit = decimal(part, None)
    if digit is not None:
        return str(digit)
    kind = category(part)
    if part.isalnum() or kind in ("Mn", "Mc"):
        return part
    return "" if kind == "Cf" else " "


_KEYS = _Keys()
_ASCII_KEYS = bytes(ord(_key(chr(code))) for code in range(128)) + bytes(range(128, 256))
