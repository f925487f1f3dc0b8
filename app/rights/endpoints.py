"""HTTP for what a person may ask for, and what an auditor does."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.auth import administration
from app.core.dependencies import ExpectedVersion, SessionDep, StorageDep
from app.core.errors import documented
from app.core.pagination import Page
from app.customers.dependencies import PolicyDep
from app.rights import audit, erasure, export, retention
from app.rights.audit import AuditQuery, AuditRead
from app.rights.erasure import ErasureMode
from app.rights.export import ExportFormat
from app.rights.retention import Retention

_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The export.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}, "application/json": {}},
    }
}

router = APIRouter(prefix="/v1", tags=["Rights"], dependencies=administration)


@router.get("/audit", response_model=Page[AuditRead], summary="List who read or changed which file")
async def list_audit(request: Request, session: SessionDep, query: Annotated[AuditQuery, Query()]) -> dict[str, Any]:
    """Every successful request made with a key, an entry for each file it touched; a second after it at the latest."""
    return await audit.list_entries(session, request.app.state.audit, query)


@router.get("/retention", response_model=Retention, summary="See how long things are kept")
async def get_retention(request: Request, session: SessionDep) -> dict[str, Any]:
    """The rules as the settings have them (`ONEFILE_RETENTION_…_DAYS`), and what each has deleted; applied hourly."""
    return await retention.show(session, request.app.state.settings)


@router.delete(
    "/customers/{customer_id}",
    status_code=204,
    responses=documented(404, 410, 412),
    tags=["Customers"],
    summary="Forget a customer",
)
async def delete_customer(
    session: SessionDep,
    policy: PolicyDep,
    customer_id: UUID,
    expected_version: ExpectedVersion,
    mode: ErasureMode = ErasureMode.anonymize,
) -> None:
    """`anonymize`: what says who it was, or was written, goes; that there were so many touches, when and how, stays.
    `erase`: everything goes, and the id answers 410 `erased`.

    Either way addresses that opted out are kept as keyed hashes, so that nothing is sent there again.
    """
    await erasure.forget(session, policy, customer_id, mode, expected_version=expected_version)


@router.get(
    "/customers/{customer_id}/export",
    response_class=Response,
    responses=_EXPORT | documented(404, 410),
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
