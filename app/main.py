"""The service: `create_app` puts the rooms together."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.datastructures import Headers

from app import jobs
from app.api import BUSIEST, include
from app.auth import KeyRing
from app.changes.feed import Feed
from app.config import Settings, get_settings
from app.core import errors, health, logging
from app.core.audit import AuditLog
from app.core.db import Database
from app.core.idempotency import FORGET, HEADER, IdempotencyMiddleware
from app.core.jobs import FORGET_LOG, work
from app.core.middleware import RequestMiddleware
from app.core.secrets import SecretBox, secret_key
from app.core.shortcut import Shortcut
from app.core.shutdown import when_asked_to_stop
from app.customers.addresses import IdentifierPolicy
from app.customers.policies import PolicyBook
from app.imports.service import Desk
from app.ingest.queries import FORGET_NONCES
from app.ingest.service import Intake
from app.rights import retention

logger = structlog.get_logger()

_INGEST = "/v1/ingest/"
_IMPORTS = "/v1/imports"
_BATCHES = {"/v1/interactions/batch", "/v1/feedback/batch"}
_PAGES = "/s/"
_PAGE_BYTES = 256 * 1024
"""The longest texts a survey takes, in four-byte letters, percent-encoded."""
_TIDY_EVERY_S = 3600

_DESCRIPTION = """
Every message, one customer file. Whatever channel a customer uses, what they write, say or ask for lands in the same
file, so that whoever answers next sees at once who this is and what they want.

Start here: connect a provider with `POST /v1/sources`, let it call `webhook_url`, then look a person up by any of their
addresses with `GET /v1/lookup`. Every route but the webhooks asks for `Authorization: Bearer <key>`.

Errors are `application/problem+json` (RFC 9457); `code` is for programs. Lists come newest first with an opaque
`next_cursor`; only `GET /v1/changes` begins with the oldest. Send `Idempotency-Key` with a POST to make repeating it
safe, `If-Match: "<version>"` with a PATCH not to overwrite what you have not seen.
"""


def from_environment() -> FastAPI:
    """The service as `ONEFILE_…` configures it; for uvicorn's workers."""
    settings = get_settings()
    if settings.database_url is None:
        raise SystemExit("Set ONEFILE_DATABASE_URL, or start with `onefile serve`, which brings a server along.")
    return create_app(settings, settings.database_url.get_secret_value(), secret_key(settings, embedded=False))


def create_app(settings: Settings, database_url: str, key: str) -> FastAPI:
    """`key` encrypts credentials."""
    logging.configure(settings.log_level)
    app = FastAPI(
        title="Onefile",
        version="1",
        description=_DESCRIPTION,
        lifespan=_lifespan,
        redirect_slashes=False,
        openapi_tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
        telemetry={"tracing": False, "metrics": False, "logs": False},  # asked for anew with every request
    )
    furnish(app, settings, Database(database_url, settings), SecretBox(key))
    errors.install(app)
    include(app)
    app.include_router(health.router)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    _surround(app, settings)
    return app


def furnish(app: FastAPI, settings: Settings, database: Database, secrets: SecretBox) -> None:
    """Give the routes what they ask for through `app.state`."""
    admin_key = settings.admin_key.get_secret_value() if settings.admin_key else None
    app.state.settings = settings
    app.state.database = database
    app.state.secrets = secrets
    policies = PolicyBook(database, settings.blocked_identifiers)
    app.state.policy = IdentifierPolicy(settings.default_region, policies, secrets.digests)
    app.state.keys = KeyRing(database, admin_key)
    app.state.audit = AuditLog(database)
    app.state.intake = Intake.prepare(settings, database, secrets, policies)
    app.state.feed = Feed(database, timedelta(days=settings.retention_changes_days))
    app.state.desk = Desk(database, app.state.intake.storage, app.state.policy)


def _surround(app: FastAPI, settings: Settings) -> None:
    """Middleware, the innermost first."""

    async def caller(headers: Headers) -> str | None:
        keys: KeyRing = app.state.keys
        principal = await keys.principal(headers)
        return principal.id if principal else None

    def body_limit(path: str) -> int:
        if path.startswith(_INGEST):
            return settings.max_ingest_bytes
        if path == _IMPORTS:
            return settings.max_import_bytes
        if path.startswith(_PAGES):
            return _PAGE_BYTES
        return settings.max_batch_bytes if path in _BATCHES else settings.max_body_bytes

    app.add_middleware(Shortcut, routes=BUSIEST)
    app.add_middleware(
        IdempotencyMiddleware,
        database=lambda: app.state.database,
        secrets=lambda: app.state.secrets,
        caller=caller,
        applies=lambda path: not path.startswith(_INGEST),
    )
    app.add_middleware(RequestMiddleware, body_limit=body_limit, audit_log=lambda: app.state.audit)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    database: Database = app.state.database
    await database.open()
    tasks = [
        asyncio.create_task(_tidy(database, app.state.settings, app.state.feed)),
        asyncio.create_task(app.state.audit.run()),
    ]
    if app.state.settings.work_in_server:
        tasks.append(asyncio.create_task(work(database, jobs.handlers(app.state.intake, app.state.desk))))
    # What start-up built lives as long as the process: the collector need not walk it again and again (p99).
    gc.collect()
    gc.freeze()
    logger.info("service.started")
    with when_asked_to_stop(app.state.feed.close):
        yield
    app.state.feed.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await app.state.audit.flush()
    await app.state.intake.fetcher.close()
    await database.close()


async def _tidy(database: Database, settings: Settings, feed: Feed) -> None:
    """Forget what has served its time: kept answers after a day, jobs done after a week, signatures after a month,
    the rest as the settings say."""
    while True:
        await asyncio.sleep(_TIDY_EVERY_S)
        try:
            async with database.hot() as connection:
                for statement in (FORGET, FORGET_NONCES, FORGET_LOG):
                    await connection.execute(statement)
            await feed.forget()
            await retention.enforce(database, settings)
        except errors.DATABASE_ERRORS as error:
            logger.warning("service.tidying.failed", error=type(error).__name__)


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        schema["components"]["schemas"]["Problem"] = errors.Problem.model_json_schema()
        _declare_idempotency_key(schema)
        app.openapi_schema = schema
    return app.openapi_schema


def _declare_idempotency_key(schema: dict[str, Any]) -> None:
    """No route takes it: `IdempotencyMiddleware` does, for all of them."""
    schema["components"].setdefault("parameters", {})["IdempotencyKey"] = HEADER
    for path, methods in schema["paths"].items():
        if "post" in methods and not path.startswith(_INGEST):
            methods["post"].setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})


_TAGS = {
    "Customers": "Who they are, the addresses they use, and the whole file in one call.",
    "Interactions": "The timeline: every touch, in or out, on any channel.",
    "Identity": "Why something is in a file, and mending it.",
    "Feedback": "What customers think of the service, and winning back whom it let down.",
    "Surveys": "Asking customers: what, whom, and the link to the page on which they answer.",
    "Changes": "What happened, in order, for whoever keeps something of it elsewhere.",
    "Imports": "Files of customers, and what became of each row.",
    "Ingest": "Where providers deliver, and what they delivered.",
    "Sources": "Configured provider accounts.",
    "Rights": "What is known of a person, who saw it, and how long it is kept.",
    "API keys": "Who may call.",
    "Health": "For orchestrators and monitoring; no key.",
}
