import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.cleaning import clean, clean_json
from tests.text.strategies import HOSTILE_TEXT

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | HOSTILE_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(HOSTILE_TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("hello", "hello"),
        ("سلام\u200cها", "سلام\u200cها"),
        ("a\x00b\x00", "ab"),
        ("\x00", ""),
        ("سل\x00ام", "سلام"),
        ("a\ud83db", "a\ufffdb"),
        ("a\ude00", "a\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("😀\x00\ud83d", "😀\ufffd"),
    ],
)
def test_text_loses_only_what_cannot_be_stored(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_json_is_cleaned_in_keys_and_at_every_depth() -> None:
    value = {"a\x00": ["b\x00", {"c\ud800": ("d\x00", 1, None, True, 1.5)}]}

    assert clean_json(value) == {"a": ["b", {"c\ufffd": ["d", 1, None, True, 1.5]}]}
    assert "a\x00" in value, "what was given stays as it was"


def test_json_deeper_than_the_interpreter_recurses_is_cleaned() -> None:
    value: object = "x\x00"
    for _ in range(50_000):
        value = [value]

    cleaned = clean_json(value)

    while isinstance(cleaned, list):
        cleaned = cleaned[0]
    assert cleaned == "x"


@given(HOSTILE_TEXT)
def test_clean_text_encodes_and_has_no_nul(text: str) -> None:
    cleaned = clean(text)

    assert b"\x00" not in cleaned.encode()
    assert clean(cleaned) == cleaned


@given(JSON_VALUES)
def test_clean_json_encodes_and_has_no_nul(value: object) -> None:
    written = json.dumps(clean_json(value), ensure_ascii=False)

    assert b"\\u0000" not in written.encode().replace(b"\\\\", b"")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert clean(text) == text
