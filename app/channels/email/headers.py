"""Mail headers: lookup by name, and what the ones that matter mean."""

import re
from collections.abc import Iterable
from datetime import datetime
from email.utils import getaddresses

from app.channels.digests import bounded
from app.channels.email.words import decode_words
from app.channels.times import mail_date
from app.text.cleaning import clean

_BRACKETED = re.compile(r"<([^<>\s]+)>")
_BARE = re.compile(r"[^\s<>,;\"']+@[^\s<>,;\"']+")
_BULK = ("bulk", "list", "junk")


class Headers:
    """Ordered headers. Values are unfolded text; encoded words are still in place, so that addresses can be told
    apart before a name with a comma in it comes out of one."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), []).append(clean(value).strip())

    def get(self, name: str) -> str:
        """The first value as people read it, "" where there is none."""
        return decode_words(self.raw(name))

    def raw(self, name: str) -> str:
        return self._values.get(name, [""])[0]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    @property
    def sender(self) -> tuple[str, str]:
        """Name and address of the first author; a From without an address is the name of nobody known."""
        return next(iter(addresses(self.raw("from"))), (self.get("from"), ""))

    @property
    def message_id(self) -> str | None:
        found = message_ids(self.raw("message-id"))
        return found[0] if found else None

    @property
    def references(self) -> tuple[str, ...]:
        """Nearest first: whom the mail answers, then its thread from the end."""
        answered, thread = message_ids(self.raw("in-reply-to")), message_ids(self.raw("references"))
        return tuple(dict.fromkeys([*answered, *reversed(thread)]))

    @property
    def sent_at(self) -> datetime | None:
        return mail_date(self.raw("date"))

    @property
    def automatic(self) -> bool:
        """Written by a machine (RFC 3834 and the older habits it names)."""
        submitted = self.raw("auto-submitted").partition(";")[0].strip().lower()
        return (
            submitted not in ("", "no")
            or self.raw("precedence").lower() in _BULK
            or "list-id" in self
            or "x-autoreply" in self
            or self.raw("return-path") == "<>"
        )


def message_ids(value: str) -> list[str]:
    """Ids without their brackets, in order."""
    return [bounded(found) for found in _BRACKETED.findall(value) or _BARE.findall(value)]


def addresses(value: str) -> list[tuple[str, str]]:
    """Name and address of each mailbox in an address header."""
    found = [(decode_words(name).strip(), address) for name, address in getaddresses([value]) if "@" in address]
    return found or [("", address) for address in _BARE.findall(value)]
