"""Base subjects: a mail and its answers have the same one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.subjects import base_subject


@pytest.mark.parametrize(
    ("subject", "base"),
    [
        ("re: hello", "hello"),
        ("Re: Fwd: hello", "hello"),
        ("fwd[99]:  re[40]: hello", "hello"),
        ("z: hello", "z: hello"),
        ("[10] hello", "hello"),
        ("[mailing-list] wg[8]:re:  hello world", "hello world"),
        ("[hello world]", "[hello world]"),
        ("[hello [world]", "[hello [world]"),
        ("re: enc: re[5]: [fwd: hello world]", "hello world"),
        ("[fwd: re: fw: hello world (fwd)]", "hello world"),
        ("[fwd: مرحبا بالعالم]", "مرحبا بالعالم"),
        ("回复: 轉寄: 轉寄", "轉寄"),
        ("AW: WG: Ihre Rechnung", "ihre rechnung"),
        ("پاسخ: سفارش ۱۲", "سفارش ۱۲"),
        ("رد: إعادة توجيه: الطلب", "الطلب"),
        ("תגובה: הזמנה", "הזמנה"),
        ("Re\uff1a hello", "hello"),
        ("  hello   world  ", "hello world"),
    ],
)
def test_marks_of_answering_and_forwarding_are_left_out(subject: str, base: str) -> None:
    assert base_subject(subject) == base


@pytest.mark.parametrize(
    "subject", ["", "re:", "Re: Fwd:", "res: rv: enc: továbbítás: ", "[fwd: re: re:] fwd[6]:re:  fw:"]
)
def test_of_marks_alone_nothing_is_left(subject: str) -> None:
    assert base_subject(subject) == ""


@given(st.text(max_size=600))
def test_any_subject_has_one_and_an_answer_keeps_it(subject: str) -> None:
    base = base_subject(subject)
    assert base_subject(f"Re: {subject}"[:500]) == base or len(subject) > 490
