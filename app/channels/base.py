"""What a provider adapter is: a pure translation of one provider's requests.

An adapter sees bytes and gives messages. It holds no state, reads no clock (`received_at` is handed in), opens no
connection and raises on bytes it cannot read. `verify` always runs before `parse`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from app.messages import Attachment, Channel, Inbound, InboundMessage


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
    resources: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """What `Adapter.resources` asked for, by its URL; an URL that could not be had is missing."""


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


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """A GET request to the provider, for whoever has a connection to send."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers_at: Callable[[datetime], Mapping[str, str]] | None = field(default=None, repr=False)
    """More headers, made of the moment of sending: signatures that hold for minutes (AWS)."""


@dataclass(frozen=True, slots=True)
class FetchResponse:
    """Its answer, successful (2xx): anything else never reaches the adapter."""

    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)

    def into(self, attachment: Attachment) -> Attachment:
        """The attachment with this content."""
        content_type = self.headers.get("content-type", attachment.content_type)
        return replace(attachment, content=self.body, size=len(self.body), content_type=content_type)


Got = TypeVar("Got")
Fetching = Generator[FetchRequest, FetchResponse, Got]
"""A conversation with the provider without a connection: requests are yielded, answers sent in, the result returned."""


class Adapter(ABC):
    """One provider. Class attributes describe it; `GET /v1/providers` shows them."""

    provider: ClassVar[str]
    title: ClassVar[str]
    channel: ClassVar[Channel]
    schemes: ClassVar[Mapping[str, tuple[str, ...]]]
    """Verification schemes, the default first, each with the credential names it needs. `settings.scheme` picks one;
    `none` needs nothing and must be picked by name."""
    optional_credentials: ClassVar[tuple[str, ...]] = ()
    credentials_later: ClassVar[bool] = False
    """The provider tells its secret only after it has called the URL: a source may begin without, and refuses."""
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

    media_hosts: ClassVar[tuple[str, ...]] = ()
    """The only hosts `fetch_media`, `fetch_message`, `resources` and confirmations may ask; `.example.com` means every
    host below it."""

    def resources(self, request: WebhookRequest) -> Sequence[str]:
        """URLs that must be read before `verify` (certificates); the adapter vouches that they are the provider's."""
        return ()

    def fetch_media(self, attachment: Attachment, source: SourceConfig) -> Fetching[Attachment]:
        """The attachment with its content. Nothing is asked or refused before the conversation begins."""
        response = yield FetchRequest(attachment.url or "")
        return response.into(attachment)

    def fetch_message(self, message: InboundMessage, source: SourceConfig) -> Fetching[InboundMessage]:
        """An incomplete message, completed."""
        raise NotImplementedError(f"{self.provider} delivers whole messages")
        yield

    def respond(self, request: WebhookRequest, source: SourceConfig) -> Answer:
        """`answer`, where it depends on the request."""
        return self.answer

    def complain(self, request: WebhookRequest, source: SourceConfig, error: Exception) -> Answer:
        """`unreadable`, where it depends on the request or on what `parse` found wrong."""
        return self.unreadable or self.respond(request, source)
