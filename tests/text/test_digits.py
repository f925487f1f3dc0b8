import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.digits import MARKS, ascii_digits, strip_marks
from tests.text.strategies import DIGIT_ZEROS, HOSTILE_TEXT, in_script


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("۰۱۲۳۴۵۶۷۸۹", "0123456789"),
        ("٠١٢٣٤٥٦٧٨٩", "0123456789"),
        ("کد ۱۲ و ٣٤", "کد 12 و 34"),
        ("x² ½ Ⅷ ①", "x² ½ Ⅷ ①"),
    ],
)
def test_decimal_digits_become_ascii_and_nothing_else_does(text: str, expected: str) -> None:
    assert ascii_digits(text) == expected


def test_no_decimal_digit_of_unicode_is_missed() -> None:
    digits = "".join(letter for letter in map(chr, range(sys.maxunicode + 1)) if letter.isdecimal())

    assert ascii_digits(digits).isascii()


@given(st.from_regex(r"[0-9]{1,20}", fullmatch=True), DIGIT_ZEROS)
def test_every_script_writes_the_same_number(number: str, zero: str) -> None:
    assert ascii_digits(in_script(number, zero)) == number


def test_invisible_marks_are_stripped() -> None:
    marks = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\ufeff"

    assert strip_marks(f"a{marks}b") == "ab"
    assert set(marks) == set(MARKS)


@given(HOSTILE_TEXT)
def test_length_is_kept_by_digits_and_never_grows_without_marks(text: str) -> None:
    assert len(ascii_digits(text)) == len(text)
    assert len(strip_marks(text)) <= len(text)
