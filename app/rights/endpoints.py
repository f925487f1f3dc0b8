"""HTTP for what a person may ask for, and what an auditor does."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from app.auth import Requires, Scope
from app.core.dependencies import SessionDep
from app.core.pagination import Page
from app.rights import audit
from app.rights.audit import AuditQuery, AuditRead

router = APIRouter(prefix="/v1", tags=["Rights"], dependencies=[Depends(Requires(Scope.admin))])


@router.get("/audit", response_model=Page[AuditRead], summary="List who read or changed which file")
async def list_audit(request: Request, session: SessionDep, query: Annotated[AuditQuery, Query()]) -> dict[str, Any]:
    """Every successful request made with a key, an entry for each file it touched; a second after it at the latest."""
    return await audit.list_entries(session, request.app.state.audit, query)
