"""E-mail addresses to one form: lower case, the domain in the letters people read, nothing invisible.

Special-use domains (.test, .local) are addresses here: companies use them inside, and so do trials.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote

from email_validator import EmailNotValidError, validate_email

from app.text.digits import MARKS, strip_marks
from app.text.errors import InvalidIdentifier

_LONGEST_RAW = 1_000
_LONGEST_ADDRESS = 254  # RFC 5321 4.5.3.1.3, in bytes
_JOINERS = "\u200c\u200d"
_AROUND = f" \t\r\n\u00a0<>{MARKS}"

# What nearly every address is made of; email-validator agrees on these, takes thirty times as long,
# and refuses special-use domains.
_ATOM = r"[a-z0-9!#$%&'*+\-/=?^_`{|}~]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = r"(?![a-z0-9][a-z0-9-]--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}(?<=[a-z])|localhost")


@lru_cache(maxsize=65_536)
def normalise_email(raw: str) -> str:
    """All in lower case: no provider of note tells local parts apart by case, and people never do."""
    if len(raw) > _LONGEST_RAW:
        raise InvalidIdentifier("An e-mail address is not that long.")
    local_part, at, domain = _unwrapped(raw).rpartition("@")
    if not at:
        raise InvalidIdentifier("An e-mail address has an @ in it.")
    local_part, domain = local_part.lower(), domain.lower()
    if not _LOCAL_PART.fullmatch(local_part):
        local_part = _settled(local_part, _unusual_local_part)
    if not _DOMAIN.fullmatch(domain):
        domain = _settled(domain, _unusual_domain)
    address = f"{local_part}@{domain}"
    if len(address.encode()) > _LONGEST_ADDRESS:
        raise InvalidIdentifier("An e-mail address is not that long.")
    return address


def _unwrapped(raw: str) -> str:
    text = raw.strip(_AROUND)
    if text[:7].lower() == "mailto:":
        text = unquote(text[7:].partition("?")[0]).strip(_AROUND)
    if text.isascii():
        return text
    # Full-width letters, signs and dots of East Asian keyboards become the ordinary ones.
    return unicodedata.normalize("NFKC", _without_marks(text)).strip(_AROUND)


def _without_marks(text: str) -> str:
    domain = text.rpartition("@")[2]
    if not strip_marks(domain).isascii() and not set(_JOINERS).isdisjoint(domain):
        # In a Persian domain the joiner is spelling: without it this would be somebody else's address.
        raise InvalidIdentifier("A domain with zero-width joiners is not supported.")
    return strip_marks(text)


def _settled(part: str, read: Callable[[str], str]) -> str:
    """Read until it reads as itself: lower case and composition of letters can each undo the other."""
    for _ in range(3):
        previous, part = part, unicodedata.normalize("NFKC", read(part).lower())
        if part == previous:
            return part
    raise InvalidIdentifier("This e-mail address has no settled spelling.")


def _unusual_local_part(local_part: str) -> str:
    """Quoted, or in other letters than ASCII (RFC 6531)."""
    return _validated(f"{local_part}@example.com").rpartition("@")[0]


def _unusual_domain(domain: str) -> str:
    """Internationalised, as letters or as Punycode, or an address literal."""
    return _validated(f"a@{domain}").rpartition("@")[2]


def _validated(address: str) -> str:
    try:
        return validate_email(
            address,
            allow_smtputf8=True,
            allow_empty_local=False,
            allow_quoted_local=True,
            allow_domain_literal=True,
            allow_display_name=False,
            strict=False,
            check_deliverability=False,
            test_environment=True,  # accepts .test
            globally_deliverable=True,
        ).normalized
    except (EmailNotValidError, UnicodeError):
        # Without the cause: email-validator names characters of the address.
        raise InvalidIdentifier("This is not an e-mail address.") from None
