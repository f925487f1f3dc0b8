"""HTTP for everything that comes in: provider webhooks, touches told by other systems, and what is behind them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.auth import Writer, administration, reading, writing
from app.channels.base import WebhookRequest
from app.channels.registry import ADAPTERS
from app.core.batches import BatchResult
from app.core.db import now
from app.core.dependencies import BaseUrl, ExpectedVersion, SecretsDep, SessionDep, get_base_url
from app.core.errors import PROBLEM, documented, with_request_id
from app.core.pagination import Page, PageQuery
from app.ingest import recording, requests, service, sources
from app.ingest.models import InboundRequest
from app.ingest.schemas import (
    InboundRequestFull,
    InboundRequestQuery,
    InboundRequestRead,
    InteractionCreate,
    ProviderRead,
    SourceCreate,
    SourcePatch,
    SourceRead,
)
from app.ingest.service import Intake
from app.interactions.schemas import InteractionFull
from app.text.fields import ShortText


async def get_intake(request: Request) -> Intake:
    intake: Intake = request.app.state.intake
    await intake.policies.refresh()
    return intake


IntakeDep = Annotated[Intake, Depends(get_intake)]
NameOrId = Annotated[ShortText, Path(description="The source's name or id.")]

webhooks = APIRouter(prefix="/v1/ingest", tags=["Ingest"])
router = APIRouter(prefix="/v1")

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_PROVIDERS_OWN: dict[int | str, dict[str, Any]] = {
    200: {"description": "What this provider expects for everything verified: TwiML, an empty body, a challenge…"},
    202: {"description": "A web form was received."},
    303: {"description": "A web form was received; the browser is sent on."},
    422: {"description": "A web form cannot be read; `errors` names its fields.", "content": {PROBLEM: {}}},
}
_TOLD_BEFORE: dict[int | str, dict[str, Any]] = {
    200: {"model": InteractionFull, "description": "Told before: the first one."}
}
_BATCH_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"channel":"visit","from":{"kind":"phone","value":"+989121234567"},"location":"Valiasr"}\n'
                '{"channel":"fax","from":{"kind":"fax","value":"+982188776655"},"text":"Order 12345"}\n',
            }
        },
    }
}


async def receive(request: Request, source: NameOrId) -> Response:
    """Whatever the provider of this source sends, proven by the provider's own scheme, not by an API key.

    A bad signature is 401 (403 for a wrong verification token) and nothing is stored. What verifies is kept and
    answered with the provider's success answer, even when it cannot be read: then it waits in quarantine
    (`GET /v1/inbound-requests?status=quarantined`). The same message delivered again changes nothing.
    """
    return await receive_behind(request, source, "")


async def receive_behind(request: Request, source: NameOrId, rest: str) -> Response:
    """The same where the provider's URL goes on behind the source's name: with a path secret, `mime`, `status`…"""
    intake, base_url = await get_intake(request), await get_base_url(request)
    connected = await intake.sources.connected(source)
    answer = await service.receive(
        intake,
        connected,
        WebhookRequest(
            method=request.method,
            url=_signed_url(request, connected.public_url or base_url + request.scope["raw_path"].decode("latin-1")),
            segments=tuple(segment for segment in rest.split("/") if segment),
            query=request.scope["query_string"],
            headers=dict(request.headers),
            body=await request.body(),
            received_at=now(),
        ),
    )
    body = with_request_id(answer.body) if answer.content_type == PROBLEM else answer.body
    return Response(body, answer.status, dict(answer.headers), answer.content_type)


def _signed_url(request: Request, url: str) -> str:
    """The URL with the query exactly as it was sent; one that came without keeps what is configured."""
    query = request.scope["query_string"].decode("latin-1")
    return f"{url.partition('?')[0]}?{query}" if query else url


for method in _METHODS:
    for path, endpoint in (("/{source}", receive), ("/{source}/{rest:path}", receive_behind)):
        webhooks.add_api_route(
            path,
            endpoint,
            methods=[method],
            operation_id=f"{endpoint.__name__}_{method.lower()}",
            summary="Receive a provider's webhook",
            response_class=Response,
            responses=_PROVIDERS_OWN | documented(401, 403, 404, 413, 503),
            include_in_schema=method in {"GET", "POST"},
        )


@router.post(
    "/interactions",
    status_code=201,
    response_model=InteractionFull,
    responses=_TOLD_BEFORE | documented(404, 409, 410),
    tags=["Interactions"],
    summary="Tell an interaction",
)
async def post_interaction(
    session: SessionDep, intake: IntakeDep, caller: Writer, body: InteractionCreate, response: Response
) -> dict[str, Any]:
    """A call, a visit, a letter, anything another system saw; the same identity resolution as for webhooks files it."""
    interaction, created = await recording.record(session, intake, caller, body)
    response.status_code = 201 if created else 200
    return interaction


@router.post(
    "/interactions/batch",
    response_model=BatchResult,
    responses=documented(409),
    openapi_extra=_BATCH_BODY,
    tags=["Interactions"],
    summary="Tell up to 10 000 interactions (NDJSON)",
)
async def post_batch(intake: IntakeDep, caller: Writer, request: Request) -> dict[str, Any]:
    """One JSON object a line, as for `POST /v1/interactions`. A bad line is rejected in its place; the rest go on."""
    return await recording.record_batch(intake, caller, await request.body())


@router.post(
    "/sources",
    status_code=201,
    response_model=SourceRead,
    responses=documented(409),
    dependencies=administration,
    tags=["Sources"],
    summary="Connect a provider account",
)
async def post_source(
    session: SessionDep, secrets: SecretsDep, base_url: BaseUrl, body: SourceCreate
) -> dict[str, Any]:
    """Enter the answer's `webhook_url` at the provider. Credentials are kept encrypted and never shown."""
    return sources.show(await sources.create(session, secrets, body), secrets, base_url)


