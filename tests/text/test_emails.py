import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.emails import normalise_email
from app.text.errors import InvalidIdentifier
from tests.text.strategies import HOSTILE_TEXT, NEAR_ADDRESSES


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Maryam@Example.IR", "maryam@example.ir"),
        ("  maryam@example.ir\n", "maryam@example.ir"),
        ("<Maryam@example.ir>", "maryam@example.ir"),
        ("< maryam@example.ir >", "maryam@example.ir"),
        ("mailto:maryam@example.ir", "maryam@example.ir"),
        ("MailTo:maryam%40example.ir?subject=Hi%20there", "maryam@example.ir"),
        ("<mailto:maryam@example.ir>", "maryam@example.ir"),
        ("\u202amaryam@example.ir\u202c", "maryam@example.ir"),
        ("\u200fmailto:maryam@example.ir\u200f", "maryam@example.ir"),
        ("mary\u200bam@exam\u200cple.ir", "maryam@example.ir"),
        ("ｍａｒｙａｍ＠ｅｘａｍｐｌｅ．ｉｒ", "maryam@example.ir"),
        ("a.b+tag=x_'y@sub.shop-1.example.org", "a.b+tag=x_'y@sub.shop-1.example.org"),
        ("0101CAFE-bounce+x/y@mail.example", "0101cafe-bounce+x/y@mail.example"),
        ("x@7eleven.com", "x@7eleven.com"),
        ("kasse@laden.test", "kasse@laden.test"),
        ("root@server.local", "root@server.local"),
        ("root@localhost", "root@localhost"),
        ("sip@anonymous.invalid", "sip@anonymous.invalid"),
        ("مريم@example.ir", "مريم@example.ir"),
        ("Åsa@Example.se", "åsa@example.se"),
        ("A\u030asa@example.se", "åsa@example.se"),
        ("info@شرکت.ایران", "info@شرکت.ایران"),
        ("info@MÜNCHEN.de", "info@münchen.de"),
        ("info@xn--mnchen-3ya.de", "info@münchen.de"),
        ("info@XN--MNCHEN-3YA.DE", "info@münchen.de"),
        ("דנה@דואר.ישראל", "דנה@דואר.ישראל"),
        ("kunde@münchen.test", "kunde@münchen.test"),
        ('"Maryam R"@example.ir', '"maryam r"@example.ir'),
        ('"maryam"@example.ir', "maryam@example.ir"),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]"),
        ("l" * 80 + "@bounces.example.org", "l" * 80 + "@bounces.example.org"),
    ],
)
def test_an_address_has_one_form(raw: str, expected: str) -> None:
    assert normalise_email(raw) == expected
    assert normalise_email(expected) == expected


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "@",
        "maryam",
        "maryam@",
        "@example.ir",
        "maryam@example",
        "maryam@@example.ir",
        "mary am@example.ir",
        "maryam@exam ple.ir",
        ".maryam@example.ir",
        "maryam.@example.ir",
        "mar..yam@example.ir",
        "maryam@example..ir",
        "maryam@-example.ir",
        "maryam@example.123",
        "maryam@192.0.2.1",
        "maryam@ab--cd.ir",
        "maryam@a---b.ir",
        "maryam@xn--.ir",
        "maryam@example.ir, ali@example.ir",
        "Maryam <maryam@example.ir>",
        "maryam@exa\x00mple.ir",
        "mar\ud800yam@example.ir",
        "maryam@خانه\u200cما.ایران",
        "l" * 250 + "@example.ir",
        "م" * 130 + "@example.ir",
        "a@" + "b" * 64 + ".ir",
        "a" * 100_000 + "@example.ir",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(raw: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        normalise_email(raw)

    assert "maryam" not in str(refused.value)
    assert refused.value.__cause__ is None


@given(HOSTILE_TEXT | st.builds("{}@{}".format, HOSTILE_TEXT, HOSTILE_TEXT) | st.emails())
def test_any_text_is_an_address_or_is_refused(raw: str) -> None:
    try:
        address = normalise_email(raw)
    except InvalidIdentifier:
        return

    assert normalise_email(address) == address
    assert address == address.lower()
    assert len(address.encode()) <= 254


@given(st.builds("{}@{}.org".format, NEAR_ADDRESSES, NEAR_ADDRESSES))
def test_near_addresses_settle(raw: str) -> None:
    try:
        address = normalise_email(raw)
    except InvalidIdentifier:
        return

    assert normalise_email(address) == address


ATOMS = st.text(alphabet="aB1.-_+'!@", max_size=12)
LABELS = st.text(alphabet="aB1.-", max_size=12)


@given(st.builds("{}@{}.org".format, ATOMS, LABELS))
def test_the_short_way_agrees_with_email_validator(raw: str) -> None:
    try:
        expected = email_validator.validate_email(raw, check_deliverability=False).normalized.lower()
    except email_validator.EmailNotValidError:
        with pytest.raises(InvalidIdentifier):
            normalise_email(raw)
    else:
        assert normalise_email(raw) == expected
