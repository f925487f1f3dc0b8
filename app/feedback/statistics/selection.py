"""Which scores a figure is made of, as callers say it and as SQL."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.config import Settings
from app.core.errors import FieldError, Unprocessable
from app.core.shapes import Moment, in_utc
from app.customers.schemas import TimeZone
from app.feedback.measures import LEVEL
from app.feedback.models import Measure
from app.feedback.schemas import Dimension
from app.messages import Channel
from app.text.fields import ShortText

ALL = "*"
MOST_ROWS = 50_000
"""Of groups times different values: beyond, nobody reads them."""
_ASKED_OF_THE_WHOLE = {Measure.nps, Measure.csat, Measure.ces}


Span = tuple[datetime | None, datetime | None]
"""From, and until before; None: for ever."""


@dataclass(frozen=True, slots=True)
class Standards:
    """What the settings say of figures."""

    time_zone: str
    least: int
    """Answers below which a figure is called insufficient and not ranked."""
    told_by_promoter: float
    told_by_detractor: float

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            settings.default_time_zone,
            settings.feedback_least_answers,
            settings.feedback_told_by_promoter,
            settings.feedback_told_by_detractor,
        )


async def get_standards(request: Request) -> Standards:
    return Standards.of(request.app.state.settings)


StandardsDep = Annotated[Standards, Depends(get_standards)]


_BEFORE_TIME = ("T", " ", "_")


def _written_as_date(given: object) -> object:
    """Not a time without its offset, which pydantic takes for a date at midnight."""
    if isinstance(given, str) and given[10:11].upper() in _BEFORE_TIME:
        raise ValueError("a time needs its offset")
    return given


When = Annotated[date, BeforeValidator(_written_as_date)] | Moment


class Period(BaseModel):
    """What every figure understands; unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    from_: When | None = Field(
        default=None,
        alias="from",
        description="Answers collected, or tasks opened, at or after this time; a date means its first moment.",
    )
    to: When | None = Field(default=None, description="Before this time or date.")
    time_zone: TimeZone | None = Field(
        default=None,
        description="In which dates and periods begin. Unless given, the service's own.",
        examples=["Asia/Tehran"],
    )

    def zone(self, standards: Standards) -> str:
        return self.time_zone or standards.time_zone

    def span(self, standards: Standards) -> Span:
        zone = self.zone(standards)
        begin, end = _moment("from", self.from_, zone), _moment("to", self.to, zone)
        if begin is not None and end is not None and begin >= end:
            raise _wrong("to", "is not after `from`")
        return begin, end


class Selection(Period):
    """Which answers."""

    channel: Channel | None = None
    agent: ShortText | None = None
    level: float = Field(default=LEVEL, ge=0.5, le=0.999, description="Of confidence, for every interval.")


def _moment(field: str, given: date | None, zone: str) -> datetime | None:
    if given is None or isinstance(given, datetime):
        return given
    try:
        return in_utc(datetime.combine(given, time(), ZoneInfo(zone)))
    except ValueError as error:
        raise _wrong(field, str(error)) from error


def _wrong(field: str, message: str) -> Unprocessable:
    return Unprocessable(f"`{field}` {message}.", errors=[FieldError(field=f"query.{field}", message=message)])


class OfDimension(Selection):
    dimension: Dimension | None = Field(
        default=None,
        description="Only scores of this dimension; `*`: of all and of the service as a whole. Unless given: `nps`, "
        "`csat` and `ces` of the service as a whole, the other measures of all dimensions.",
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """A WHERE clause on feedback_score AS s, and its parameters."""

    sql: str
    parameters: dict[str, Any]

    def and_(self, sql: str, **parameters: Any) -> "Condition":
        return Condition(f"{self.sql} AND {sql}", self.parameters | parameters)


def condition(selection: Selection, span: Span) -> Condition:
    """When, on which channel and by whom; measure and dimension are for the caller to add."""
    begin, end = span
    found = Condition("true", {})
    if begin is not None:
        found = found.and_("s.collected_at >= :begin", begin=begin)
    if end is not None:
        found = found.and_("s.collected_at < :end", end=end)
    if selection.channel is not None:
        found = found.and_("s.channel = :channel", channel=selection.channel.value)
    if selection.agent is not None:
        found = found.and_("s.agent = :agent", agent=selection.agent)
    return found


def dimension_meant(measure: Measure, asked: str | None) -> str | None:
    """The one asked for; else None, the service as a whole, or `ALL`."""
    return asked or (None if measure in _ASKED_OF_THE_WHOLE else ALL)


def of_measure(found: Condition, measure: Measure, dimension: str | None) -> Condition:
    """`dimension` as meant, not as asked for."""
    found = found.and_("s.measure = :measure", measure=measure.value)
    if dimension is None:
        return found.and_("s.dimension IS NULL")
    return found if dimension == ALL else found.and_("s.dimension = :dimension", dimension=dimension)
