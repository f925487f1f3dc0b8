"""Field types that all rooms share."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer
from pydantic.json_schema import WithJsonSchema


def _in_utc(moment: datetime) -> str:
    whole, point, rest = moment.astimezone(UTC).isoformat().partition(".")
    fraction, offset = rest[:6].rstrip("0"), rest[6:]
    return f"{whole}.{fraction}{offset}" if point else whole


# As PostgreSQL writes times into the customer file, so that one moment reads alike everywhere.
UtcTime = Annotated[
    datetime,
    PlainSerializer(_in_utc, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-22T09:30:00+00:00"]}),
]


_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def in_utc(moment: datetime) -> datetime:
    """Raises `ValueError` for the hours at either end of the calendar that UTC has no date for, and for the very first
    and last microsecond, which asyncpg takes for minus infinity and infinity."""
    with suppress(OverflowError):
        utc = moment.astimezone(UTC)
        if _FIRST < utc < _LAST:
            return utc
    raise ValueError("not a time between the years 1 and 9999 in UTC")


Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]
"""A time as callers write it: with its offset."""

_DEEPEST = 64


def _shallow(value: Any) -> Any:
    level = [value]
    for _ in range(_DEEPEST):
        level = [part for each in level for part in _parts(each)]
        if not level:
            return value
    raise ValueError(f"at most {_DEEPEST} objects and lists inside each other")


def _parts(value: Any) -> list[Any]:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [part for part in parts if isinstance(part, dict | list)]


Shallow = BeforeValidator(_shallow)
"""For JSON of the caller's own making: what nests deeper than some 250 levels cannot be written out again."""
