"""HTTP for surveys and invitations, and the public page on which customers answer."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from app.auth import reading, writing
from app.core.dependencies import BaseUrl, ExpectedVersion, SessionDep, tell_secret
from app.core.errors import AppError, documented, render
from app.core.pagination import Page, PageQuery
from app.feedback.rules import RulesDep
from app.feedback.surveys import answering, invitations, pages, service
from app.feedback.surveys.answering import Submission, Visit
from app.feedback.surveys.definitions import MOST_QUESTIONS
from app.feedback.surveys.invitation_schemas import InvitationCreate, InvitationLink, InvitationQuery, InvitationRead
from app.feedback.surveys.phrases import Words, preferred
from app.feedback.surveys.schemas import (
    SurveyCreate,
    SurveyPatch,
    SurveyQuery,
    SurveyRead,
    SurveyVersionRead,
    TemplateRead,
)
from app.feedback.surveys.templates import WORDED

router = APIRouter(prefix="/v1", tags=["Surveys"])
_HIDDEN = 2
"""Fields of the form that are no questions."""
_PREVIEWS = ("bot", "facebookexternalhit", "preview", "whatsapp/", "crawl", "spider")


@router.post(
    "/surveys",
    status_code=201,
    response_model=SurveyRead,
    responses=documented(409),
    dependencies=writing,
    summary="Make a survey",
)
async def post_survey(session: SessionDep, body: SurveyCreate) -> dict[str, Any]:
    """`{"template": "nps", "name": "…"}` is enough; or bring your own questions, worded in each language."""
    return await service.create(session, body)


@router.get("/surveys", response_model=Page[SurveyRead], dependencies=reading, summary="List surveys")
async def list_surveys(session: SessionDep, query: Annotated[SurveyQuery, Query()]) -> dict[str, Any]:
    return await service.list_surveys(session, query)


@router.get(
    "/surveys/templates",
    response_model=list[TemplateRead],
    dependencies=reading,
    summary="List the surveys that come ready",
)
async def list_templates() -> list[dict[str, Any]]:
    """Worded in English, Persian, Arabic and Hebrew."""
    return service.list_templates()


@router.get(
    "/surveys/{survey_id}",
    response_model=SurveyRead,
    responses=documented(404),
    dependencies=reading,
    summary="Get a survey",
)
async def get_survey(session: SessionDep, survey_id: UUID) -> dict[str, Any]:
    return await service.get(session, survey_id)


@router.patch(
    "/surveys/{survey_id}",
    response_model=SurveyRead,
    responses=documented(404, 412),
    dependencies=writing,
    summary="Change a survey (JSON merge patch)",
)
async def patch_survey(
    session: SessionDep, survey_id: UUID, body: SurveyPatch, expected_version: ExpectedVersion
) -> dict[str, Any]:
    """Other texts or questions become a new version. Invitations made before, and their answers, keep theirs."""
    return await service.change(session, survey_id, body, expected_version=expected_version)


@router.get(
    "/surveys/{survey_id}/versions",
    response_model=Page[SurveyVersionRead],
    responses=documented(404),
    dependencies=reading,
    summary="List what a survey has asked over time",
)
async def list_versions(session: SessionDep, survey_id: UUID, query: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    return await service.list_versions(session, survey_id, query)


@router.post(
    "/surveys/{survey_id}/invitations",
    status_code=201,
    response_model=InvitationLink,
    responses=documented(404, 409),
    dependencies=[*writing, Depends(tell_secret)],
    summary="Invite a customer to answer",
)
async def post_invitation(
    session: SessionDep, base_url: BaseUrl, survey_id: UUID, body: InvitationCreate
) -> dict[str, Any]:
    """Send the `link` to the customer yourself, then say so with `…/sent`. 409 `recently_asked` names the date from
    which the customer may be asked again; 409 `opted_out` where addresses have opted out or the consent for the
    purpose `survey` is withdrawn."""
    return await invitations.create(session, survey_id, body, base_url=base_url)


@router.get("/invitations", response_model=Page[InvitationRead], dependencies=reading, summary="List invitations")
async def list_invitations(session: SessionDep, query: Annotated[InvitationQuery, Query()]) -> dict[str, Any]:
    return await invitations.list_invitations(session, query)


@router.get(
    "/invitations/{invitation_id}",
    response_model=InvitationRead,
    responses=documented(404),
    dependencies=reading,
    summary="Get an invitation",
)
async def get_invitation(session: SessionDep, invitation_id: UUID) -> dict[str, Any]:
    return await invitations.get(session, invitation_id)


@router.post(
    "/invitations/{invitation_id}/sent",
    response_model=InvitationRead,
    responses=documented(404, 409),
    dependencies=writing,
    summary="Say that the link was sent",
)
async def post_sent(session: SessionDep, invitation_id: UUID) -> dict[str, Any]:
    return await invitations.mark_sent(session, invitation_id)


@router.post(
    "/invitations/{invitation_id}/link",
    response_model=InvitationLink,
    responses=documented(404, 409, 410),
    dependencies=[*writing, Depends(tell_secret)],
    summary="Make another link",
)
async def post_link(session: SessionDep, base_url: BaseUrl, invitation_id: UUID) -> dict[str, Any]:
    """For a link that was lost. The one before stops working; what was filled in so far stays."""
    return await invitations.renew(session, invitation_id, base_url=base_url)


class PageRoute(APIRoute):
    """A route whose refusals are pages, too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except ClientDisconnect:
                raise
            except Exception as error:
                return _refusal(request, error)

        return answer


