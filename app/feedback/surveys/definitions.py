"""What a survey asks: its questions, each in every language of the survey."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from app.customers.schemas import Language
from app.feedback.models import Measure
from app.feedback.scales import STANDARD_SCALES, Scale
from app.feedback.schemas import Dimension, ScoreCreate
from app.text.fields import ShortText

MOST_QUESTIONS = 50
LONGEST_TEXT = 3000
_MOST_TEXTS = 5
_MOST_STEPS = 11

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Phrase = Annotated[ShortText, Field(min_length=1)]
Wording = Annotated[dict[Language, Phrase], Field(min_length=1, max_length=50)]
"""A text by language."""


class QuestionKind(StrEnum):
    score = "score"
    choice = "choice"
    text = "text"


class Option(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: Key
    wording: Wording


class Labels(BaseModel):
    """What the ends of a scale mean."""

    model_config = ConfigDict(extra="forbid")

    low: Wording
    high: Wording


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: Key
    kind: QuestionKind = QuestionKind.score
    wording: Wording
    required: bool = False
    measure: Measure | None = Field(default=None, description="Of a `score`, with the four below.")
    dimension: Dimension | None = None
    scale: tuple[int, int] | None = Field(default=None, description="Unless given, the measure's standard one.")
    lower_is_better: bool = False
    labels: Labels | None = None
    options: list[Option] = Field(default=[], max_length=30, description="Of a `choice`.")

    @property
    def steps(self) -> range:
        """The values a score can take."""
        low, high = self.on
        return range(int(low), int(high) + 1)

    @property
    def on(self) -> Scale:
        assert self.measure is not None, "a score has a measure"
        return self.scale or STANDARD_SCALES[self.measure]

    def texts(self) -> Iterator[Wording]:
        yield self.wording
        yield from (option.wording for option in self.options)
        if self.labels is not None:
            yield from (self.labels.low, self.labels.high)

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if self.kind is QuestionKind.score:
            self._check_scale()
        elif self.measure or self.dimension or self.scale or self.labels or self.lower_is_better:
            raise PydanticCustomError("not_a_score", "only a score has a measure, dimension, scale and labels")
        if (self.kind is QuestionKind.choice) != bool(self.options):
            raise PydanticCustomError("options", "a choice has options, nothing else does")
        if len({option.key for option in self.options}) < len(self.options):
            raise PydanticCustomError("options", "two options have the same key")
        return self

    def _check_scale(self) -> None:
        if self.measure is None:
            raise PydanticCustomError("no_measure", "a score has a measure")
        try:
            ScoreCreate(measure=self.measure, value=self.on[0], scale=self.on, lower_is_better=self.lower_is_better)
        except ValidationError as error:
            raise PydanticCustomError("bad_scale", "{reason}", {"reason": error.errors()[0]["msg"]}) from error
        if len(self.steps) > _MOST_STEPS:
            raise PydanticCustomError("bad_scale", "a page offers at most 11 values")


class Definition(BaseModel):
    """Every text is there in every language."""

    model_config = ConfigDict(extra="forbid")

    title: Wording
    introduction: Wording | None = None
    thanks: Wording | None = Field(default=None, description="Shown when it is answered, instead of a plain thank you.")
    questions: list[Question] = Field(min_length=1, max_length=MOST_QUESTIONS)
    languages: list[Language] = Field(
        min_length=1,
        max_length=50,
        description="The page's own words come in `en`, `fa`, `ar` and `he`; around other languages they are English.",
    )
    default_language: Language

    @property
    def scores(self) -> list[Question]:
        return [question for question in self.questions if question.kind is QuestionKind.score]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len({question.key for question in self.questions}) < len(self.questions):
            raise PydanticCustomError("same_key", "two questions have the same key")
        if len({(question.measure, question.dimension) for question in self.scores}) < len(self.scores):
            raise PydanticCustomError("scored_twice", "two questions ask for the same measure and dimension")
        if not any(question.required for question in self.scores):
            raise PydanticCustomError("no_score", "at least one score is required: an answer without any says nothing")
        if sum(question.kind is QuestionKind.text for question in self.questions) > _MOST_TEXTS:
            raise PydanticCustomError("texts", "at most 5 questions ask for a text")
        return self

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.default_language not in self.languages or len(set(self.languages)) < len(self.languages):
            raise PydanticCustomError("languages", "the languages are different, the default one among them")
        for place, wording in self._texts():
            if missing := [language for language in self.languages if language not in wording]:
                told = {"place": place, "languages": ", ".join(missing)}
                raise PydanticCustomError("not_worded", "{place} is not worded in {languages}", told)
        return self

    def _texts(self) -> Iterator[tuple[str, Wording]]:
        for name in ("title", "introduction", "thanks"):
            if (wording := getattr(self, name)) is not None:
                yield name, wording
        for question in self.questions:
            for wording in question.texts():
                yield f"question {question.key}", wording
