"""What a provider adapter is: a pure translation of one provider's requests.

An adapter sees bytes and gives messages. It holds no state, reads no clock (`received_at` is handed in), opens no
connection and raises on bytes it cannot read. `verify` always runs before `parse`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from app.messages import Channel, Inbound


class Refused(Exception):
    """The request does not prove that it comes from the provider. Any other exception in `verify` means the same."""


class Unreadable(ValueError):
    """A verified request the adapter cannot translate; it is quarantined. Any other exception in `parse` means the
    same."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A provider's request as it arrived: nothing decoded, nothing parsed."""

    method: str
    url: str
    """The URL the provider called and signed, with its query exactly as sent."""
    segments: tuple[str, ...]
    """Path segments behind the source's name: a path secret, `mime`, `status`…"""
    query: bytes
    headers: Mapping[str, str]
    """Names in lower case; of a repeated header the last value."""
    body: bytes = field(repr=False)
    received_at: datetime
    """Aware UTC; the clock every tolerance is measured against."""


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """A configured provider account, as an adapter needs it."""

    name: str
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    default_region: str | None = None
    """ISO 3166 alpha-2 region of national phone numbers."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer in the form the provider expects."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Nonce:
    """What a provider's signature covers when it leaves the body out.

    The first request that bears a `value` fixes the `digest` of its content; the same value with another digest is a
    forgery made from a captured signature.
    """

    value: str
    digest: bytes


class Adapter(ABC):
    """One provider. Class attributes describe it; `GET /v1/providers` shows them."""

    provider: ClassVar[str]
    title: ClassVar[str]
    channel: ClassVar[Channel]
    schemes: ClassVar[Mapping[str, tuple[str, ...]]]
    """Verification schemes, the default first, each with the credential names it needs. `settings.scheme` picks one;
    `none` needs nothing and must be picked by name."""
    optional_credentials: ClassVar[tuple[str, ...]] = ()
    body_signed: ClassVar[bool] = False
    """Whether a valid signature proves the body."""
    delivers: ClassVar[tuple[str, ...]] = ("messages",)
    limits: ClassVar[tuple[str, ...]] = ()
    """What the provider or this adapter cannot do, in words for whoever connects it."""
    answer: ClassVar[Answer] = Answer()
    """For everything verified: filed, known already, ignored or quarantined."""
    unreadable: ClassVar[Answer | None] = None
    """Where the sender can mend an unreadable request and should be told; None: the same as `answer`."""

    def scheme(self, source: SourceConfig) -> str:
        """The scheme this source verifies with."""
        return str(source.settings.get("scheme") or next(iter(self.schemes)))

    def handshake(self, request: WebhookRequest, source: SourceConfig) -> Answer | None:
        """The answer to a request that carries no message (subscription check, preflight), else None."""
        return None

    @abstractmethod
    def verify(self, request: WebhookRequest, source: SourceConfig) -> None:
        """Raise `Refused` unless the request proves to come from the provider. Compare in constant time."""

    def nonce(self, request: WebhookRequest, source: SourceConfig) -> Nonce | None:
        """What to remember where the signature does not cover the body, else None."""
        return None

    @abstractmethod
    def parse(self, request: WebhookRequest, source: SourceConfig) -> Sequence[Inbound]:
        """Everything the request carries, in its order. Same bytes, same answer."""

    def respond(self, request: WebhookRequest, source: SourceConfig) -> Answer:
        """`answer`, where it depends on the request."""
        return self.answer

    def complain(self, request: WebhookRequest, source: SourceConfig, error: Exception) -> Answer:
        """`unreadable`, where it depends on the request or on what `parse` found wrong."""
        return self.unreadable or self.respond(request, source)
