"""Mail headers: lookup by name, and what the ones that matter mean."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import getaddresses
from typing import Any

from app.channels.digests import bounded
from app.channels.email.words import decode_words
from app.channels.times import mail_date
from app.text.cleaning import clean

_BRACKETED = re.compile(r"<([^<>]+)>")
_BARE = re.compile(r"(?<![^\s<>,;\"'()])[^\s<>,;\"'@()]++@[^\s<>,;\"'()]+")
_MOST_IDS = 100
_LONGEST_ADDRESSES = 16_000
_BULK = ("bulk", "list", "junk", "auto_reply")
_SAID_BY_MACHINES = ("list-id", "list-unsubscribe", "x-autoreply", "x-autorespond", "x-failed-recipients")
_MACHINES = ("mailer-daemon", "postmaster")
# What the programs that set no header put before the subject they answer.
_AUTOMATIC_SUBJECT = re.compile(
    r"(?:auto(?:matic|mated)?[ -]?(?:reply|response|answer)|out of (?:the )?office|automatische (?:antwort|reactie)"
    r"|automatiskt? svar|abwesenheitsnotiz|abwesend|réponse automatique|absence du bureau"
    r"|respuesta automática|resposta automática|risposta automatica|automatyczna odpowiedź|otomatik yanıt|автоответ"
    r"|پاسخ خودکار|پاسخگوی خودکار|رد تلقائي|الرد التلقائي|خارج المكتب|מענה אוטומטי|תשובה אוטומטית"
    r"|自动回复|自動回覆|自動応答)"
    r"\s*(?:[:：]|$)",
    re.IGNORECASE,
)


class Headers:
    """Ordered headers. Values are unfolded text; encoded words are still in place, so that addresses can be told
    apart before a name with a comma in it comes out of one."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), []).append(clean(value).strip())

    @classmethod
    def told(cls, document: Mapping[str, Any]) -> "Headers":
        """Headers told as an object: of each name a text or several."""
        return cls(
            (name, value)
            for name, values in document.items()
            for value in (values if isinstance(values, list) else [values])
            if isinstance(value, str)
        )

    def over(self, others: "Headers") -> "Headers":
        """These, and what only the others say."""
        both = Headers(())
        both._values = others._values | {name: values for name, values in self._values.items() if any(values)}
        return both

    def get(self, name: str) -> str:
        """The first value as people read it, "" where there is none."""
        return decode_words(self.raw(name))

    def raw(self, name: str) -> str:
        return self._values.get(name, [""])[0]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    @property
    def sender(self) -> tuple[str, str]:
        """Name and address of the first author, else of who sent it for them; a From without an address is the name
        of nobody known."""
        if authors := addresses(self.raw("from")):
            return authors[0]
        name, address = next(iter(addresses(self.raw("sender"))), ("", ""))
        return self.get("from") or name, address

    @property
    def message_id(self) -> str | None:
        found = message_ids(self.raw("message-id"))
        return found[0] if found else None

    @property
    def is_report(self) -> bool:
        """On the fate of another mail (RFC 6522)."""
        return self.raw("content-type").lower().startswith("multipart/report")

    @property
    def references(self) -> tuple[str, ...]:
        """Nearest first: whom the mail answers, then its thread from the end."""
        answered, thread = message_ids(self.raw("in-reply-to")), message_ids(self.raw("references"))
        return tuple(dict.fromkeys([*answered, *reversed(thread)]))[:_MOST_IDS]

    @property
    def sent_at(self) -> datetime | None:
        return mail_date(self.raw("date"))

    @property
    def automatic(self) -> bool:
        """Written by a machine (RFC 3834, RFC 2919, RFC 6522 and the older habits they name)."""
        submitted = self.raw("auto-submitted").partition(";")[0].strip().lower()
        return (
            submitted not in ("", "no")
            or self.raw("precedence").lower() in _BULK
            or any(name in self for name in _SAID_BY_MACHINES)
            or self.raw("x-auto-response-suppress").lower() not in ("", "none")
            or self.raw("return-path") == "<>"
            or self.is_report
            or self.sender[1].partition("@")[0].lower() in _MACHINES
            or _AUTOMATIC_SUBJECT.match(self.get("subject")) is not None
        )


def message_ids(value: str) -> list[str]:
    """Ids without their brackets, in order; a bare word is one, a sentence is none."""
    found = [stripped for each in _BRACKETED.findall(value) if (stripped := each.strip())] or _BARE.findall(value)
    if not found and len(words := value.split()) == 1:
        found = words
    return [bounded(each) for each in found]


def first_address(*values: str) -> str:
    """The first address in any of these headers, "" where there is none."""
    return next((address for value in values for _, address in addresses(value)), "")


def addresses(value: str) -> list[tuple[str, str]]:
    """Name and address of each mailbox in an address header."""
    value = value[:_LONGEST_ADDRESSES]
    try:
        found = getaddresses([value])
    except RecursionError:
        found = []
    mailboxes = [(decode_words(name).strip(), address) for name, address in found if "@" in address]
    return mailboxes or [("", address) for address in _BARE.findall(value)]
