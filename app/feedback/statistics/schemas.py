"""What the figures look like."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.shapes import UtcTime
from app.feedback.drivers import Quadrant
from app.feedback.measures import Difference, Interval
from app.feedback.models import Measure
from app.feedback.schemas import Dimension
from app.feedback.statistics.selection import OfDimension, Selection

GroupBy = Literal["day", "week", "month", "quarter", "year", "channel", "dimension", "agent", "segment"]
Segment = Annotated[str, Field(pattern=r"^attributes(\.[^.\x00]{1,100}){1,5}$", max_length=300)]


class SummaryQuery(OfDimension):
    measure: Measure
    group_by: GroupBy | None = None
    segment_by: Segment = Field(
        default="attributes.segment",
        description="Where the customer's file says which segment it is, with `group_by=segment`.",
        examples=["attributes.tier"],
    )
    normalise: bool = Field(
        default=False,
        description="Means from 0 for the worst to 100 for the best value, whatever the scale. Without it, different "
        "scales have no mean together.",
    )
    top_box_from: float | None = Field(
        default=None,
        ge=-1e9,
        le=1e9,
        allow_inf_nan=False,
        description="The lowest value that counts as satisfied. Unless given, see the definitions.",
    )
    compare: Literal["previous"] | None = Field(
        default=None, description="`previous`: with the time before `from`, as long as that from `from` to `to`."
    )

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        if self.compare and (self.from_ is None or self.to is None):
            raise PydanticCustomError("no_span", "a comparison with the time before needs `from` and `to`")
        return self


class Asked(BaseModel):
    scale: tuple[float, float]
    lower_is_better: bool
    n: int
    top_boxes: tuple[float, float] | None = Field(description="The first and the last value that count as satisfied.")


class ValueShare(BaseModel):
    value: float
    n: int
    share: float


class Comparison(BaseModel):
    of: str | None = Field(default=None, description="What it is compared with: the key of a period, or `rest`.")
    difference: float
    standard_error: float
    interval: Interval
    p: float | None = Field(
        description="The chance of a difference as large where there is none (two-sided z test; Welch's t for means)."
    )

    @classmethod
    def told(cls, found: Difference | None, of: str | None = None) -> Self | None:
        if found is None:
            return None
        return cls(
            of=of, difference=found.value, standard_error=found.standard_error, interval=found.interval, p=found.p
        )


class Figure(BaseModel):
    n: int
    value: float | None = Field(
        description="NPS in points from -100 to 100, CSAT as the share of satisfied answers from 0 to 1, the mean of "
        "the others. Null without answers."
    )
    standard_error: float | None
    interval: Interval | None = Field(description="NPS: Wald; CSAT: Wilson; means: Student's t.")
    adjusted_interval: Interval | None = Field(description="NPS: adjusted Wald, the better one for few answers.")
    insufficient: bool = Field(description="Too few answers to lean on; not ranked.")
    reason: Literal["no_answers", "mixed_scales"] | None = Field(description="Why there is no value.")
    counts: dict[str, int] = Field(description="NPS: promoters, passives, detractors; else top boxes and rest.")
    shares: dict[str, float] | None = Field(description="The same as parts of 1.")
    top_box_interval: Interval | None = Field(description="Of the share in the top boxes: Wilson.")
    mean: float | None
    mean_interval: Interval | None
    distribution: list[ValueShare] | None = Field(description="Where there are no more than 11 different values.")
    scales: list[Asked]


class GroupFigure(Figure):
    key: str | None = Field(description="Null: not told; of dimensions, the service as a whole.")
    starts: str | None = Field(default=None, description="Of a period.", examples=["2026-01-01T00:00:00+00:00"])
    ends: str | None = None
    rank: int | None = Field(default=None, description="1 is best; only among groups with enough answers.")
    comparison: Comparison | None = Field(
        description="Of a period with the one before that has answers, of another group with all the rest."
    )


class Summary(Figure):
    """The figure of all the answers chosen, and of each group of them."""

    measure: Measure
    unit: Literal["points", "share", "mean", "index"]
    dimension: str | None = Field(description="`*`: all of them.")
    from_: UtcTime | None = Field(serialization_alias="from")
    to: UtcTime | None
    time_zone: str
    least: int = Field(description="Answers below which a figure is insufficient.")
    previous: Figure | None = None
    change: Comparison | None = Field(default=None, description="Against `previous`.")
    group_by: GroupBy | None
    groups: list[GroupFigure]


class GapsQuery(Selection):
    dimension: Dimension | None = None
    paired_by: Literal["answer", "customer"] = Field(
        default="answer",
        description="Expectation and perception of the same answer, or the newest of each of the same customer.",
    )


class Gap(BaseModel):
    dimension: str | None = Field(description="Null: the service as a whole.")
    scale: tuple[float, float]
    n: int = Field(description="Pairs of an expectation and a perception on this scale.")
    expectation: float | None
    perception: float | None
    gap: float | None = Field(description="Perception less expectation: below 0 is worse than expected.")
    standard_error: float | None
    interval: Interval | None
    t: float | None = Field(description="Paired t; null where no pair differs from another.")
    freedom: int | None
    p: float | None
    worse_than_expected: int
    as_expected: int
    better_than_expected: int
    importance: float | None = Field(description="The mean of what customers said in scores of `importance`.")
    insufficient: bool


class Gaps(BaseModel):
    sign: Literal["perception - expectation"] = Field(
        default="perception - expectation",
        description="Below 0: worse than expected. The same size with the other sign is expectation less perception.",
    )
    paired_by: Literal["answer", "customer"]
    n: int = Field(description="Pairs of all dimensions.")
    value: float | None = Field(
        description="The mean of the dimensions' gaps, each counting the same; null where scales differ."
    )
    weighted: float | None = Field(
        description="The mean of the gaps by the dimensions' importance; null unless each has one."
    )
    from_: UtcTime | None = Field(serialization_alias="from")
    to: UtcTime | None
    least: int
    dimensions: list[Gap] = Field(description="Those with pairs on one scale; of several scales, each by itself.")


class DriverMethod(StrEnum):
    lmg = "lmg"
    correlation = "correlation"


class DriversQuery(Selection):
    overall: Measure = Field(default=Measure.csat, description="The overall score: of the service as a whole.")
    rated_by: Measure | None = Field(
        default=None,
        description="The measure of the dimensions' scores: rating, perception, csat… Unless given, the one used most.",
    )
    method: DriverMethod = Field(
        default=DriverMethod.lmg, description="Which importance decides the quadrants; both are told."
    )
    dimensions: list[Dimension] | None = Field(
        default=None,
        max_length=12,
        description="Unless given, of the newest 10 000 scores beside an overall score the one asked most, and up to "
        "eleven asked in at least half of the same answers.",
    )


class PlotQuery(DriversQuery):
    language: Literal["en", "fa", "ar", "he"] = "en"


class Driver(BaseModel):
    dimension: str
    lmg: float = Field(description="Its part of R².")
    lmg_interval: Interval | None
    correlation: float
    correlation_interval: Interval | None
    importance: float = Field(description="The one of the two that `method` names.")
    performance: float = Field(description="Its mean.")
    quadrant: Quadrant


class Crosshairs(BaseModel):
    importance: float
    performance: float


class Axes(BaseModel):
    """What a plot should span, with some room."""

    performance: tuple[float, float]
    importance: tuple[float, float]


class Drivers(BaseModel):
    overall: Measure
    rated_by: Measure | None
    method: DriverMethod
    n: int = Field(description="Answers with the overall score and one of each dimension.")
    r_squared: float | None = Field(description="How much of the overall score's differences they explain together.")
    reason: Literal["no_answers", "too_few_answers", "constant"] | None = Field(
        description="Why there is no analysis; `constant_dimensions` names those that never differ."
    )
    constant_dimensions: list[str]
    left_out: list[str] = Field(description="Dimensions too rarely asked to take part.")
    insufficient: bool
    performance_scale: tuple[float, float] | None = Field(
        description="The scale all are asked on now; else 0 to 100. Values on another scale are taken to it."
    )
    crosshairs: Crosshairs | None = Field(description="The means of the dimensions; what lies on one is high.")
    axes: Axes | None
    drivers: list[Driver] = Field(description="The most important first.")
    from_: UtcTime | None = Field(serialization_alias="from")
    to: UtcTime | None


class WordOfMouthQuery(OfDimension):
    told_by_promoter: float | None = Field(
        default=None, ge=0, le=1000, description="People a promoter tells. Unless given, as the settings say."
    )
    told_by_detractor: float | None = Field(default=None, ge=0, le=1000, description="People a detractor tells.")
    count_tellers: bool = Field(default=False, description="Count promoters and detractors themselves, too.")


class WordOfMouth(BaseModel):
    n: int = Field(description="Answers to `nps`.")
    promoters: int
    detractors: int
    told_by_promoter: float
    told_by_detractor: float
    tellers_counted: bool
    hear_good: float | None
    hear_bad: float | None
    hear_bad_for_one_good: float | None = Field(description="Null where nobody hears good.")
    from_: UtcTime | None = Field(serialization_alias="from")
    to: UtcTime | None


class Definition(BaseModel):
    name: str
    measures: str
    formula: str
    scale: str
    interval: str
    good: str = Field(description="Which direction is good.")
    functions: list[str] = Field(description="What computes it, in this service's code.")
    source: str


class Definitions(BaseModel):
    items: list[Definition]
    notes: dict[str, str]
