"""HTTP for what a person may ask for, and what an auditor does."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.auth import Requires, Scope
from app.core.dependencies import SessionDep, StorageDep
from app.core.errors import documented
from app.core.pagination import Page
from app.rights import audit, export
from app.rights.audit import AuditQuery, AuditRead
from app.rights.export import ExportFormat

_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The export.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}, "application/json": {}},
    }
}

router = APIRouter(prefix="/v1", tags=["Rights"], dependencies=[Depends(Requires(Scope.admin))])


@router.get("/audit", response_model=Page[AuditRead], summary="List who read or changed which file")
async def list_audit(request: Request, session: SessionDep, query: Annotated[AuditQuery, Query()]) -> dict[str, Any]:
    """Every successful request made with a key, an entry for each file it touched; a second after it at the latest."""
    return await audit.list_entries(session, request.app.state.audit, query)


@router.get(
    "/customers/{customer_id}/export",
    response_class=Response,
    responses=_EXPORT | documented(404),
    tags=["Customers"],
    summary="Export everything known of a customer",
)
async def get_export(
    session: SessionDep,
    storage: StorageDep,
    customer_id: UUID,
    kind: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.zip,
) -> Response:
    """`zip`: customer.json, attachments, raw requests and an index; `json`: customer.json alone."""
    return await export.export(session, storage, customer_id, kind)
