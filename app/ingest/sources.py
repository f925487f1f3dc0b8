"""Configured provider accounts: kept with sealed credentials, and at hand for ingest without a round trip."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cachetools import TTLCache
from sqlalchemy import Text, cast, or_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.channels.base import Adapter, SourceConfig
from app.channels.registry import ADAPTERS
from app.core.db import Database
from app.core.dependencies import check_version
from app.core.errors import Conflict, FieldError, NotFound, Unprocessable
from app.core.merge_patch import merged
from app.core.pagination import PageQuery, list_page
from app.core.secrets import SecretBox
from app.ingest.models import Source
from app.ingest.schemas import SourceCreate, SourcePatch

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SEGMENT = re.compile(r"[^/]+")
TRUST_S = 5
"""How long another process may go on with what it knew of a source before a change."""


@dataclass(frozen=True, slots=True)
class ConnectedSource:
    """A source with its adapter and its credentials in the clear."""

    adapter: Adapter
    config: SourceConfig
    public_url: str | None


class SourceBook:
    """The sources this process has served lately."""

    def __init__(self, database: Database, secrets: SecretBox, default_region: str | None = None) -> None:
        self._database = database
        self._default_region = default_region
        self._secrets = secrets
        self._known: TTLCache[str, ConnectedSource] = TTLCache(maxsize=10_000, ttl=TRUST_S)

    async def connected(self, name: str) -> ConnectedSource:
        source = self._known.get(name)
        if source is None:
            async with self._database.session() as session:
                source = _connect(await find(session, name), self._secrets, self._default_region)
            self._known[name] = source
        return source

    def forget(self, source: Source) -> None:
        for name in (source.name, str(source.id)):
            self._known.pop(name, None)


async def find(session: AsyncSession, name: str) -> Source:
    """By name, or by id for callers who keep ids."""
    source = await session.scalar(
        select(Source).where(or_(col(Source.name) == name, cast(col(Source.id), Text) == name))
    )
    if source is None:
        raise NotFound("No source has this name.", code="unknown_source")
    return source


async def create(session: AsyncSession, secrets: SecretBox, body: SourceCreate) -> Source:
    if _ID.fullmatch(body.name):
        named = FieldError(field="name", message="a name, not an id")
        raise Unprocessable("A source is found by its name or its id.", code="bad_name", errors=[named])
    _check(body.provider, body.credentials, body.settings)
    source = Source(
        name=body.name,
        provider=body.provider,
        sealed_credentials=secrets.seal(body.credentials),
        default_region=body.default_region,
        public_url=body.public_url,
        settings=body.settings,
    )
    session.add(source)
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict("A source of this name exists.", code="source_exists") from error
    return source


async def change(
    session: AsyncSession, secrets: SecretBox, name: str, patch: SourcePatch, *, expected_version: int | None
) -> Source:
    source = await find(session, name)
    await session.refresh(source, with_for_update=True)
    check_version(source.version, expected_version)
    changes = patch.model_dump(exclude_unset=True)
    credentials = merged(secrets.open(source.sealed_credentials), changes.pop("credentials", {}))
    settings = merged(source.settings, changes.pop("settings", {}))
    _check(source.provider, credentials, settings)
    source.sealed_credentials = secrets.seal(credentials)
    source.settings = settings
    for field, value in changes.items():
        setattr(source, field, value)
    source.version += 1
    await session.flush()
    return source


async def list_sources(session: AsyncSession, query: PageQuery) -> dict[str, Any]:
    return await list_page(session, select(Source), query, Source.id)


async def all_of(session: AsyncSession) -> Sequence[Source]:
    return (await session.scalars(select(Source).order_by(Source.name))).all()


def show(source: Source, secrets: SecretBox, base_url: str) -> dict[str, Any]:
    """A source as the API shows it: which credentials are set, not what they are."""
    credentials = secrets.open(source.sealed_credentials)
    secret_in_path = "/{path_token}" if "path_token" in credentials else ""
    return source.model_dump(exclude={"sealed_credentials"}) | {
        "credential_names": sorted(credentials),
        "webhook_url": source.public_url or f"{base_url}/v1/ingest/{source.name}{secret_in_path}",
    }


def describe(adapter: Adapter) -> dict[str, Any]:
    """What an adapter can do."""
    return {
        "name": adapter.provider,
        "title": adapter.title,
        "channel": adapter.channel,
        "schemes": adapter.schemes,
        "optional_credentials": adapter.optional_credentials,
        "body_signed": adapter.body_signed,
        "delivers": adapter.delivers,
        "limits": adapter.limits,
    }


def _connect(source: Source, secrets: SecretBox, default_region: str | None) -> ConnectedSource:
    return ConnectedSource(
        adapter=ADAPTERS[source.provider],
        config=SourceConfig(
            name=source.name,
            credentials=secrets.open(source.sealed_credentials),
            settings=source.settings,
            default_region=source.default_region or default_region,
        ),
        public_url=source.public_url,
    )


def _check(provider: str, credentials: Mapping[str, str], settings: Mapping[str, Any]) -> None:
    """Refuse a source that could never accept, or would accept anybody."""
    adapter = ADAPTERS.get(provider)
    if adapter is None:
        raise Unprocessable(
            "No adapter has this name; GET /v1/providers lists them.",
            code="unknown_provider",
            errors=[FieldError(field="provider", message=f"one of {', '.join(sorted(ADAPTERS))}")],
        )
    scheme = adapter.scheme(SourceConfig(name="", settings=settings))
    if scheme not in adapter.schemes:
        raise Unprocessable(
            "The provider does not have this verification scheme.",
            code="unknown_scheme",
            errors=[FieldError(field="settings.scheme", message=f"one of {', '.join(adapter.schemes)}")],
        )
    needed = adapter.schemes[scheme]
    understood = {*needed, *adapter.optional_credentials}
    errors = [
        FieldError(field=f"credentials.{name}", message=f"scheme {scheme} knows {', '.join(sorted(understood))}")
        for name in sorted(set(credentials) - understood)
    ]
    if needed and not adapter.credentials_later and not any(credentials.get(name) for name in understood):
        errors += [FieldError(field=f"credentials.{name}", message=f"scheme {scheme} needs it") for name in needed]
    if not _SEGMENT.fullmatch(credentials.get("path_token", "-")):
        errors.append(FieldError(field="credentials.path_token", message="one part of a path, without a slash"))
    if errors:
        raise Unprocessable("The credentials do not fit the provider.", code="bad_credentials", errors=errors)
