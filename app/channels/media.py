"""Files that a provider keeps until somebody asks for them."""

from collections.abc import Callable, Mapping
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
    return response.into(attachment)


def authorization(scheme: str, secret: str | None) -> Mapping[str, str]:
    """Nothing without a secret: many accounts leave their files open to whoever has the URL."""
    return {"Authorization": f"{scheme} {secret}"} if secret else {}
