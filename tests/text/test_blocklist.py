import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.identifiers import is_blocked, withheld
from tests.text.strategies import HOSTILE_TEXT


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "  ",
        "\u200e",
        "-",
        "0000",
        "۰۰۰۰",
        "+0000000",
        "-1",
        "anonymous",
        "Anonymous",
        "ANONYMOUS",
        "Restricted",
        "Private Number",
        "No Caller ID",
        "<unknown>",
        "N/A",
        "unavailable",
        "null",
        "ناشناس",
        "חסוי",
        "+266696687",
        "266696687",
        "+8656696",
        "+7378742833",
        "+17378742833",
        "+2562533",
        "+86282452253",
        "+464",
        "sip:anonymous@anonymous.invalid",
        '"Anonymous" <sip:anonymous@192.0.2.7;user=phone>',
        "anonymous@anonymous.invalid",
    ],
)
def test_a_withheld_sender_is_recognised(raw: str) -> None:
    assert withheld(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "+989121234567",
        "۰۹۱۲۱۲۳۴۵۶۷",
        "10004346",
        "maryam@example.ir",
        "unknown@example.ir",
        "BANK",
        "مریم",
        "sip:+989121234567@192.0.2.7",
        '"Anonymous" <sip:+989121234567@192.0.2.7>',
        "1000",
        "x" * 100_000,
    ],
)
def test_a_sender_who_is_known_is_not_withheld(raw: str) -> None:
    assert not withheld(raw)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("phone", "+8656696"),
        ("phone", "+86282452253"),
        ("phone", "+17378742833"),
        ("phone", "+11111111111"),
        ("phone", "+989999999999"),
        ("phone", "+972555555555"),
        ("whatsapp", "+22222222222"),
        ("fax", "+15555555555"),
        ("phone", "anonymous"),
        ("phone", "0000"),
        ("email", "noreply@shop.example"),
        ("email", "no-reply@shop.example"),
        ("email", "no_reply+123@shop.example"),
        ("email", "donotreply@shop.example"),
        ("email", "do-not-reply@shop.example"),
        ("email", "orders-noreply@shop.example"),
        ("email", "mailer-daemon@mx.example"),
        ("email", "postmaster@mx.example"),
        ("email", "nobody@mx.example"),
        ("email", "null@example.ir"),
        ("email", "x@anonymous.invalid"),
        ("telegram", "0"),
        ("telegram", "777000"),
        ("telegram", "1087968824"),
        ("telegram", "@anonymous"),
        ("external", "erp:null"),
        ("external", "erp:0"),
        ("external", "erp:-1"),
        ("external", "web:Unknown"),
        ("external", "web:undefined"),
        ("device", "00000000-0000-0000-0000-000000000000"),
        ("device", "00:00:00:00:00:00"),
        ("social", "anonymous"),
        ("social", "instagram:none"),
    ],
)
def test_values_that_identify_nobody_are_blocked(kind: str, value: str) -> None:
    assert is_blocked(kind, value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("phone", "+989121234567"),
        ("phone", "+982122222222"),
        ("phone", "+98464"),
        ("whatsapp", "US.13491208655302741918"),
        ("email", "maryam@example.ir"),
        ("email", "nan@example.ir"),
        ("email", "reply@example.ir"),
        ("email", "noreplyton@example.ir"),
        ("email", "info@shop.example"),
        ("telegram", "464"),
        ("telegram", "1111111"),
        ("external", "erp:1"),
        ("external", "erp:464"),
        ("external", "erp:11111"),
        ("external", "erp:10023"),
        ("device", "6D92078A-8246-4BA4"),
        ("social", "instagram:maryam"),
    ],
)
def test_values_of_somebody_are_not_blocked(kind: str, value: str) -> None:
    assert not is_blocked(kind, value)


def test_an_installation_blocks_values_of_its_own() -> None:
    assert is_blocked("phone", "+982188123456", {"+982188123456"})
    assert not is_blocked("phone", "+982188123457", {"+982188123456"})


@given(st.sampled_from(["phone", "email", "whatsapp", "telegram", "external", "device", "other"]), HOSTILE_TEXT)
def test_any_value_gets_an_answer(kind: str, value: str) -> None:
    assert is_blocked(kind, value) in (True, False)
    assert withheld(value) in (True, False)
