"""What the API takes and shows of surveys."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.pagination import PageQuery
from app.core.shapes import UtcTime
from app.customers.schemas import Language
from app.feedback.surveys.definitions import MOST_QUESTIONS, Definition, Question, Wording
from app.feedback.surveys.templates import TemplateName
from app.text.fields import ShortText

_DEFINED = ("title", "introduction", "thanks", "questions", "languages", "default_language")
_QUESTIONS: list[dict[str, Any]] = [
    {
        "key": "waiting",
        "kind": "score",
        "measure": "csat",
        "dimension": "waiting_time",
        "required": True,
        "wording": {"en": "How satisfied were you with the waiting time?", "fa": "از زمان انتظار چقدر راضی بودید؟"},
        "labels": {
            "low": {"en": "Very dissatisfied", "fa": "خیلی ناراضی"},
            "high": {"en": "Very satisfied", "fa": "خیلی راضی"},
        },
    },
    {"key": "why", "kind": "text", "wording": {"en": "Why?", "fa": "چرا؟"}},
]
_SURVEY: dict[str, Any] = {
    "name": "After a visit",
    "title": {"en": "Your visit", "fa": "مراجعه شما"},
    "questions": _QUESTIONS,
    "languages": ["fa", "en"],
    "recontact_days": 60,
}

Days = Annotated[int, Field(ge=0, le=3650)]
Lifetime = Annotated[int, Field(ge=1, le=365)]
Name = Annotated[ShortText, Field(min_length=1, max_length=100)]
Questions = Annotated[list[Question], Field(min_length=1, max_length=MOST_QUESTIONS)]
Rewording = dict[Language, ShortText | None]
Languages = Annotated[list[Language], Field(min_length=1, max_length=50)]


class SurveyCreate(BaseModel):
    """Either a `template`, perhaps in fewer languages, or a title and questions of your own."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _SURVEY})

    name: Name
    template: TemplateName | None = None
    title: Wording | None = None
    introduction: Wording | None = None
    thanks: Wording | None = None
    questions: Questions | None = None
    languages: Languages | None = Field(default=None, description="Every text has to be worded in each.")
    default_language: Language | None = Field(default=None, description="Unless given, the first.")
    recontact_days: Days | None = Field(
        default=None,
        description="Nobody is invited who was invited to any survey so many days ago or less. Unless given, the "
        "template's, else 30. 0: no limit.",
    )
    expires_days: Lifetime | None = Field(
        default=None, description="How long an invitation can be answered. Unless given, the template's, else 14."
    )

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        own = [name for name in ("title", "questions") if getattr(self, name) is not None]
        if self.template is not None and own:
            raise PydanticCustomError("template", "a template brings its own title and questions")
        if self.template is None and (len(own) < 2 or self.languages is None):
            raise PydanticCustomError("template", "a template, or title, questions and languages are needed")
        return self

    def defined(self) -> dict[str, Any]:
        """What it says of the definition."""
        return self.model_dump(mode="json", include=set(_DEFINED), exclude_none=True)


def _absent(**options: Any) -> Any:
    """May be left out, but not be null."""
    return Field(default=None, validate_default=False, **options)


class SurveyPatch(BaseModel):
    """JSON merge patch (RFC 7396). Other texts or questions make a new version; invitations made before and their
    answers keep theirs."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "After a visit, short", "recontact_days": 30}}
    )

    name: Name = _absent()
    active: bool = _absent(description="False: nobody is invited any more.")
    title: Rewording = _absent()
    introduction: Rewording | None = None
    thanks: Rewording | None = None
    questions: Questions = _absent()
    languages: Languages = _absent()
    default_language: Language = _absent()
    recontact_days: Days = _absent()
    expires_days: Lifetime = _absent()

    def defined(self) -> dict[str, Any]:
        return self.model_dump(mode="json", include=set(_DEFINED), exclude_unset=True)


class SurveyRead(Definition):
    """A survey and what it asks now."""

    model_config = ConfigDict(extra="ignore", from_attributes=True)

    id: UUID
    name: str
    active: bool
    definition_version: int = Field(description="Which version of the questions this is.")
    recontact_days: int
    expires_days: int
    version: int
    created_at: UtcTime
    updated_at: UtcTime


class SurveyVersionRead(Definition):
    model_config = ConfigDict(extra="ignore", from_attributes=True)

    id: UUID
    survey_id: UUID
    number: int
    created_at: UtcTime


class TemplateRead(Definition):
    model_config = ConfigDict(extra="ignore", from_attributes=True)

    name: TemplateName
    recontact_days: int
    expires_days: int


class SurveyQuery(PageQuery):
    active: bool | None = None
