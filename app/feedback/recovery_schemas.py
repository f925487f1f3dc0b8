"""What the API takes and shows of recoveries."""

from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.pagination import PageQuery
from app.core.shapes import Moment, UtcTime
from app.feedback.measures import Interval
from app.feedback.models import Measure, RecoveryOutcome, RecoveryReason, RecoveryStatus
from app.feedback.statistics.selection import Period
from app.text.fields import ShortText, Text

_COMPLAINT: dict[str, Any] = {
    "customer_id": "0198f6c2-5b1e-7c3a-9d4e-2f6a8b0c1d2e",
    "reason": "complaint",
    "owner": "n.ahmadi",
    "note": "بسته شکسته رسیده و کسی جواب نداده است.",
}


class RecoveryPatch(BaseModel):
    """JSON merge patch (RFC 7396)."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"outcome": "won_back", "note": "Called, replaced, thanked."}}
    )

    owner: ShortText | None = Field(default=None, description="Whose task it is.")
    note: Text | None = Field(default=None, max_length=20_000)
    due_at: Moment = Field(default=None, validate_default=False)  # type: ignore[assignment]
    outcome: RecoveryOutcome = Field(  # type: ignore[assignment]
        default=None,
        validate_default=False,
        description="What came of it. The first one closes the task; it may be corrected, not taken back.",
    )


class RecoveryCreate(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _COMPLAINT})

    customer_id: UUID | None = Field(default=None, description="Unless given, whose the interaction or feedback is.")
    reason: RecoveryReason = RecoveryReason.complaint
    interaction_id: UUID | None = Field(default=None, description="What the complaint was made in.")
    feedback_id: UUID | None = None
    owner: ShortText | None = Field(default=None, description="Whose task it is.")
    due_at: Moment | None = Field(default=None, description="Unless given, by the service standard.")
    note: Text | None = Field(default=None, max_length=20_000)

    @model_validator(mode="after")
    def _somebodys(self) -> Self:
        if self.customer_id is None and self.interaction_id is None and self.feedback_id is None:
            raise PydanticCustomError("nobody", "name the customer, the interaction or the feedback")
        return self


class SecondScore(BaseModel):
    feedback_id: UUID
    value: float
    collected_at: UtcTime


class RecoveryRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    reason: RecoveryReason
    status: RecoveryStatus
    owner: str | None
    due_at: UtcTime
    overdue: bool = Field(description="Open, and past its time.")
    outcome: RecoveryOutcome | None
    note: str | None
    feedback_id: UUID | None = Field(description="The answer that opened it.")
    interaction_id: UUID | None
    measure: Measure | None = Field(description="Of the score that opened it, with the three below.")
    dimension: str | None
    scale: tuple[float, float] | None
    first_value: float | None
    second: SecondScore | None = Field(
        description="What the customer answered to the same question later: the newest while the task is open, then "
        "the first after it was closed. It settles nothing by itself."
    )
    further_feedback_ids: list[UUID] = Field(
        description="Answers that would have opened it, had it not been open already."
    )
    version: int
    created_at: UtcTime
    updated_at: UtcTime
    closed_at: UtcTime | None


class RecoveryQuery(PageQuery):
    customer_id: UUID | None = None
    status: RecoveryStatus | None = None
    reason: RecoveryReason | None = None
    outcome: RecoveryOutcome | None = None
    owner: ShortText | None = None
    overdue: bool | None = None


class RecoveryGrouping(StrEnum):
    reason = "reason"
    owner = "owner"
    month = "month"


class RecoverySummaryQuery(Period):
    group_by: RecoveryGrouping | None = None


class HoursToClose(BaseModel):
    median: float | None
    p90: float | None = Field(description="Nine in ten were closed within so many hours.")


class WonBack(BaseModel):
    n: int
    of: int = Field(description="Closed ones.")
    share: float | None = Field(description="null where none is closed.")
    interval: Interval | None = Field(description="Of the share (Wilson).")


class SecondScores(BaseModel):
    n: int = Field(description="How many answered the same question again.")
    better: int = Field(description="How many of them with a better score.")


class RecoveryFigures(BaseModel):
    opened: int
    open: int = Field(description="Still open now.")
    overdue: int = Field(description="Of the open ones, past their time.")
    closed: int
    closed_late: int = Field(description="Of the closed ones, after their time.")
    hours_to_close: HoursToClose
    won_back: WonBack
    outcomes: dict[RecoveryOutcome, int]
    second_scores: SecondScores


class RecoveryGroup(RecoveryFigures):
    key: str | None = Field(description="The reason, the owner (null: nobody's), or the month as 2026-11.")


class RecoverySummary(BaseModel):
    group_by: RecoveryGrouping | None
    total: RecoveryFigures
    groups: list[RecoveryGroup]
