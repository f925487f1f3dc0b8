"""One canonical form for every kind of identifier, used on write, look-up and import alike.

Whatever is canonical stays itself when normalised again.
"""

import re
import unicodedata
from collections.abc import Callable

from app.text.blocklist import is_blocked as is_blocked
from app.text.blocklist import withheld as withheld
from app.text.digits import MARKS, ascii_digits, strip_marks
from app.text.emails import normalise_email
from app.text.errors import InvalidIdentifier as InvalidIdentifier
from app.text.phones import normalise_phone

_LONGEST_RAW = 1_000
_LONGEST = 320
_LONGEST_OPAQUE = 255

# Country and up to 128 letters or digits; ENT marks one that holds for all businesses of an owner
# (WhatsApp Business Platform, "Business-scoped user IDs").
_WHATSAPP_USER_ID = re.compile(r"([A-Za-z]{2}\.(?:[Ee][Nn][Tt]\.)?)([A-Za-z0-9]{1,128})")
_TELEGRAM_ID = re.compile(r"-?[0-9]{1,19}")
_TELEGRAM_NAME = re.compile(r"@[a-z0-9_]{1,32}")
_SYSTEM = re.compile(r"[a-z0-9._-]{1,64}")


def normalise(kind: str, raw: str, region: str | None = None) -> str:
    """`region` is the ISO 3166 country whose national phone numbers are understood."""
    rule = _RULES.get(kind)
    if rule is None:
        raise InvalidIdentifier("There is no such kind of identifier.")
    if len(raw) > _LONGEST_RAW:
        raise InvalidIdentifier("An identifier is not that long.")
    value = rule(raw, region)
    if not value or len(value) > _LONGEST:
        raise InvalidIdentifier("An identifier has 1 to 320 characters.")
    return value


def is_readable(kind: str, raw: str, region: str | None = None) -> bool:
    try:
        normalise(kind, raw, region)
    except InvalidIdentifier:
        return False
    return True


def _email(raw: str, region: str | None) -> str:
    return normalise_email(raw)


def _whatsapp(raw: str, region: str | None) -> str:
    text = _without_scheme(ascii_digits(strip_marks(raw)), "whatsapp:")
    if user_id := _WHATSAPP_USER_ID.fullmatch(text):
        return user_id[1].upper() + user_id[2]
    # WhatsApp writes international numbers without the plus: said as a plus that was lost.
    return normalise_phone(f" {text}", region)


def _telegram(raw: str, region: str | None) -> str:
    text = _without_scheme(ascii_digits(strip_marks(raw)), "telegram:").lower()
    if _TELEGRAM_ID.fullmatch(text):
        return str(int(text))
    if _TELEGRAM_NAME.fullmatch(text):
        return text
    raise InvalidIdentifier("Telegram users are known by a numeric id or an @username.")


def _without_scheme(text: str, scheme: str) -> str:
    text = text.strip()
    return text[len(scheme) :].strip() if text[: len(scheme)].lower() == scheme else text


def _external(raw: str, region: str | None) -> str:
    system, _, identifier = ascii_digits(raw).partition(":")
    system, identifier = _trimmed(system).lower(), _trimmed(identifier)
    if not identifier or not _SYSTEM.fullmatch(system):
        raise InvalidIdentifier(
            "Write it as system:id, with letters, digits, dot, dash or underscore before the colon."
        )
    return f"{system}:{_printable(identifier)}"


def _opaque(raw: str, region: str | None) -> str:
    value = _printable(_trimmed(unicodedata.normalize("NFC", raw)))
    if len(value) > _LONGEST_OPAQUE:
        raise InvalidIdentifier("This identifier has at most 255 characters.")
    return value


def _trimmed(text: str) -> str:
    """Without spaces and marks around it: copying from right-to-left text brings them along."""
    while text != (text := text.strip().strip(MARKS)):
        pass
    return text


def _printable(text: str) -> str:
    # Controls, lone surrogates, line and paragraph separators.
    if not text.isprintable() and any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text):
        raise InvalidIdentifier("An identifier has no control characters.")
    return text


_RULES: dict[str, Callable[[str, str | None], str]] = {
    "phone": normalise_phone,
    "fax": normalise_phone,
    "email": _email,
    "whatsapp": _whatsapp,
    "telegram": _telegram,
    "external": _external,
    "device": _opaque,
    "social": _opaque,
}
