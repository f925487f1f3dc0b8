"""Telephone numbers to E.164, however people and providers write them.

A number that does not say where it belongs must be valid by libphonenumber's tables: reading it is a deduction.
One that does say it, by a plus or by the region's own trunk or country code, need only be possible: networks
assign ranges before the tables know them, and a sender's address that a provider reports is not ours to doubt.
"""

import re
from functools import lru_cache

from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
    country_code_for_region,
    format_number,
    is_possible_number_for_type_with_reason,
    is_possible_number_with_reason,
    is_valid_number,
    parse,
)

from app.text.digits import ascii_digits, strip_marks
from app.text.errors import InvalidIdentifier

_LONGEST_RAW = 100
# Longer than this, what libphonenumber takes for an extension is a second number in the same field.
_LONGEST_EXTENSION = 6

_SEPARATORS = str.maketrans(
    dict.fromkeys(" \t\r\n\u00a0\u00ad\u2007\u2009\u202f\u2060\u3000-‐‑‒–—―−ー－./／~()[]（）［］", "")
    | dict.fromkeys("＋﹢", "+")
)
_PLAIN = re.compile(r"(?:tel:)?(\+?)([0-9]{3,20})", re.IGNORECASE)

# WhatsApp still reports numbers as they were before a country changed its plan: Mexico dropped the 1 of mobiles
# in 2019, Brazil put a ninth digit before them by 2016. Either writing is the same subscriber.
_OLD_PLANS = (
    (re.compile(r"521([0-9]{10})"), r"52\1"),
    (re.compile(r"55([0-9]{2})([6-9][0-9]{7})"), r"55\g<1>9\2"),
)


@lru_cache(maxsize=65_536)
def normalise_phone(raw: str, region: str | None) -> str:
    """`region` is the ISO 3166 country whose national numbers are understood. An extension is dropped."""
    if len(raw) > _LONGEST_RAW:
        raise InvalidIdentifier("A phone number is not that long.")
    region = region.upper() if region else None
    text = strip_marks(ascii_digits(raw))
    plain = _PLAIN.fullmatch(text.translate(_SEPARATORS))
    if plain is None:
        number = _written(text, region)
    elif plain[1]:
        number = _international(plain[2])
    else:
        # In a URL a plus becomes a space, and no international number begins with 0.
        plus_lost = raw.startswith(" ") and not plain[2].startswith("0")
        number = _without_plus(plain[2], region, plus_lost=plus_lost)
    if number is None:
        raise InvalidIdentifier("No rule reads this as one phone number.")
    return number


def beginnings_of(fragment: str, region: str | None) -> set[str]:
    """How E.164 numbers may begin that people begin like this: international, or as one dials in the region."""
    digits = fragment.lstrip("+")
    if fragment.startswith("+"):
        return {fragment}
    country = country_code_for_region(region) if region else 0
    if not country:
        return {f"+{digits}"}
    if digits.startswith("00"):
        return {f"+{digits[2:]}"}
    # Most regions put a 0 before a national number; in some it belongs to it.
    return {f"+{digits}", f"+{country}{digits}", f"+{country}{digits.removeprefix('0')}"}


def _without_plus(digits: str, region: str | None, *, plus_lost: bool) -> str | None:
    if plus_lost and (number := _international(digits, must_be_valid=True)):
        return number
    own = _parse(digits, region) if region else None
    if own is not None and is_valid_number(own):
        return _e164(own)
    # 00 means "international" only where the region's exchanges say so; without a region nothing says it.
    foreign = digits[2:] if region and digits.startswith("00") else digits
    if number := _international(foreign, must_be_valid=True):
        return number
    if own is not None and _prefix_recognised(own, digits):
        return _international(_e164(own)[1:])
    return _international(digits) if plus_lost else None


def _prefix_recognised(number: PhoneNumber, digits: str) -> bool:
    """Whether the region's trunk or country code stood before a number that is of the right length.

    Then the reading is sure although the range is not assigned: 050-123-4567, which every Israeli example uses.
    """
    possible = is_possible_number_for_type_with_reason(number, PhoneNumberType.FIXED_LINE_OR_MOBILE)
    return possible == ValidationResult.IS_POSSIBLE and len(str(number.national_number)) < len(digits)


def _international(digits: str, *, must_be_valid: bool = False) -> str | None:
    # Without parsing, which costs four times the check: a valid number needs no prefix taken off.
    direct = _split(digits)
    if direct is not None and is_valid_number(direct):
        return f"+{digits}"
    for pattern, replacement in _OLD_PLANS:
        if (old := pattern.fullmatch(digits)) and (
            number := _international(old.expand(replacement), must_be_valid=True)
        ):
            return number
    parsed = _parse(f"+{digits}", None)
    if parsed is None or not (is_valid_number(parsed) or (not must_be_valid and _is_possible(parsed))):
        return None
    number = _e164(parsed)
    # Taking a prefix off can uncover another; what comes out must read as itself.
    return _international(number[1:], must_be_valid=must_be_valid) if len(number) <= len(digits) else number


def _split(digits: str) -> PhoneNumber | None:
    """Country code and number apart. None for a number with a leading zero: parsing knows whether it belongs."""
    for length in (1, 2, 3):
        if int(digits[:length]) in COUNTRY_CODE_TO_REGION_CODE:
            if digits[length : length + 1] in ("0", ""):
                return None
            return PhoneNumber(country_code=int(digits[:length]), national_number=int(digits[length:]))
    return None


def _is_possible(number: PhoneNumber) -> bool:
    # A zero that stayed in front is a trunk prefix before too few digits; where it belongs the number is valid.
    return not number.italian_leading_zero and is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE


def _written(text: str, region: str | None) -> str | None:
    """A number with words in it: an extension, RFC 3966 parameters, letters of the keypad (1-800-FLOWERS)."""
    if "*" in text or "#" in text.lstrip()[:1]:
        return None
    number = _parse(text, region)
    if number is None or len(number.extension or "") > _LONGEST_EXTENSION:
        return None
    if is_valid_number(number):
        return _e164(number)
    says_where = text.lstrip().startswith(("+", "＋"))
    return _international(_e164(number)[1:]) if says_where else None


def _parse(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return parse(text, region)
    except NumberParseException:
        return None


def _e164(number: PhoneNumber) -> str:
    return format_number(number, PhoneNumberFormat.E164)
