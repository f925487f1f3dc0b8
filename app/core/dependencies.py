"""What routes ask FastAPI for: the database, a session that is one transaction, conditional-request headers."""

import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database
from app.core.errors import BadRequest, PreconditionFailed
from app.core.secrets import SecretBox
from app.core.storage import Storage

_VERSION = re.compile(r'("?)([0-9]{1,18})\1')


async def get_database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def get_secrets(request: Request) -> SecretBox:
    secrets: SecretBox = request.app.state.secrets
    return secrets


async def get_storage(request: Request) -> Storage:
    storage: Storage = request.app.state.intake.storage
    return storage


async def get_base_url(request: Request) -> str:
    """Where others reach this service: as configured, else as this very request did."""
    return str(request.app.state.settings.public_url or request.base_url).rstrip("/")


async def tell_secret(response: Response) -> None:
    """The answer holds what is told once: nobody keeps it, and `Idempotency-Key` keeps it encrypted."""
    response.headers["Cache-Control"] = "no-store"


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.database
    async with database.session() as session:
        yield session


async def get_expected_version(
    if_match: Annotated[
        str | None, Header(description='The `version` last read, as `"3"`; 412 if the resource has moved on.')
    ] = None,
) -> int | None:
    """`If-Match: "3"` → 3; `*` and no header mean any version."""
    if if_match is None or if_match.strip() == "*":
        return None
    version = _VERSION.fullmatch(if_match.strip())
    if version is None:
        raise BadRequest('If-Match takes one version in quotes: "3".', code="bad_if_match")
    return int(version[2])


def check_version(actual: int, expected: int | None) -> None:
    if expected is not None and actual != expected:
        raise PreconditionFailed(f"The resource is at version {actual}.")


BaseUrl = Annotated[str, Depends(get_base_url)]
DatabaseDep = Annotated[Database, Depends(get_database)]
StorageDep = Annotated[Storage, Depends(get_storage)]
SecretsDep = Annotated[SecretBox, Depends(get_secrets)]
# Without scope="function" the commit would run after the answer, and a failed one still answer 200.
SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]
ExpectedVersion = Annotated[int | None, Depends(get_expected_version)]
