"""HTTP for customers, their identifiers, the customer file and the look-up."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from app.auth import SCHEME, Scope, Writer, authorize, reading, writing
from app.core.dependencies import DatabaseDep, ExpectedVersion, SessionDep
from app.core.errors import documented
from app.core.pagination import Page
from app.customers import consents, identifiers, service
from app.customers.consents import ConsentCreate, ConsentQuery, ConsentRead
from app.customers.dependencies import PolicyDep
from app.customers.export import ExportFormat, ExportQuery, export
from app.customers.file_schemas import CustomerFile
from app.customers.models import Customer, CustomerIdentifier
from app.customers.schemas import (
    CustomerCreate,
    CustomerPatch,
    CustomerQuery,
    CustomerRead,
    IdentifierCreate,
    IdentifierPatch,
    IdentifierRead,
    LookupQuery,
)

router = APIRouter(prefix="/v1", tags=["Customers"])
# Each thing a route asks FastAPI for costs it 10 to 50 microseconds; these two ask for nothing.
hot = APIRouter(prefix="/v1", tags=["Customers"])
_SECURED: dict[str, Any] = {"security": [{SCHEME: []}]}


@router.post(
    "/customers",
    status_code=201,
    response_model=CustomerRead,
    responses=documented(409),
    summary="Create a customer",
)
async def post_customer(session: SessionDep, policy: PolicyDep, caller: Writer, body: CustomerCreate) -> Customer:
    """409 `identifier_taken` names the customers who own one of the identifiers already."""
    return await service.create(session, policy, body, actor=caller.id)


@router.get("/customers", response_model=Page[CustomerRead], dependencies=reading, summary="List customers")
async def list_customers(
    session: SessionDep, policy: PolicyDep, query: Annotated[CustomerQuery, Query()]
) -> dict[str, Any]:
    return await service.list_customers(session, policy, query)


_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A customer a line.",
        "content": {media_type: {"schema": {"type": "string"}} for media_type in ("application/x-ndjson", "text/csv")},
    }
}


@router.get(
    "/customers/export",
    response_class=StreamingResponse,
    responses=_STREAM,
    dependencies=reading,
    summary="Export customers (NDJSON, CSV)",
)
async def export_customers(
    request: Request, database: DatabaseDep, query: Annotated[ExportQuery, Query()]
) -> StreamingResponse:
    """NDJSON is complete and goes into `POST /v1/imports` as it is; CSV is for spreadsheets: a column for each kind of
    identifier, several values separated by `;` (or line ends, where a value may hold one), and an apostrophe before
    what would be taken for a formula."""
    wants_csv = "text/csv" in request.headers.get("accept", "")
    form = query.format or (ExportFormat.csv if wants_csv else ExportFormat.ndjson)
    media_type = "text/csv" if form is ExportFormat.csv else "application/x-ndjson"
    return StreamingResponse(export(database, query, form), media_type=media_type)


@router.get(
    "/customers/{customer_id}",
    response_model=CustomerRead,
    responses=documented(404, 410),
    dependencies=reading,
    summary="Get a customer",
)
async def get_customer(session: SessionDep, customer_id: UUID) -> Customer:
    return await service.get(session, customer_id)


@router.patch(
    "/customers/{customer_id}",
    response_model=CustomerRead,
    responses=documented(404, 410, 409, 412),
    dependencies=writing,
    summary="Change a customer (JSON merge patch)",
)
async def patch_customer(
    session: SessionDep, customer_id: UUID, body: CustomerPatch, expected_version: ExpectedVersion
) -> Customer:
    return await service.change(session, customer_id, body, expected_version=expected_version)


@router.post(
    "/customers/{customer_id}/identifiers",
    status_code=201,
    response_model=IdentifierRead,
    responses=documented(404, 410, 409),
    summary="Add an identifier",
)
async def post_identifier(
    session: SessionDep, policy: PolicyDep, caller: Writer, customer_id: UUID, body: IdentifierCreate
) -> CustomerIdentifier:
    return await identifiers.add_identifier(session, policy, customer_id, body, actor=caller.id)


@router.patch(
    "/customers/{customer_id}/identifiers/{identifier_id}",
    response_model=IdentifierRead,
    responses=documented(404, 410, 409),
    dependencies=writing,
    summary="Change an identifier",
)
async def patch_identifier(
    session: SessionDep, customer_id: UUID, identifier_id: UUID, body: IdentifierPatch
) -> CustomerIdentifier:
    return await identifiers.change_identifier(session, customer_id, identifier_id, body)


@router.delete(
    "/customers/{customer_id}/identifiers/{identifier_id}",
    status_code=204,
    responses=documented(404, 410),
    summary="Release an identifier",
)
async def delete_identifier(session: SessionDep, caller: Writer, customer_id: UUID, identifier_id: UUID) -> None:
    """The address leaves the file and is free for another customer; what it brought stays."""
    await identifiers.release_identifier(session, customer_id, identifier_id, actor=caller.id)


@router.post(
    "/customers/{customer_id}/consents",
    status_code=201,
    response_model=ConsentRead,
    responses=documented(404, 410, 409),
    summary="Tell of a consent, given or withdrawn",
)
async def post_consent(session: SessionDep, caller: Writer, customer_id: UUID, body: ConsentCreate) -> dict[str, Any]:
    """Nothing is overwritten: the newest for a purpose and channel is in force, and those before it stay to be shown.

    Where files were merged, the strictest of both sides is in force until a newer one is told.
    """
    return await consents.give(session, customer_id, body, actor=caller.id)


@router.get(
    "/customers/{customer_id}/consents",
    response_model=Page[ConsentRead],
    responses=documented(404, 410),
    dependencies=reading,
    summary="List a customer's consents",
)
async def list_consents(
    session: SessionDep, customer_id: UUID, query: Annotated[ConsentQuery, Query()]
) -> dict[str, Any]:
    return await consents.list_consents(session, customer_id, query)


@hot.get(
    "/customers/{customer_id}/file",
    response_model=CustomerFile,
    responses=documented(404, 410),
    openapi_extra=_SECURED,
    summary="Get the whole customer file",
)
async def get_file(request: Request, customer_id: UUID) -> Response:
    """Who this is, what they asked for today and lately, on which channels, and which files may be theirs too."""
    await authorize(request, Scope.read)
    state = request.app.state
    return _as_json(await service.file_json(state.database, customer_id, state.settings.default_time_zone))


@hot.get(
    "/lookup",
    response_model=CustomerFile,
    responses=documented(404, 410),
    openapi_extra=_SECURED | {"parameters": LookupQuery.parameters()},
    summary="Find a customer file by an identifier",
)
async def get_lookup(request: Request) -> Response:
    """For the screen that opens while the telephone rings: the caller's number in, the whole file out.

    Nobody is found by an identifier that several share: the 404 `shared_identifier` names them in `customer_ids`.
    """
    await authorize(request, Scope.read)
    kind, raw = LookupQuery.read(request.query_params)
    state = request.app.state
    return _as_json(
        await service.lookup_json(state.database, kind, raw, state.policy, state.settings.default_time_zone)
    )


def _as_json(document: str) -> Response:
    return Response(document, media_type="application/json")
