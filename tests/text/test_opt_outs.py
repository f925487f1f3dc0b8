"""STOP and START, and nothing that only resembles them."""

import pytest

from app.text.opt_outs import opt_out


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        " stop. ",
        "Stop!",
        "stop all",
        "opt out",
        "UNSUBSCRIBE",
        "لغو",
        "لغو ۱۱",
        "لغو١١",
        "انصراف",
        "إيقاف",
        "الغاء",
        "إلغاء",
        "توقف",
        "הסר",
        "הסרה",
        "«עצור»",
        "\u200fהסר\u200f",
    ],
)
def test_words_that_end_what_is_sent(text: str) -> None:
    assert opt_out(text) is True


@pytest.mark.parametrize("text", ["START", "unstop", "Opt in", "شروع", "عضویت", "ابدأ", "اشتراك", "התחל", "הצטרף."])
def test_words_that_take_it_back(text: str) -> None:
    assert opt_out(text) is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yes",
        "please stop the delivery",
        "سفارشم را لغو کنید",
        "أريد إلغاء الطلب",
        "אפשר להסיר?",
        "stop" * 20,
        "11",
        "?",
    ],
)
def test_a_message_that_says_more_or_something_else_is_neither(text: str) -> None:
    assert opt_out(text) is None