@router.get(
    "/sources",
    response_model=Page[SourceRead],
    dependencies=administration,
    tags=["Sources"],
    summary="List connected provider accounts",
)
async def list_sources(
    session: SessionDep, secrets: SecretsDep, base_url: BaseUrl, query: Annotated[PageQuery, Query()]
) -> dict[str, Any]:
    page = await sources.list_sources(session, query)
    return page | {"items": [sources.show(source, secrets, base_url) for source in page["items"]]}


@router.get(
    "/sources/{name}",
    response_model=SourceRead,
    responses=documented(404),
    dependencies=administration,
    tags=["Sources"],
    summary="Get a connected provider account",
)
async def get_source(session: SessionDep, secrets: SecretsDep, base_url: BaseUrl, name: NameOrId) -> dict[str, Any]:
    return sources.show(await sources.find(session, name), secrets, base_url)


@router.patch(
    "/sources/{name}",
    response_model=SourceRead,
    responses=documented(404, 412),
    dependencies=administration,
    tags=["Sources"],
    summary="Change a connected provider account (JSON merge patch)",
)
async def patch_source(
    session: SessionDep,
    secrets: SecretsDep,
    intake: IntakeDep,
    base_url: BaseUrl,
    name: NameOrId,
    body: SourcePatch,
    expected_version: ExpectedVersion,
) -> dict[str, Any]:
    """Takes effect at once here, within 5 seconds in other processes."""
    source = await sources.change(session, secrets, name, body, expected_version=expected_version)
    intake.sources.forget(source)
    return sources.show(source, secrets, base_url)


@router.delete(
    "/sources/{name}",
    status_code=204,
    responses=documented(404),
    dependencies=administration,
    tags=["Sources"],
    summary="Disconnect a provider account",
)
async def delete_source(session: SessionDep, intake: IntakeDep, name: NameOrId) -> None:
    """Its webhooks are 404 from now on; what it delivered stays."""
    source = await sources.find(session, name)
    await session.delete(source)
    intake.sources.forget(source)


@router.get(
    "/providers",
    response_model=list[ProviderRead],
    dependencies=reading,
    tags=["Sources"],
    summary="List the providers that can be connected",
)
async def list_providers() -> list[dict[str, Any]]:
    return [sources.describe(adapter) for adapter in ADAPTERS.values()]


@router.get(
    "/inbound-requests",
    response_model=Page[InboundRequestRead],
    dependencies=reading,
    tags=["Ingest"],
    summary="List what providers sent",
)
async def list_inbound_requests(session: SessionDep, query: Annotated[InboundRequestQuery, Query()]) -> dict[str, Any]:
    return await requests.list_requests(session, query)


@router.get(
    "/inbound-requests/{request_id}",
    response_model=InboundRequestFull,
    responses=documented(404),
    dependencies=reading,
    tags=["Ingest"],
    summary="Get a provider's request with headers and body",
)
async def get_inbound_request(session: SessionDep, request_id: UUID) -> dict[str, Any]:
    return requests.show(await requests.get(session, request_id))


@router.post(
    "/inbound-requests/{request_id}/replay",
    response_model=InboundRequestRead,
    responses=documented(404, 409),
    dependencies=writing,
    tags=["Ingest"],
    summary="Read a kept request again",
)
async def replay_inbound_request(session: SessionDep, intake: IntakeDep, request_id: UUID) -> InboundRequest:
    """For requests that were quarantined or ignored, after the adapter or the source's settings were mended."""
    return await service.replay(intake, session, request_id)
