"""Surveys and the versions of what they ask."""

from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core.db import now
from app.core.dependencies import check_version
from app.core.errors import NotFound, Unprocessable, field_errors
from app.core.merge_patch import merged
from app.core.pagination import PageQuery, list_page
from app.feedback.surveys.definitions import Definition
from app.feedback.surveys.models import Survey, SurveyVersion
from app.feedback.surveys.schemas import SurveyCreate, SurveyPatch, SurveyQuery
from app.feedback.surveys.templates import TEMPLATES, Template

RECONTACT_DAYS = 30
EXPIRES_DAYS = 14


def list_templates() -> list[dict[str, Any]]:
    return [each.definition.model_dump() | {"name": each.name, **_days(each)} for each in TEMPLATES.values()]


async def create(session: AsyncSession, body: SurveyCreate) -> dict[str, Any]:
    template = TEMPLATES[body.template] if body.template is not None else None
    told = template.definition.model_dump(mode="json", exclude={"languages", "default_language"}) if template else {}
    languages = body.languages or (template.definition.languages if template else [])
    definition = _checked({"languages": languages, "default_language": languages[0]} | told | body.defined())
    days = _days(template) | body.model_dump(include={"recontact_days", "expires_days"}, exclude_none=True)
    survey = Survey(name=body.name, **days)
    session.add(survey)
    await session.flush()
    version = await _add_version(session, survey, definition)
    return show(survey, version)


async def get(session: AsyncSession, survey_id: UUID) -> dict[str, Any]:
    return show(*await newest(session, survey_id))


async def list_surveys(session: AsyncSession, query: SurveyQuery) -> dict[str, Any]:
    statement = select(Survey)
    if query.active is not None:
        statement = statement.where(Survey.active == query.active)
    page = await list_page(session, statement, query, Survey.id)
    versions = await _newest_of(session, page["items"])
    return page | {"items": [show(each, versions[each.id]) for each in page["items"]]}


async def list_versions(session: AsyncSession, survey_id: UUID, query: PageQuery) -> dict[str, Any]:
    await newest(session, survey_id)
    statement = select(SurveyVersion).where(SurveyVersion.survey_id == survey_id)
    page = await list_page(session, statement, query, SurveyVersion.id)
    return page | {"items": [each.model_dump() | each.definition for each in page["items"]]}


async def change(
    session: AsyncSession, survey_id: UUID, patch: SurveyPatch, *, expected_version: int | None
) -> dict[str, Any]:
    """Apply a merge patch; another definition becomes a version of its own."""
    survey, version = await newest(session, survey_id, held=True)
    check_version(survey.version, expected_version)
    definition = _checked(merged(version.definition, patch.defined()))
    if definition != Definition.model_validate(version.definition):
        survey.definition_version += 1
        version = await _add_version(session, survey, definition)
    plain = {"name", "active", "recontact_days", "expires_days"}
    for name, value in patch.model_dump(include=plain, exclude_unset=True).items():
        setattr(survey, name, value)
    survey.version += 1
    survey.updated_at = now()
    await session.flush()
    return show(survey, version)


async def newest(session: AsyncSession, survey_id: UUID, *, held: bool = False) -> tuple[Survey, SurveyVersion]:
    """A survey and what it asks now."""
    survey = await session.get(Survey, survey_id, with_for_update=held, populate_existing=held)
    if survey is None:
        raise NotFound("No survey has this id.")
    return survey, (await _newest_of(session, [survey]))[survey_id]


def show(survey: Survey, version: SurveyVersion) -> dict[str, Any]:
    return version.definition | survey.model_dump()


async def _newest_of(session: AsyncSession, surveys: list[Survey]) -> dict[UUID, SurveyVersion]:
    statement = (
        select(SurveyVersion)
        .join(Survey, col(Survey.id) == SurveyVersion.survey_id)
        .where(col(Survey.id).in_([each.id for each in surveys]), SurveyVersion.number == Survey.definition_version)
    )
    return {each.survey_id: each for each in await session.scalars(statement)}


async def _add_version(session: AsyncSession, survey: Survey, definition: Definition) -> SurveyVersion:
    number = survey.definition_version
    version = SurveyVersion(survey_id=survey.id, number=number, definition=definition.model_dump(mode="json"))
    session.add(version)
    await session.flush()
    return version


def _days(template: Template | None) -> dict[str, int]:
    if template is None:
        return {"recontact_days": RECONTACT_DAYS, "expires_days": EXPIRES_DAYS}
    return {"recontact_days": template.recontact_days, "expires_days": template.expires_days}


def _checked(told: dict[str, Any]) -> Definition:
    try:
        return Definition.model_validate(told)
    except ValidationError as error:
        raise Unprocessable(
            "The survey is not consistent.", code="bad_survey", errors=field_errors(error.errors())
        ) from error