public = APIRouter(route_class=PageRoute, include_in_schema=False)


async def get_submission(request: Request) -> Submission:
    form = await request.form(max_files=0, max_fields=MOST_QUESTIONS + _HIDDEN)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    revision = fields.pop("_revision", "")
    language = fields.pop("_language", None)
    return Submission(fields, language, int(revision) if revision.isdecimal() and len(revision) < 10 else None)


@public.api_route("/s/{token}", methods=["GET", "HEAD"])
async def get_page(session: SessionDep, request: Request, token: str) -> Response:
    visit = await answering.visit(session, token, counts=_is_person(request))
    thanked = visit.is_answered and "edit" not in request.query_params
    return (pages.thanks if thanked else pages.form)(visit, _words(request, visit, request.query_params.get("lang")))


@public.post("/s/{token}")
async def post_page(
    session: SessionDep,
    rules: RulesDep,
    request: Request,
    token: str,
    submission: Annotated[Submission, Depends(get_submission)],
) -> Response:
    visit = await answering.answer(session, rules, token, submission)
    words = _words(request, visit, submission.language)
    return pages.form(visit, words, status=422) if visit.reading is not None else pages.onwards(words)


def _words(request: Request, visit: Visit, picked: str | None) -> Words:
    """In the language that was picked, else the invitation's, else the visitor's."""
    offered = visit.definition.languages
    language = next((each for each in (picked, visit.invitation.language) if each in offered), None)
    visitors = preferred(request.headers.get("accept-language", ""), offered)
    return Words(language or visitors or visit.definition.default_language)


def _refusal(request: Request, error: Exception) -> Response:
    problem = render(error)
    known = error.extra.get("language") if isinstance(error, AppError) else None
    picked = request.query_params.get("lang")
    language = next((each for each in (picked, known) if each in WORDED), None)
    words = Words(language or preferred(request.headers.get("accept-language", ""), WORDED) or WORDED[0])
    page = pages.refusal(problem.status_code, error.code if isinstance(error, AppError) else None, words)
    if "retry-after" in problem.headers:
        page.headers["Retry-After"] = problem.headers["retry-after"]
    return page


def _is_person(request: Request) -> bool:
    """Not a mail filter, a messenger's preview or a browser that loads ahead."""
    headers: Headers = request.headers
    ahead = any("pre" in headers.get(name, "").lower() for name in ("sec-purpose", "purpose", "x-moz"))
    agent = headers.get("user-agent", "").lower()
    return request.method != "HEAD" and not ahead and not any(each in agent for each in _PREVIEWS)
