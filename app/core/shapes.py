"""Field types that every answer shares."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import PlainSerializer
from pydantic.json_schema import WithJsonSchema


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


# As PostgreSQL writes times into the customer file, so that one moment reads alike everywhere.
UtcTime = Annotated[
    datetime,
    PlainSerializer(_in_utc, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-22T09:30:00+00:00"]}),
]
