"""Words by which people end what they are sent, and take it back, in the languages we meet."""

from app.text.digits import ascii_digits, strip_marks

_LONGEST = 40

# What carriers act on (CTIA Messaging Principles), and its like in Persian, Arabic and Hebrew.
_STOP = frozenset(
    {
        *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke"),
        *("لغو", "لغو11", "انصراف", "حذف"),
        *("إيقاف", "ايقاف", "إلغاء", "الغاء", "توقف", "قف"),
        *("הסר", "הסרה", "עצור", "ביטול"),
    }
)
# "Yes" is not among them: it answers too many other questions.
_START = frozenset(
    {"start", "unstop", "subscribe", "optin", "شروع", "عضویت", "ابدأ", "ابدا", "اشتراك", "התחל", "הצטרף"}
)
_AROUND = ".,!؟?،\"'«»-"


def opt_out(text: str) -> bool | None:
    """True for a message that says STOP and nothing else, False for START, None for every other."""
    if len(text) > _LONGEST:
        return None
    word = "".join(ascii_digits(strip_marks(text)).lower().split()).strip(_AROUND)
    if word in _STOP:
        return True
    return False if word in _START else None
