"""Who calls: API keys, their scopes, and the dependency that asks for one.

A key reads `of_<scope>-<id>_<secret>`; only a hash of the secret is stored. Checking costs no round trip: a key once
seen is trusted for `TRUST_S` seconds, which is also how long a revoked one may still work.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Annotated, Any
from uuid import UUID

from cachetools import TTLCache
from fastapi import APIRouter, Depends, Query, Request
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Shape
from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, select
from starlette.datastructures import Headers

from app.core.audit import acts
from app.core.db import Database, Record, now, time_field
from app.core.dependencies import SessionDep, tell_secret
from app.core.errors import Forbidden, NotFound, Unauthorized, documented
from app.core.pagination import Page, PageQuery, list_page
from app.core.shapes import UtcTime
from app.text.fields import ShortText

TRUST_S = 5
SCHEME = "API key"
"""Its name in the OpenAPI document."""


class Scope(StrEnum):
    """Each allows what stands before it, too."""

    read = "read"
    write = "write"
    admin = "admin"


_RANK = {scope: rank for rank, scope in enumerate(Scope)}


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a request speaks for."""

    id: str
    name: str
    scope: Scope

    def may(self, scope: Scope) -> bool:
        return _RANK[self.scope] >= _RANK[scope]


class ApiKey(Record, table=True):
    __tablename__ = "api_key"

    name: str
    scopes: list[str] = Field(sa_type=ARRAY(Text))
    secret_hash: bytes
    revoked_at: datetime | None = time_field(default=None)

    @property
    def highest(self) -> Scope:
        return max((Scope(scope) for scope in self.scopes), key=_RANK.__getitem__)


class KeyRing:
    """The keys this process has seen lately."""

    def __init__(
        self, database: Database, admin_key: str | None, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._admin = Principal("admin-key", "ONEFILE_ADMIN_KEY", Scope.admin)
        self._admin_digest = sha256(admin_key.encode()).digest() if admin_key else None
        self._seen: TTLCache[bytes, Principal] = TTLCache(maxsize=10_000, ttl=TRUST_S, timer=timer)

    async def principal(self, headers: Headers) -> Principal | None:
        """Who holds the bearer key of these headers; None for no key, an unknown or a revoked one."""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return None
        digest = sha256(key.encode("utf-8", "surrogateescape")).digest()
        if self._admin_digest is not None and compare_digest(digest, self._admin_digest):
            return self._admin
        principal = self._seen.get(digest)
        if principal is None:
            principal = await self._look_up(key)
            if principal is not None:
                self._seen[digest] = principal
        return principal

    async def _look_up(self, key: str) -> Principal | None:
        label, _, secret = key.removeprefix("of_").partition("_")
        try:
            key_id = UUID(label.rpartition("-")[2])
        except ValueError:
            return None
        async with self._database.session() as session:
            known = await session.get(ApiKey, key_id)
        if known is None or known.revoked_at is not None:
            return None
        if not compare_digest(known.secret_hash, _hash(secret)):
            return None
        return Principal(str(known.id), known.name, known.highest)


async def authorize(request: Request, scope: Scope) -> Principal:
    """The caller, who must hold at least `scope`."""
    ring: KeyRing = request.app.state.keys
    principal = await ring.principal(request.headers)
    if principal is None:
        raise Unauthorized("A valid API key is needed: Authorization: Bearer of_….")
    if not principal.may(scope):
        raise Forbidden(f"This key's scope is {principal.scope}; the route needs {scope}.", code="wrong_scope")
    acts(principal.id)
    return principal


class Requires(HTTPBearer):
    """The caller, who must hold at least `scope`."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(
            scheme_name=SCHEME,
            description="`Authorization: Bearer of_…`; scopes: read, write, admin.",
            auto_error=False,
        )
        self.scope = scope

    async def __call__(self, request: Request) -> Principal:  # type: ignore[override]
        return await authorize(request, self.scope)


Reader = Annotated[Principal, Depends(Requires(Scope.read))]
Writer = Annotated[Principal, Depends(Requires(Scope.write))]
Admin = Annotated[Principal, Depends(Requires(Scope.admin))]
# For routes that do not ask who it is.
reading = [Depends(Requires(Scope.read))]
writing = [Depends(Requires(Scope.write))]
administration = [Depends(Requires(Scope.admin))]


async def create_key(session: AsyncSession, name: str, scopes: Sequence[Scope]) -> tuple[ApiKey, str]:
    """A new key and its text, which is told this once."""
    secret = secrets.token_urlsafe(32)
    key = ApiKey(name=name, scopes=sorted(set(scopes)), secret_hash=_hash(secret))
    session.add(key)
    await session.flush()
    return key, f"of_{key.highest}-{key.id.hex}_{secret}"


async def revoke_key(session: AsyncSession, key_id: UUID) -> None:
    key = await session.get(ApiKey, key_id)
    if key is None:
        raise NotFound("No API key has this id.")
    key.revoked_at = key.revoked_at or now()


def _hash(secret: str) -> bytes:
    # The secret has 256 random bits: a plain hash cannot be reversed by guessing.
    return sha256(secret.encode("utf-8", "surrogateescape")).digest()


class ApiKeyCreate(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "call centre", "scopes": ["write"]}}
    )

    name: ShortText = Shape(min_length=1, max_length=100)
    scopes: list[Scope] = Shape(min_length=1, max_length=3)


class ApiKeyRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    scopes: list[Scope]
    created_at: UtcTime
    revoked_at: UtcTime | None


class ApiKeyCreated(ApiKeyRead):
    key: str = Shape(description="The key itself, told this once.", examples=["of_write-0198f6…_x7Jd…"])


router = APIRouter(prefix="/v1/api-keys", tags=["API keys"], dependencies=[Depends(Requires(Scope.admin))])


@router.post(
    "",
    status_code=201,
    response_model=ApiKeyCreated,
    responses=documented(409),
    dependencies=[Depends(tell_secret)],
    summary="Make an API key",
)
async def post_key(session: SessionDep, body: ApiKeyCreate) -> dict[str, Any]:
    key, text = await create_key(session, body.name, body.scopes)
    return key.model_dump() | {"key": text}


@router.get("", response_model=Page[ApiKeyRead], summary="List API keys")
async def get_keys(session: SessionDep, query: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    return await list_page(session, select(ApiKey), query, ApiKey.id)


@router.delete("/{key_id}", status_code=204, responses=documented(404), summary="Revoke an API key")
async def delete_key(session: SessionDep, key_id: UUID) -> None:
    await revoke_key(session, key_id)
