import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.identifiers import InvalidIdentifier, normalise
from tests.text.strategies import HOSTILE_TEXT, NEAR_ADDRESSES

KINDS = ("phone", "email", "whatsapp", "telegram", "fax", "external", "device", "social")
SCHEMES = st.sampled_from(
    ["whatsapp:", "telegram:", "erp:", "ERP : ", "mailto:", "tel:", "US.", "us.ent.", "@", "-", " "]
)


@pytest.mark.parametrize(
    ("kind", "raw", "region", "expected"),
    [
        ("phone", "۰۹۱۲ ۱۲۳ ۴۵۶۷", "IR", "+989121234567"),
        ("fax", "021-8812 3456", "IR", "+982188123456"),
        ("email", "Maryam@Example.IR", None, "maryam@example.ir"),
        ("whatsapp", "972544401243", None, "+972544401243"),
        ("whatsapp", "972544401243", "IR", "+972544401243"),
        ("whatsapp", "972500000001", "IR", "+972500000001"),
        ("whatsapp", "5215512345678", None, "+525512345678"),
        ("whatsapp", "whatsapp:+14155552671", None, "+14155552671"),
        ("whatsapp", "WhatsApp: 14155552671", "IR", "+14155552671"),
        ("whatsapp", "0544401243", "IL", "+972544401243"),
        ("whatsapp", "۹۸۹۱۲۱۲۳۴۵۶۷", None, "+989121234567"),
        ("whatsapp", "US.13491208655302741918", "IR", "US.13491208655302741918"),
        ("whatsapp", " us.13491208655302741918 ", None, "US.13491208655302741918"),
        ("whatsapp", "us.ent.11815799212886844830", None, "US.ENT.11815799212886844830"),
        ("whatsapp", "whatsapp:IR.aBc123", None, "IR.aBc123"),
        ("telegram", "1111111", None, "1111111"),
        ("telegram", "۱۱۱۱۱۱۱", None, "1111111"),
        ("telegram", " 0042 ", None, "42"),
        ("telegram", "-1001234567890", None, "-1001234567890"),
        ("telegram", "telegram:1111111", None, "1111111"),
        ("telegram", "@Maryam_R", None, "@maryam_r"),
        ("external", "ERP:10023", None, "erp:10023"),
        ("external", " Sales.Force-2 : 003Ab ", None, "sales.force-2:003Ab"),
        ("external", "erp:a:b", None, "erp:a:b"),
        ("external", "erp:10023\u200f", None, "erp:10023"),
        ("external", "shop:سفارش ۱۲", None, "shop:سفارش 12"),
        ("device", " 6D92078A-8246-4BA4\u200e", None, "6D92078A-8246-4BA4"),
        ("social", "A\u030asa", None, "Åsa"),
        ("social", "instagram:می\u200cرود", None, "instagram:می\u200cرود"),
    ],
)
def test_every_kind_has_one_form(kind: str, raw: str, region: str | None, expected: str) -> None:
    assert normalise(kind, raw, region) == expected
    assert normalise(kind, expected, region) == expected


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        *((kind, raw) for kind in KINDS for raw in ("", " ", "\u200f", "\x00", "a\x00b", "\ud800", "x" * 100_000)),
        ("letter", "x"),
        ("whatsapp", "US."),
        ("whatsapp", "US.1-2"),
        ("whatsapp", "USA.123"),
        ("whatsapp", "US." + "1" * 129),
        ("whatsapp", "0544401243"),
        ("telegram", "maryam_r"),
        ("telegram", "@"),
        ("telegram", "@مریم"),
        ("telegram", "--1"),
        ("telegram", "1" * 20),
        ("external", "10023"),
        ("external", "erp:"),
        ("external", ":10023"),
        ("external", "e rp:10023"),
        ("external", "erp:1\n2"),
        ("external", "erp:" + "1" * 320),
        ("device", "a\u2028b"),
        ("device", "x" * 256),
        ("social", "a\tb"),
    ],
)
def test_what_no_rule_can_read_is_refused(kind: str, raw: str) -> None:
    with pytest.raises(InvalidIdentifier):
        normalise(kind, raw)


@settings(deadline=None)  # the first phone number of a country loads its tables
@given(
    st.sampled_from(KINDS),
    HOSTILE_TEXT | st.builds("{}{}".format, SCHEMES, HOSTILE_TEXT | NEAR_ADDRESSES),
    st.sampled_from(["IR", "IL", "US", None]),
)
def test_canonical_values_are_short_clean_and_stay_themselves(kind: str, raw: str, region: str | None) -> None:
    try:
        value = normalise(kind, raw, region)
    except InvalidIdentifier:
        return

    assert 1 <= len(value) <= 320
    assert value == value.strip()
    assert not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value)
    assert normalise(kind, value, region) == value
