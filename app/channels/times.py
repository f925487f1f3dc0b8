"""The times providers write, as aware UTC."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from app.channels.base import Unreadable

_COMMENT = re.compile(r"\([^()]*\)")


def unix(seconds: Any) -> datetime:
    """Seconds since 1970, as a number or as digits."""
    try:
        return datetime.fromtimestamp(float(seconds), UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise Unreadable("a time is not in unix seconds") from error


def unix_if_told(seconds: Any) -> datetime | None:
    """The same; None where nothing is told."""
    return unix(seconds) if seconds is not None else None


def iso(written: str) -> datetime:
    """RFC 3339, however many digits the seconds have."""
    try:
        return _aware(datetime.fromisoformat(written))
    except (ValueError, OverflowError) as error:
        raise Unreadable("a time is not in RFC 3339 form") from error


def iso_if_told(written: str) -> datetime | None:
    """The same; None where nothing is written."""
    return iso(written) if written else None


def mail_date(written: str) -> datetime | None:
    """RFC 5322; None where it cannot be read, for the sender's program writes what it likes."""
    try:
        # Twice: comments may hold comments.
        return _aware(parsedate_to_datetime(_COMMENT.sub(" ", _COMMENT.sub("", written))))
    except (ValueError, OverflowError):
        return None


def _aware(date: datetime) -> datetime:
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
