"""Values that identify nobody. Filing by one of them would put strangers into one customer file."""

import re
from collections.abc import Collection
from functools import lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from app.text.digits import ascii_digits, strip_marks

_LONGEST_WITHHELD = 200

# What programs and exports write into any field where nothing is known.
_NOBODY_TEXT = "anonymous unknown restricted private unavailable blocked withheld nobody none null undefined noreply"
_NOBODY = frozenset(_NOBODY_TEXT.split())

# What telephone exchanges and handsets show besides; as part of an address or a user name these may be somebody.
_NO_CALLER_TEXT = """
    hidden nil nan na notavailable notprovided nonumber noid nocallerid callerunknown unknowncaller unknownnumber
    anonymouscaller privatecaller privatenumber restrictednumber withheldnumber numberwithheld hiddennumber
    blockednumber idwithheld idunavailable numberunavailable
    ناشناس نامشخص مجهول חסוי חסום
"""
_NO_CALLER = _NOBODY.union(_NO_CALLER_TEXT.split())

# The same words spelled on a keypad, where a provider's field must look like a number
# (Twilio, "Why am I getting calls from these strange numbers?").
_WITHHELD_CODES = frozenset(
    {
        "266696687",  # ANONYMOUS
        "86282452253",  # UNAVAILABLE
        "7378742833",  # RESTRICTED
        "17378742833",  # RESTRICTED with a country code put before it
        "8656696",  # UNKNOWN
        "2562533",  # BLOCKED
        "464",
    }
)
_SIP_USER = re.compile(r"\bsips?:([^@>;]*)")
_NOT_WRITING = re.compile(r"[\W_]+")

# Telegram sends these in the place of a person: service notices, anonymous group administrators, channels.
_TELEGRAM_STAND_INS = frozenset({"777000", "1087968824", "136817688"})

# noreply@shop.example belongs to a company, but what comes from it is about many people: web forms and
# marketplaces relay all their customers' messages through one such address. The message is kept; it only opens
# and finds no file by its sender. Mail systems report failures from mailer-daemon and postmaster.
_AUTOMATIC_SENDER = re.compile(
    r"(?:.*[-._+])?(?:no|do[-._]?not|dont)[-._]?reply(?:[-._+].*)?|(?:mailer-daemon|postmaster)(?:[-+].*)?"
)
_WITHHELD_DOMAIN = "anonymous.invalid"  # RFC 3323: the address of a caller who withholds it


@lru_cache(maxsize=65_536)
def withheld(raw: str) -> bool:
    """Whether a sender's number or name, as the provider wrote it, is no sender at all."""
    if len(raw) > _LONGEST_WITHHELD:
        return False
    text = ascii_digits(strip_marks(raw)).strip().lower()
    if sip := _SIP_USER.search(text):
        text = sip[1]
    word = _NOT_WRITING.sub("", text.removesuffix(f"@{_WITHHELD_DOMAIN}"))
    return _is_empty(text, word) or word in _NO_CALLER or word in _WITHHELD_CODES


def is_blocked(kind: str, value: str, extra: Collection[str] = ()) -> bool:
    """`value` is canonical, and so is `extra`, what an installation blocks besides."""
    if value in extra:
        return True
    match kind:
        case "phone" | "fax" | "whatsapp":
            digits = value.removeprefix("+")
            return _one_digit_repeated(digits) or digits in _WITHHELD_CODES if digits.isdecimal() else withheld(value)
        case "email":
            local_part, _, domain = value.rpartition("@")
            automatic = _AUTOMATIC_SENDER.fullmatch(local_part) is not None
            return automatic or domain == _WITHHELD_DOMAIN or _is_nobody(local_part)
        case "telegram":
            return value in _TELEGRAM_STAND_INS or _is_nobody(value)
        case _:
            # Behind the system's name. A device id of zeros is what phones tell where tracking is refused.
            return _is_nobody(value.rpartition(":")[2]) or _is_nobody(value)


def _is_nobody(value: str) -> bool:
    text = value.lower()
    word = _NOT_WRITING.sub("", text)
    return _is_empty(text, word) or word in _NOBODY


def _is_empty(text: str, word: str) -> bool:
    """Nothing but punctuation and zeros; or minus one, which programs use for "none"."""
    return not word.strip("0") or text == "-1"


def _one_digit_repeated(digits: str) -> bool:
    """In the whole number or behind the country code: what people type into a field they may not leave empty."""
    if len(set(digits[3:])) > 1:
        return False
    national = (digits[length:] for length in (1, 2, 3) if int(digits[:length]) in COUNTRY_CODE_TO_REGION_CODE)
    return any(len(set(part)) == 1 for part in (digits, *national))
