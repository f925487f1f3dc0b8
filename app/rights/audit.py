"""Reading the audit log."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.core import audit
from app.core.audit import Action, AuditEntry, AuditLog
from app.core.pagination import PageQuery, list_page
from app.core.shapes import Moment, UtcTime
from app.customers import service as customers
from app.customers.models import CustomerAlias
from app.text.fields import ShortText


class AuditQuery(PageQuery):
    customer_id: UUID | None = Field(default=None, description="Files merged into this one are shown with it.")
    actor: ShortText | None = Field(default=None, description="An API key's id.")
    action: Action | None = None
    after: Moment | None = None
    before: Moment | None = None


class AuditRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    at: UtcTime = Field(validation_alias="created_at")
    actor: str = Field(description="The API key's id; `admin-key` for ONEFILE_ADMIN_KEY.")
    action: Action
    method: str
    route: str
    customer_id: UUID | None = Field(description="null: no file in particular, as with lists.")
    subject_id: UUID | None = Field(description="What else the path named.")
    request_id: str


async def list_entries(session: AsyncSession, log: AuditLog, query: AuditQuery) -> dict[str, Any]:
    """What this process has noted is written first; other processes' last second may be missing yet."""
    audit.be_silent()
    await log.flush()
    statement = select(AuditEntry)
    if query.customer_id is not None:
        current = customers.current(query.customer_id)
        merged = select(CustomerAlias.id).where(CustomerAlias.customer_id == current)
        concerned = col(AuditEntry.customer_id)
        statement = statement.where(or_(concerned == current, concerned.in_(merged)))
    if query.actor is not None:
        statement = statement.where(AuditEntry.actor == query.actor)
    if query.action is not None:
        statement = statement.where(AuditEntry.action == query.action)
    if query.after is not None:
        statement = statement.where(col(AuditEntry.created_at) > query.after)
    if query.before is not None:
        statement = statement.where(col(AuditEntry.created_at) < query.before)
    return await list_page(session, statement, query, AuditEntry.id)
