"""Files that a provider keeps until somebody asks for them."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from app.channels.base import Fetching, FetchRequest
from app.messages import Attachment


def fetch(
    attachment: Attachment,
    headers: Mapping[str, str] | None = None,
    *,
    headers_at: Callable[[datetime], Mapping[str, str]] | None = None,
) -> Fetching[Attachment]:
    """The attachment with its content, asked for with these headers."""
    response = yield FetchRequest(attachment.url or "", headers=headers or {}, headers_at=headers_at)
    content_type = response.headers.get("content-type", attachment.content_type)
    return replace(attachment, content=response.body, size=len(response.body), content_type=content_type)


def authorization(scheme: str, secret: str | None) -> Mapping[str, str]:
    """None without a secret: many accounts leave their files open to whoever has the URL."""
    return {"Authorization": f"{scheme} {secret}"} if secret else {}


def basic(username: str, password: str) -> str:
    """RFC 7617."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()
