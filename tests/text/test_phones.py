import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.errors import InvalidIdentifier
from app.text.phones import normalise_phone
from tests.text.strategies import DIGIT_ZEROS, HOSTILE_TEXT, in_script

REGIONS = st.sampled_from(
    ["IR", "IL", "SA", "AE", "IQ", "AF", "EG", "US", "DE", "IT", "MX", "BR", "AR", "", None, "ir", "ZZ"]
)
TEHRAN_MOBILE = "+989121234567"


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("0912 123 4567", "IR"),
        ("09121234567", "ir"),
        ("9121234567", "IR"),
        ("989121234567", "IR"),
        ("00989121234567", "IR"),
        ("00989121234567", "IL"),
        ("00 98 912 123 4567", "US"),
        ("989121234567", "IL"),
        ("989121234567", None),
        ("989121234567", ""),
        ("+98 (0) 912 123 4567", "IR"),
        ("+98 (0)912-123-4567", None),
        ("+9809121234567", None),
        ("(+98) 912 123 4567", None),
        ("+98-912-123-45-67", "DE"),
        ("+98.912.123.4567", None),
        ("0912/123/4567", "IR"),
        ("[0912] 123–4567", "IR"),
        ("۰۹۱۲ ۱۲۳ ۴۵۶۷", "IR"),
        ("٠٩١٢١٢٣٤٥٦٧", "IR"),
        ("+۹۸۹۱۲۱۲۳۴۵۶۷", None),
        ("＋９８ ９１２　１２３　４５６７", None),
        ("᠐᠙᠑᠒᠑᠒᠓᠔᠕᠖᠗", "IR"),
        ("\u202a0912 123 4567\u202c", "IR"),
        ("\u200e+98 912 123 4567\u200f", None),
        ("0912\u00ad123\u00a04567", "IR"),
        ("tel:+989121234567", None),
        ("TEL:+98-912-123-4567", None),
        ("tel:0912-123-4567;phone-context=+98", None),
        ("tel:+989121234567;ext=12", None),
        ("0912 123 4567 ext. 12", "IR"),
        ("+98 912 123 4567 x5", None),
        (" 989121234567", None),
        (" 98 912 123 4567", "DE"),
        (" 0912 123 4567", "IR"),
        ("  0912 123 4567\n", "IR"),
    ],
)
def test_one_number_however_it_is_written(raw: str, region: str | None) -> None:
    assert normalise_phone(raw, region) == TEHRAN_MOBILE


@pytest.mark.parametrize(
    ("raw", "region", "expected"),
    [
        ("03-612-3456", "IL", "+97236123456"),
        ("1-700-700-555", "IL", "+9721700700555"),
        ("054-440-1243", "IL", "+972544401243"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("+39 06 1234 5678", None, "+390612345678"),
        ("+225 01 02 03 04 05", None, "+2250102030405"),
        ("+800 1234 5678", None, "+80012345678"),
        ("+1-800-FLOWERS", None, "+18003569377"),
        ("(650) 253-0000", "US", "+16502530000"),
        ("22345678", "AE", "+97122345678"),
        ("12345678", "IQ", "+96412345678"),
    ],
)
def test_the_region_decides_how_a_national_number_is_read(raw: str, region: str | None, expected: str) -> None:
    assert normalise_phone(raw, region) == expected


@pytest.mark.parametrize(
    ("raw", "region", "expected"),
    [
        ("+972501000001", None, "+972501000001"),
        ("00972501000001", "IR", "+972501000001"),
        (" 972501000001", "IR", "+972501000001"),
        ("050-100-0001", "IL", "+972501000001"),
        ("972501000001", "IL", "+972501000001"),
        ("+1 555 867 5310", None, "+15558675310"),
    ],
)
def test_an_unassigned_number_counts_where_it_says_to_whom_it_belongs(raw: str, region: str, expected: str) -> None:
    assert not phonenumbers.is_valid_number(phonenumbers.parse(expected))
    assert normalise_phone(raw, region) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("+5215512345678", "+525512345678"),
        ("+5511987654321", "+5511987654321"),
        ("+551187654321", "+5511987654321"),
        ("+551133334444", "+551133334444"),
    ],
)
def test_numbers_of_an_old_national_plan_join_the_new_ones(raw: str, expected: str) -> None:
    assert normalise_phone(raw, None) == expected


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("", "IR"),
        ("   ", "IR"),
        ("hello", "IR"),
        ("123", "IR"),
        ("091212345", "IR"),
        ("+98091212345", None),
        ("09121234567", None),
        ("00989121234567", None),
        ("972501000001", "IR"),
        ("09121234567, 09351234567", "IR"),
        ("0912 123 4567; 0935 123 4567", "IR"),
        ("0912 123 4567, 22334455", "IR"),
        ("۰۹۱۲۱۲۳۴۵۶۷، ۰۹۳۵۱۲۳۴۵۶۷", "IR"),
        ("0912 123 4567 0935 123 4567", "IR"),
        ("02188123456/7", "IR"),
        ("0912 123 4567 داخلی ۱۲", "IR"),
        ("O9121234567", "IL"),
        ("0912l234567", "IR"),
        ("0912²234567", "IR"),
        ("*2700", "IL"),
        ("*140*1#", "IR"),
        ("#31#09121234567", "IR"),
        ("+266696687", None),
        ("+999123456789", None),
        ("0" * 12, "IR"),
        ("+", None),
        ("9" * 5000, "IR"),
    ],
)
def test_what_is_not_surely_one_number_is_refused_without_repeating_it(raw: str, region: str | None) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        normalise_phone(raw, region)

    assert not any(letter.isdecimal() for letter in str(refused.value))


@settings(deadline=None)  # the first number of a country loads its tables
@given(HOSTILE_TEXT, REGIONS | st.text(max_size=3))
def test_any_text_is_a_number_or_is_refused(raw: str, region: str | None) -> None:
    try:
        number = normalise_phone(raw, region)
    except InvalidIdentifier:
        return

    assert normalise_phone(number, region) == number
    assert normalise_phone(number, None) == number
    assert 4 <= len(number) <= 17


@settings(deadline=None)  # the first number of a country loads its tables
@given(st.from_regex(r"( |\+|00|0)?[0-9]{4,14}", fullmatch=True), REGIONS, DIGIT_ZEROS)
def test_digits_of_any_script_are_the_same_number_and_stay_it(raw: str, region: str | None, zero: str) -> None:
    try:
        number = normalise_phone(raw, region)
    except InvalidIdentifier:
        with pytest.raises(InvalidIdentifier):
            normalise_phone(in_script(raw, zero), region)
        return

    assert normalise_phone(in_script(raw, zero), region) == number
    assert normalise_phone(number, region) == number


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_country_reads_as_the_library_reads_it(region: str) -> None:
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        expected = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
        international = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.INTERNATIONAL)

        assert normalise_phone(expected, None) == expected
        assert normalise_phone(international, None) == expected
        assert normalise_phone(national, region) == expected
