"""What surrounds every request: its id, the size limit, one log line, metrics, and the last resort for errors."""

import re
import time
from collections.abc import Callable
from functools import lru_cache

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import audit, metrics
from app.core.audit import AuditLog
from app.core.errors import problem, render
from app.core.ids import uuid7
from app.core.logging import bind_request_id

logger = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_SLOW_S = 1.0
_TOO_LARGE = "The body is larger than the {} bytes this route takes."


class RequestMiddleware:
    """Pure ASGI, outermost: Starlette's `BaseHTTPMiddleware` would cost 150 µs a request."""

    def __init__(self, app: ASGIApp, *, body_limit: Callable[[str], int], audit_log: Callable[[], AuditLog]) -> None:
        """`body_limit`: path → bytes."""
        self.app = app
        self.audit_log = audit_log
        self.body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid7())
        bind_request_id(request_id)
        trail = audit.begin()
        status = 499  # the client left before an answer

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            limit = self.body_limit(scope["path"])
            announced = headers.get("content-length", "")
            if announced.isdecimal() and int(announced) > limit:
                refusal = problem(413, "payload_too_large", _TOO_LARGE.format(limit), headers={"Connection": "close"})
                await refusal(scope, receive, send_with_id)
            else:
                await self.app(scope, _limited(receive, limit), send_with_id)
        except ClientDisconnect:
            pass
        except Exception as error:
            response = render(error)
            if status == 499:
                await response(scope, receive, send_with_id)
        finally:
            # The route's template, not the path: a path may hold a provider's secret.
            route = getattr(scope.get("route"), "path", "unmatched")
            _account(scope["method"], route, status, time.perf_counter() - started)
            if status < 400:
                self.audit_log().note(trail, scope["method"], route, scope.get("path_params", {}), request_id)


def _limited(receive: Receive, limit: int) -> Receive:
    """The size limit where no Content-Length announces the size."""
    received = 0

    async def receive_counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413, _TOO_LARGE.format(limit))
        return message

    return receive_counted


@lru_cache(maxsize=1024)
def _meters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return metrics.REQUESTS.labels(method, route, status), metrics.DURATION.labels(route)


def _account(method: str, route: str, status: int, seconds: float) -> None:
    requests, duration = _meters(method, route, status)
    requests.inc()
    duration.observe(seconds)
    # An ordinary answer is counted; a line for each would cost as much as the look-up itself.
    log = logger.info if status >= 400 or seconds >= _SLOW_S else logger.debug
    log("request.answered", method=method, route=route, status=status, ms=round(seconds * 1000, 1))
