"""Digits of every script as ASCII, and the invisible marks that travel with pasted numbers and addresses."""

import re

# Decimal digits only: a superscript two is a "digit" to str.isdigit(), yet nobody writes a number with it.
# The planes above the first two hold Han characters and no digits.
ASCII_DIGITS = {ord(digit): str(int(digit)) for digit in re.findall(r"\d", "".join(map(chr, range(128, 0x20000))))}

# Zero-width space and joiners, direction marks, embeddings and isolates, Arabic letter mark, byte order mark.
MARKS = "".join(
    chr(code) for code in (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x061C, 0xFEFF)
)
_WITHOUT_MARKS = dict.fromkeys(map(ord, MARKS))


def ascii_digits(text: str) -> str:
    return text if text.isascii() else text.translate(ASCII_DIGITS)


def strip_marks(text: str) -> str:
    """For identifiers only: in Persian words the zero-width non-joiner is spelling, not dirt."""
    return text if text.isascii() else text.translate(_WITHOUT_MARKS)
