"""Errors that carry their HTTP status, rendered once as RFC 9457 `application/problem+json`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, TypedDict

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.core.logging import request_id

logger = structlog.get_logger()

PROBLEM = "application/problem+json"


class FieldError(TypedDict):
    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details. `code` is for programs, `detail` for people."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[dict[str, str]] | None = Field(default=None, examples=[[{"field": "phone", "message": "no number"}]])


class AppError(Exception):
    """A refusal with a status, a code for programs and a sentence for people."""

    status: ClassVar[int] = 500
    code: str = "internal_error"
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self, detail: str, *, code: str | None = None, errors: Sequence[FieldError] = (), **extra: Any
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.errors = errors
        self.extra = extra


class BadRequest(AppError):
    status = 400
    code = "bad_request"


class Unauthorized(AppError):
    status = 401
    code = "unauthorized"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class Forbidden(AppError):
    status = 403
    code = "forbidden"


class NotFound(AppError):
    status = 404
    code = "not_found"


class Conflict(AppError):
    status = 409
    code = "conflict"


class Gone(AppError):
    status = 410
    code = "gone"


class PreconditionFailed(AppError):
    status = 412
    code = "version_mismatch"


class PayloadTooLarge(AppError):
    status = 413
    code = "payload_too_large"


class Unprocessable(AppError):
    status = 422
    code = "unprocessable"


class Unavailable(AppError):
    status = 503
    code = "unavailable"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "2"}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> Response:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id(),
    }
    told = {"errors": errors} if errors else {}
    text = json.dumps({**body, **told, **extra}, ensure_ascii=False)
    return Response(text.encode("utf-8", "replace"), status, headers, PROBLEM)


def with_request_id(body: bytes) -> bytes:
    """Problem details from where there is no request (an adapter), completed."""
    return json.dumps({**json.loads(body), "request_id": request_id()}, ensure_ascii=False).encode("utf-8", "replace")


def problem_of(error: AppError) -> Response:
    return problem(error.status, error.code, error.detail, errors=error.errors, headers=error.headers, **error.extra)


_NOT_READ = "There was an error parsing the body"
"""FastAPI's words for bytes that are no text, or a number of more digits than Python reads."""
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}


def render(error: Exception) -> Response:
    """Any error as problem details, from wherever it comes: a route, a dependency, middleware."""
    if isinstance(error, AppError):
        return problem_of(error)
    if isinstance(error, HTTPException):
        if error.detail == _NOT_READ:
            return _malformed_json()
        code = _CODES.get(error.status_code, "bad_request")
        return problem(error.status_code, code, str(error.detail), headers=error.headers)
    if isinstance(error, RequestValidationError):
        return _render_validation_error(error.errors())
    if is_unavailable(error):
        logger.warning("database.unavailable", error=type(error).__name__)
        return problem_of(Unavailable("The database does not answer at the moment; try again shortly."))
    return _render_unexpected(error)


async def _handle(request: Request, error: Exception) -> Response:
    return render(error)


def _render_validation_error(found: Sequence[Any]) -> Response:
    errors = field_errors(found)
    if any(each["type"] == "json_invalid" for each in found):
        return _malformed_json(errors)
    if all(each["type"] == "extra_forbidden" and each["loc"][0] == "query" for each in found):
        return problem(400, "unknown_parameter", "This route does not know these parameters.", errors=errors)
    return problem(422, "validation_failed", "Some fields are missing or malformed.", errors=errors)


def _malformed_json(errors: Sequence[FieldError] = ()) -> Response:
    return problem(400, "malformed_json", "The body is not valid JSON.", errors=errors)


def field_errors(found: Iterable[Any]) -> list[FieldError]:
    """Pydantic's error details without the input they found: it may be what a customer wrote."""
    return [FieldError(field=_path(each["loc"]), message=each["msg"]) for each in found]


def _path(location: Sequence[str | int]) -> str:
    """`("body", "from", "value")` → `from.value`; parameters keep where they stand: `query.limit`."""
    parts = location[1:] if location[:1] == ("body",) and len(location) > 1 else location
    if location[:1] == ("query",):  # behind a parameter's name stand places in a list, and pydantic's names of types
        parts = [*location[:2], *(part for part in location[2:] if isinstance(part, int))]
    return ".".join(str(part) for part in parts)


def _render_unexpected(error: Exception) -> Response:
    # Neither the error's text nor a traceback with values: both may hold what a customer wrote.
    frames = _frames(error)
    logger.error("request.failed", error=type(error).__name__, frames=frames)
    return problem(500, "internal_error", "The service failed; the request id finds the reason in its log.")


def _frames(error: BaseException) -> list[str]:
    frames = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        frames.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return frames[-8:]


_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server has said goodbye to this connection, its end has not arrived yet
    PoolTimeoutError,
    OSError,
    TimeoutError,
)


def is_unavailable(error: BaseException) -> bool:
    """Whether trying again later may help: the connection broke, the server restarts, a time limit was reached."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return error.connection_invalidated or isinstance(error, InterfaceError) or isinstance(cause, _AWAY)
    # asyncpg's InterfaceError is a lost connection; as a ValueError too it is an argument it cannot send: our mistake.
    return isinstance(error, _AWAY) and not isinstance(error, ValueError)


DATABASE_ERRORS = (
    DBAPIError,
    PoolTimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


def install(app: FastAPI) -> None:
    for kind in (AppError, HTTPException, RequestValidationError, *DATABASE_ERRORS):
        app.add_exception_handler(kind, _handle)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route or router: these statuses answer with problem details."""
    schema = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": schema} for status in statuses}
