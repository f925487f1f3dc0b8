"""Consents: what a customer allows, for which purpose, on which channel, and how it is known.

They are only ever added. Which of them are in force is told by `app.customers.queries.IN_FORCE`.
"""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from app.core.db import now
from app.core.pagination import PageQuery, list_page, wanted
from app.core.shapes import Moment, Shallow
from app.customers import service
from app.customers.file_schemas import ConsentInForce
from app.customers.models import Consent, ConsentStatus
from app.customers.queries import IN_FORCE
from app.messages import Channel
from app.text.fields import JsonObject, ShortText, Text

_SKEW = timedelta(minutes=5)
"""How far another system's clock may be ahead of ours."""

_OF_CUSTOMER = f"({IN_FORCE % 'CAST(:customer_id AS uuid)'}) AS consent"
_IN_FORCE = text(f"SELECT id FROM {_OF_CUSTOMER}")  # noqa: S608  constants
_STANDING = text(f"""
    SELECT status FROM {_OF_CUSTOMER} WHERE purpose = :purpose AND (channel IS NULL OR channel = :channel)
    ORDER BY channel IS NULL LIMIT 1""")  # noqa: S608  constants

Purpose = Annotated[ShortText, StringConstraints(min_length=1, max_length=100, to_lower=True)]


def _already_given(moment: Any) -> Any:
    if moment > now() + _SKEW:
        raise ValueError("not a time in the future: nothing said until then would count")
    return moment


class ConsentCreate(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "purpose": "marketing",
                "channel": "sms",
                "status": "granted",
                "source": "web form",
                "proof": {"url": "https://shop.example.ir/newsletter", "text_version": 3},
                "given_at": "2026-11-20T09:30:00+03:30",
            }
        },
    )

    purpose: Purpose = Field(description="What for, in your own words; case does not matter.")
    channel: Channel | None = Field(default=None, description="Unless given, every channel.")
    status: ConsentStatus
    source: ShortText | None = Field(default=None, description="Where it was said: a form, a call, a branch.")
    proof: Annotated[JsonObject, Shallow] | Text | None = Field(
        default=None, description="Whatever shows that it was said: the wording, an address, a recording's id."
    )
    given_at: Annotated[Moment, AfterValidator(_already_given)] | None = Field(
        default=None, description="When it was said; unless given, now."
    )


class ConsentRead(ConsentInForce):
    customer_id: UUID
    actor: str | None = Field(description="The API key that told it.")
    in_force: bool


class ConsentQuery(PageQuery):
    purpose: Purpose | None = None
    channel: Channel | None = None
    status: ConsentStatus | None = None


async def give(session: AsyncSession, customer_id: UUID, body: ConsentCreate, *, actor: str) -> dict[str, Any]:
    customer = await service.hold_to_change(session, customer_id)
    consent = Consent(
        **body.model_dump(exclude={"given_at"}),
        given_at=body.given_at or now(),
        customer_id=customer.id,
        actor=actor,
        given_to=customer.id,
        known_files=[customer.id, *customer.merged_ids],
    )
    session.add(consent)
    await session.flush()
    return _show(consent, await _in_force(session, customer.id))


async def list_consents(session: AsyncSession, customer_id: UUID, query: ConsentQuery) -> dict[str, Any]:
    """All of them, the newest first."""
    customer = await service.get(session, customer_id)
    filters = wanted(query, Consent, "purpose", "channel", "status")
    statement = select(Consent).where(Consent.customer_id == customer.id, *filters)
    page = await list_page(session, statement, query, Consent.given_at, Consent.id)
    in_force = await _in_force(session, customer.id)
    return page | {"items": [_show(each, in_force) for each in page["items"]]}


async def standing(
    session: AsyncSession, customer_id: UUID, purpose: str, channel: Channel | None
) -> ConsentStatus | None:
    """What is in force for this purpose: said of this channel, else of all; None: nothing was said."""
    asked = {"customer_id": customer_id, "purpose": purpose, "channel": channel}
    status = await session.scalar(_STANDING, asked)
    return ConsentStatus(status) if status else None


async def _in_force(session: AsyncSession, customer_id: UUID) -> set[UUID]:
    return set(await session.scalars(_IN_FORCE, {"customer_id": customer_id}))


def _show(consent: Consent, in_force: set[UUID]) -> dict[str, Any]:
    return consent.model_dump() | {"in_force": consent.id in in_force}
