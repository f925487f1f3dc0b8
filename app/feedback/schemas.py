"""What the API takes and shows of feedback."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.db import now
from app.core.pagination import PageQuery
from app.core.shapes import Moment, UtcTime
from app.customers.schemas import Language
from app.feedback.models import Measure
from app.feedback.scales import NPS_SCALES, STANDARD_DIMENSIONS, STANDARD_SCALES, Scale, scale_in_words
from app.messages import Channel, IdentifierKind
from app.text.fields import Address, Region, ShortText, Text

_ANSWER: dict[str, Any] = {
    "from": {"kind": "phone", "value": "۰۹۱۲ ۱۲۳ ۴۵۶۷", "region": "IR"},
    "source": "call-centre",
    "external_id": "ivr-20261122-0017",
    "channel": "voice",
    "collected_at": "2026-11-22T10:05:00+03:30",
    "comment": "کارمند شما خیلی صبور بود، اما خیلی منتظر ماندم.",
    "agent": "n.ahmadi",
    "scores": [
        {"measure": "csat", "value": 4},
        {"measure": "csat", "dimension": "waiting_time", "value": 2},
        {"measure": "nps", "value": 8},
    ],
}

Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e9, le=1e9)]
Dimension = Annotated[ShortText, Field(min_length=1, max_length=100)]
Source = Annotated[ShortText, Field(min_length=1, max_length=100)]
Reference = Annotated[ShortText, Field(min_length=1)]


class ScoreCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    measure: Measure
    dimension: Dimension | None = Field(
        default=None,
        description="Null: the service as a whole. Standard names: "
        + ", ".join(STANDARD_DIMENSIONS)
        + "; any other may be used.",
    )
    value: Number
    scale: tuple[Number, Number] | None = Field(
        default=None,
        description="Its lowest and highest value. Unless given: "
        + ", ".join(f"{measure} {scale_in_words(scale)}" for measure, scale in STANDARD_SCALES.items())
        + ". NPS is asked on 0 to 10 or 1 to 10.",
        examples=[[1, 5]],
    )
    lower_is_better: bool = Field(
        default=False, description="True where a low value is a good one, as in the customer effort score of 2010."
    )

    @property
    def on(self) -> Scale:
        return self.scale or STANDARD_SCALES[self.measure]

    @model_validator(mode="after")
    def _on_its_scale(self) -> Self:
        low, high = self.on
        if low >= high:
            raise PydanticCustomError("bad_scale", "a scale goes from its lowest to its highest value")
        if self.measure is Measure.nps and (self.on not in NPS_SCALES or self.lower_is_better):
            raise PydanticCustomError("bad_scale", "nps is asked on a scale of 0 to 10 or 1 to 10, higher is better")
        named = {"measure": str(self.measure), "scale": scale_in_words(self.on)}
        if not low <= self.value <= high:
            raise PydanticCustomError("off_scale", "the value is off the scale of {measure}, {scale}", named)
        if self.measure is Measure.nps and not self.value.is_integer():
            raise PydanticCustomError("off_scale", "nps is a whole number on its scale, {scale}", named)
        return self


class Respondent(BaseModel):
    """Whoever answered, by an identifier."""

    model_config = ConfigDict(extra="forbid")

    kind: IdentifierKind
    value: Address = Field(min_length=1)
    name: ShortText | None = None
    region: Region | None = Field(default=None, description="Whose national numbers are meant; else the service's own.")


def _has_been(moment: datetime) -> datetime:
    if moment > now() + timedelta(days=1):  # clocks and calendars differ, but not by more
        raise PydanticCustomError("in_the_future", "this time is still to come")
    return moment


class FeedbackCreate(BaseModel):
    """One answer. Without `customer_id`, `from` tells whose it is, as with messages."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _ANSWER})

    customer_id: UUID | None = None
    from_: Respondent | None = Field(default=None, alias="from")
    source: Source = Field(default="api", description="The system that tells it.")
    external_id: Reference | None = Field(
        default=None, description="Its id there: told again with the same `source`, it is recorded once."
    )
    collected_at: Annotated[Moment, AfterValidator(_has_been)] | None = Field(
        default=None, description="When the customer answered. Unless given, now."
    )
    channel: Channel | None = Field(default=None, description="Unless given, the interaction's.")
    comment: Text | None = Field(default=None, max_length=20_000)
    interaction_id: UUID | None = Field(default=None, description="What it is about: an interaction of this customer,")
    conversation_id: UUID | None = Field(default=None, description="a conversation (unless given, the interaction's),")
    case_reference: Reference | None = Field(default=None, description="a case,")
    order_reference: Reference | None = Field(default=None, description="an order, each by its id wherever it lives.")
    agent: ShortText | None = Field(
        default=None, description="Who served, as of that moment. Unless given, the interaction's."
    )
    language: Language | None = Field(default=None, description="Unless given, guessed from the comment.")
    scores: list[ScoreCreate] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _somebodys(self) -> Self:
        if self.customer_id is None and self.from_ is None:
            raise PydanticCustomError("nobody", "without customer_id, `from` must say who the customer is")
        return self

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({(score.measure, score.dimension) for score in self.scores}) < len(self.scores):
            raise PydanticCustomError("scored_twice", "the same measure and dimension twice in one answer")
        return self


class ScoreRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    measure: Measure
    dimension: str | None
    value: float
    scale: tuple[float, float]
    lower_is_better: bool


class AnswerRead(BaseModel):
    """What scores share that were given in one answer."""

    model_config = ConfigDict(from_attributes=True)

    customer_id: UUID = Field(description="Whose it is now: the survivor, where files were merged.")
    source: str
    external_id: str | None
    channel: Channel | None
    comment: str | None
    interaction_id: UUID | None
    conversation_id: UUID | None
    case_reference: str | None
    order_reference: str | None
    agent: str | None
    language: str | None
    invitation_id: UUID | None
    collected_at: UtcTime
    stored_at: UtcTime


class _Identified(BaseModel):
    """The last base's fields come first."""

    id: UUID


class FeedbackRead(AnswerRead, _Identified):
    scores: list[ScoreRead]
    version: int
    updated_at: UtcTime


class TidyScore(AnswerRead, ScoreRead):
    """One score with everything that is known of its answer: a row of a tidy table."""

    feedback_id: UUID
    updated_at: UtcTime


class FeedbackQuery(PageQuery):
    customer_id: UUID | None = None
    measure: Measure | None = None
    dimension: Dimension | None = None
    channel: Channel | None = None
    agent: ShortText | None = None
    source: Source | None = None
    interaction_id: UUID | None = None
    collected_after: Moment | None = None
    collected_before: Moment | None = None
