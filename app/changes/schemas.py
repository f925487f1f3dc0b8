"""What the feed takes and shows."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.changes.feed import Selection
from app.changes.models import ChangeType
from app.core.shapes import UtcTime

_EXAMPLE: dict[str, Any] = {
    "id": "h0vJ1WkggH4AAAAAAAAC8QAAAAAAAAAH",
    "type": "interaction.received",
    "at": "2026-11-22T09:30:00+00:00",
    "customer_id": "0198f6a0-5f5e-7cc2-9d4b-2f3f3b1c7a10",
    "subject_id": "0198f6a0-6a01-7e52-8a77-54b3f2d9c001",
    "data": {
        "channel": "sms",
        "direction": "inbound",
        "kind": "message",
        "source": "tehran-sms",
        "conversation_id": None,
        "occurred_at": "2026-11-22T09:29:58+00:00",
    },
}


class ChangeRead(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    id: str = Field(description="Its position in the feed: `after` it comes what follows.")
    type: ChangeType
    at: UtcTime
    customer_id: UUID | None = Field(description="The file it happened in; null for an interaction that is nobody's.")
    subject_id: UUID = Field(description="The customer, identifier, interaction or feedback that changed.")
    data: dict[str, Any] = Field(description="Names of `fields` and the like; never a text, a name or an address.")


class ChangePage(BaseModel):
    items: list[ChangeRead] = Field(description="Oldest first.")
    next_cursor: str = Field(description="Pass it as `after` next time, also when the page is empty.")


def _split(told: Any) -> Any:
    """`types=a,b` and `types=a&types=b` are the same."""
    return [part for each in told for part in str(each).split(",")] if isinstance(told, list) else told


class StreamQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    after: str | None = Field(
        default=None,
        max_length=100,
        description="`next_cursor`, or the `id` of a change. `now`: only what comes. None: all that is kept.",
    )
    types: Annotated[list[ChangeType], BeforeValidator(_split)] = Field(
        default=[], description="Only these, repeated or with commas between."
    )
    customer_id: UUID | None = Field(
        default=None, description="Only what happened in this file, or in those merged into it."
    )

    @property
    def selection(self) -> Selection:
        return Selection(self.types or None, self.customer_id)


class ChangeQuery(StreamQuery):
    limit: int = Field(default=100, ge=1, le=1000)
    wait: float = Field(default=0, ge=0, le=60, description="Seconds to wait for a change if there is none.")
