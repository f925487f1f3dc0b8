import sys
import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.folding import fold, name_words, search_words, spellings
from tests.text.strategies import HOSTILE_TEXT


@pytest.mark.parametrize(
    ("written", "also"),
    [
        ("كريمي", "کریمی"),
        ("يحيى", "یحیی"),
        ("ے", "ی"),
        ("فاطمة", "فاطمه"),
        ("خانۀ", "خانه"),
        ("خانهٔ", "خانۀ"),
        ("ہمراہ", "همراه"),
        ("أحمد", "احمد"),
        ("إسلام", "اسلام"),
        ("آرش", "ارش"),
        ("ٱلرحمن", "الرحمن"),
        ("مؤمن", "مومن"),
        ("رضائي", "رضایی"),
        ("زهراء", "زهرا"),
        ("مُحَمَّد", "محمد"),
        ("محمـــد", "محمد"),
        ("رحمٰن", "رحمن"),
        ("می‌روم", "میروم"),
        ("\u200fعلی\u200e", "علی"),
        ("ﻣﺤﻤﺪ", "محمد"),
        ("ﻻ ﷲ ﷼", "لا الله ريال"),
        ("۱۲۳ ٤٥٦", "123 456"),
        ("۱۰٫۵", "10.5"),
        ("שָׁלוֹם", "שלום"),
        ("בָּרָ֣א אֱלֹהִ֑ים׃", "ברא אלהים"),
        ("יהונתנ", "יהונתן"),
        ("בן־דוד", "בן-דוד"),
        ("ג׳אבר", "ג'אבר"),
        ("ג'אבר", "גאבר"),
        ("צה״ל", 'צה"ל'),
        ("ﬡ", "א"),
        ("José ÅNGSTRÖM", "jose angstrom"),
        ("Jose\u0301", "josé"),
        ("Straße", "STRASSE"),
        ("Søren Łukasz", "soren lukasz"),
        ("İstanbul Işık", "istanbul isik"),
        ("ΟΔΟΣ", "οδός"),
        ("O’Brien", "o'brien"),
        ("ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
        ("soft\u00adhyphen", "softhyphen"),
        ("no\u00a0break", "no break"),
        ("ｶﾞ", "ガ"),
    ],
)
def test_two_ways_of_writing_leave_one_key(written: str, also: str) -> None:
    assert fold(written) == fold(also)


@pytest.mark.parametrize(
    ("one", "other"),
    [("علی", "عالی"), ("کار", "گار"), ("ali", "eli"), ("کد ۱۲", "کد ۲۱"), ("ガ", "カ"), ("कि", "का"), ("سن", "شن")],
)
def test_different_words_keep_different_keys(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@given(text=HOSTILE_TEXT)
def test_the_normal_form_of_a_text_does_not_change_its_key(
    form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str
) -> None:
    assert fold(unicodedata.normalize(form, text)) == fold(text)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_no_character_has_two_keys(form: Literal["NFC", "NFD", "NFKC", "NFKD"]) -> None:
    for character in map(chr, (*range(0xD800), *range(0xE000, sys.maxunicode + 1))):
        normal = unicodedata.normalize(form, character)
        if normal != character:
            assert search_words(f"a{normal}b") == search_words(f"a{character}b"), hex(ord(character))


@given(HOSTILE_TEXT)
def test_a_key_is_its_own_key_and_holds_single_spaces_only(text: str) -> None:
    key = fold(text)

    assert fold(key) == key
    assert key == " ".join(key.split())


@given(st.text(alphabet=st.characters(categories=["Lu", "Ll"], max_codepoint=0x24F), max_size=40))
def test_case_never_matters(text: str) -> None:
    assert fold(text.upper()) == fold(text) == fold(text.lower())


def test_punctuation_and_symbols_only_separate_words() -> None:
    assert fold("  «سلام»، (خوبی؟)\t😊👍🏽 order_no:#42 ") == "سلام خوبی order no 42"
    assert fold("?!… — ") == ""


def test_a_word_held_together_by_a_joiner_is_found_joined_and_in_parts() -> None:
    assert search_words("می‌روم l'homme") == {"میروم", "می", "روم", "lhomme", "l", "homme"}
    assert spellings("می‌روم به 'خانه'") == [("میروم", "می", "روم"), ("به",), ("خانه",)]


def test_a_name_is_found_written_apart_and_together() -> None:
    assert name_words("Ali-Reza  O'Neil") == {"ali", "reza", "o", "neil", "oneil", "alirezaoneil", "rezaoneil"}
    assert name_words("O´Neil") == {"o", "neil", "oneil"}


@given(HOSTILE_TEXT)
def test_search_words_are_short_and_hold_no_blank(text: str) -> None:
    words = search_words(text) | name_words(text) | {word for way in spellings(text) for word in way}

    assert all(0 < len(word) <= 64 and word.split() == [word] and "'" not in word for word in words)
