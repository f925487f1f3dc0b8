"""`Idempotency-Key`: a POST repeated with the same key and body is done once and answered alike for 24 hours.

Only successes are kept. A refused or failed request changed nothing, so its repetition is simply tried again. If the
process dies between a change and the keeping of its answer, the key is free again after a minute. An answer that says
`Cache-Control: no-store` holds a secret: it is kept encrypted.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import structlog
from sqlalchemy import Column, LargeBinary, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.db import Database, now, time_field
from app.core.errors import DATABASE_ERRORS, AppError, BadRequest, Conflict, Unprocessable, problem_of
from app.core.secrets import SecretBox

logger = structlog.get_logger()

_CLAIM = """
    INSERT INTO idempotency_key AS known (caller, key, digest, created_at) VALUES ($1, $2, $3, now())
    ON CONFLICT (caller, key) DO UPDATE
        SET digest = excluded.digest, created_at = excluded.created_at, status = NULL, headers = NULL, body = NULL
        WHERE known.created_at < now() - interval '24 hours'
           OR (known.status IS NULL AND known.digest = excluded.digest
               AND known.created_at < now() - interval '1 minute')
    RETURNING true"""
_RECALL = "SELECT digest, status, headers::text, body FROM idempotency_key WHERE caller = $1 AND key = $2"
_KEEP = "UPDATE idempotency_key SET status = $3, headers = $4, body = $5 WHERE caller = $1 AND key = $2"
_RELEASE = "DELETE FROM idempotency_key WHERE caller = $1 AND key = $2"
FORGET = "DELETE FROM idempotency_key WHERE created_at < now() - interval '24 hours'"
HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes repeating the request safe: for 24 hours the same key with the same body is answered as the "
    "first time, with `Idempotent-Replayed: true`, and done once. With another body it is refused.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]+$"},
    "example": "order-4711-thanks",
}
"""As OpenAPI tells of it."""


class IdempotencyKey(SQLModel, table=True):
    __tablename__ = "idempotency_key"

    caller: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: bytes
    created_at: datetime = time_field(default_factory=now, index=True)
    status: int | None = Field(default=None, sa_column=Column(SmallInteger))
    headers: dict[str, str] | None = Field(default=None, sa_column=Column(JSONB))
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class IdempotencyMiddleware:
    """Pure ASGI; requests without the header pass untouched."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        database: Callable[[], Database],
        secrets: Callable[[], SecretBox],
        caller: Callable[[Headers], Awaitable[str | None]],
        applies: Callable[[str], bool],
    ) -> None:
        """`caller`: who asks, None if nobody we know; `applies`: path → whether this middleware serves it."""
        self.app = app
        self.database = database
        self.secrets = secrets
        self.caller = caller
        self.applies = applies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not self.applies(scope["path"]):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = headers.get("idempotency-key")
        caller = await self.caller(headers) if key is not None else None
        if key is None or caller is None:
            await self.app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        digest = sha256(scope["path"].encode() + b"?" + scope["query_string"] + b"\n" + body).digest()
        try:
            answer = await self._claim(caller, key, digest)
        except AppError as error:
            answer = problem_of(error)
        if answer is None:
            answer = await self._perform(scope, body, caller, key)
        await answer(scope, receive, send)

    async def _claim(self, caller: str, key: str, digest: bytes) -> Response | None:
        """The answer kept under this key, or None when the request is ours to perform."""
        if not 1 <= len(key) <= 255 or not key.isprintable():
            raise BadRequest("An Idempotency-Key has 1 to 255 printable characters.", code="bad_idempotency_key")
        async with self.database().hot() as connection:
            if await connection.fetchval(_CLAIM, caller, key, digest):
                return None
            known = await connection.fetchrow(_RECALL, caller, key)
        if known is None or (known["digest"] == digest and known["status"] is None):
            raise Conflict("A request with this Idempotency-Key is still in flight.", code="idempotency_in_flight")
        if known["digest"] != digest:
            raise Unprocessable("This Idempotency-Key was used with another request.", code="idempotency_key_reused")
        headers = json.loads(known["headers"])
        body = self.secrets().open_bytes(known["body"]) if _is_secret(headers) else known["body"]
        return Response(body, known["status"], headers | {"Idempotent-Replayed": "true"})

    async def _perform(self, scope: Scope, body: bytes, caller: str, key: str) -> Response:
        """Run the request, hold its answer back until it is kept."""
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])
        start: dict[str, Any] = {}
        chunks: list[bytes] = []

        async def receive() -> Message:
            return next(messages, {"type": "http.disconnect"})

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                chunks.append(message.get("body", b""))

        try:
            await self.app(scope, receive, collect)
        except BaseException:
            await self._settle(_RELEASE, caller, key)
            raise
        answer = Response(b"".join(chunks), start["status"])
        answer.raw_headers = start["headers"]
        if 200 <= answer.status_code < 300:
            kept = {name: value for name, value in answer.headers.items() if name != "content-length"}
            kept_body = self.secrets().seal_bytes(bytes(answer.body)) if _is_secret(kept) else answer.body
            await self._settle(_KEEP, caller, key, answer.status_code, json.dumps(kept), kept_body)
        else:
            await self._settle(_RELEASE, caller, key)
        return answer

    async def _settle(self, statement: str, *arguments: Any) -> None:
        """The change is made and must be answered, even if its answer cannot be kept."""
        try:
            async with self.database().hot() as connection:
                await connection.execute(statement, *arguments)
        except DATABASE_ERRORS as error:
            logger.warning("idempotency.answer.not_kept", error=type(error).__name__)


def _is_secret(headers: Mapping[str, str]) -> bool:
    return "no-store" in headers.get("cache-control", "")
