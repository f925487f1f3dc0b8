import pytest
from hypothesis import given

from app.text.languages import guess_language, is_right_to_left
from tests.text.strategies import HOSTILE_TEXT


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("سلام", "fa"),
        ("سلام، سفارش من هنوز نرسیده", "fa"),
        ("با تشکر", "fa"),
        ("پیگیری", "fa"),
        ("سلام خوبي؟ سفارش من كي مي رسد", "fa"),
        ("براي من ارسال كنيد", "fa"),
        ("علی رضایی", "fa"),
        ("مسئول تأیید سفارش است", "fa"),
        ("می\u200cخواهم لغو کنم", "fa"),
        ("سفارش iPhone 15 Pro Max من کجاست", "fa"),
        ("لطفا ببینید https://shop.example.org/very/long/path?and=query", "fa"),
        ("کد ۱۲۳", "fa"),
        ("۱۲۳۴", "fa"),
        ("مرحبا، متى يصل طلبي؟", "ar"),
        ("السلام عليكم", "ar"),
        ("شكراً جزيلاً", "ar"),
        ("أريد إلغاء الاشتراك", "ar"),
        ("خدمة ممتازة", "ar"),
        ("طلب رقم ١٢٣", "ar"),
        ("ﻣﺮﺣﺒﺎ ﻛﻴﻒ ﺍﻟﺤﺎﻝ", "ar"),
        ("שלום, ההזמנה לא הגיעה", "he"),
        ("שָׁלוֹם", "he"),
        ("ההזמנה של iPhone", "he"),
        ("hello, where is my order?", None),
        ("où est ma commande, déjà payée", None),
        ("Bonjour, c'est Maryam (مریم)", None),
        ("میرا آرڈر کہاں ہے", None),
        ("داود", None),
        ("123 😀 ☎", None),
        ("", None),
    ],
)
def test_the_language_is_guessed_from_script_letters_and_words(text: str, language: str | None) -> None:
    assert guess_language(text) == language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("سلام", True),
        ("שלום", True),
        ("12: سلام", True),
        ("😀 «سلام» hello", True),
        ("\u200fhello", True),
        ("hello سلام", False),
        ("12 ۳۴", False),
        ("", False),
    ],
)
def test_the_first_letter_with_a_direction_decides(text: str, expected: bool) -> None:
    assert is_right_to_left(text) is expected


@given(HOSTILE_TEXT)
def test_any_text_gets_an_answer(text: str) -> None:
    assert guess_language(text) in ("fa", "ar", "he", None)
    assert is_right_to_left(text) in (True, False)
