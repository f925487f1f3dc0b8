"""Cross-origin posts from browsers (WHATWG "Fetch", "CORS protocol")."""

from collections.abc import Sequence
from dataclasses import replace

from app.channels.base import Answer, WebhookRequest

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
    "Access-Control-Max-Age": "86400",
}


def preflight(request: WebhookRequest, origins: Sequence[str]) -> Answer:
    return allow(Answer(204, headers=_PREFLIGHT), request, origins)


def allow(answer: Answer, request: WebhookRequest, origins: Sequence[str]) -> Answer:
    """The answer, readable for the page that asked if its origin is one of these; `*` is every origin."""
    if "*" in origins:
        return replace(answer, headers={**answer.headers, "Access-Control-Allow-Origin": "*"})
    headers = {**answer.headers, "Vary": "Origin"}
    if (origin := request.headers.get("origin", "")) in origins:
        headers["Access-Control-Allow-Origin"] = origin
    return replace(answer, headers=headers)
