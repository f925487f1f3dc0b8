"""What the API takes and shows of sources, providers, inbound requests and touches told by other systems."""

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.core.pagination import PageQuery
from app.core.shapes import Moment, Shallow, UtcTime
from app.ingest.models import InboundRequestStatus
from app.messages import Channel, Direction, IdentifierKind, InteractionKind, InteractionStatus
from app.text.fields import Address, JsonObject, Region, ShortText, Text

_SOURCE: dict[str, Any] = {
    "name": "tehran-sms",
    "provider": "kavenegar",
    "credentials": {"path_token": "a long random word"},
    "default_region": "IR",
}
_CALL: dict[str, Any] = {
    "channel": "voice",
    "direction": "inbound",
    "occurred_at": "2026-11-22T09:30:00+03:30",
    "external_id": "pbx-20261122-0017",
    "subject": "سفارش ۱۲۳۴۵",
    "text": "می‌پرسد سفارشش کی می‌رسد.",
    "from": {"kind": "phone", "value": "۰۹۱۲ ۱۲۳ ۴۵۶۷", "region": "IR", "name": "مریم رضایی"},
    "agent": "n.ahmadi",
    "duration_s": 184,
}


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an address such as https://hooks.example.org/v1/ingest/tehran-sms")
    return url


WebAddress = Annotated[Text, StringConstraints(strip_whitespace=True, max_length=8000), AfterValidator(_web_address)]


class SourcePatch(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"credentials": {"auth_token": "newer"}}})

    credentials: dict[str, Text | None] | None = Field(default=None, description="Write-only; null removes one.")
    default_region: Region | None = Field(default=None, description="Whose national phone numbers the provider writes.")
    public_url: WebAddress | None = Field(
        default=None, description="The URL the provider calls and signs, where a proxy hides it from the service."
    )
    settings: Annotated[JsonObject, Shallow] | None = None


class SourceCreate(SourcePatch):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _SOURCE})

    name: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,62}$", description="The source's place in its webhook URL.")
    provider: ShortText = Field(description="One of `GET /v1/providers`.")
    credentials: dict[str, Text] = {}  # type: ignore[assignment]
    settings: Annotated[JsonObject, Shallow] = {}


class SourceRead(BaseModel):
    id: UUID
    name: str
    provider: str
    default_region: str | None
    public_url: str | None
    settings: dict[str, Any]
    credential_names: list[str] = Field(description="Which credentials are set; their values are never shown.")
    webhook_url: str = Field(description="What to enter at the provider; put a path secret for {path_token}.")
    version: int
    created_at: UtcTime
    updated_at: UtcTime


class ProviderRead(BaseModel):
    """What an adapter can do."""

    name: str
    title: str
    channel: Channel
    schemes: dict[str, list[str]] = Field(
        description="Verification schemes, the default first, with the credentials each needs; settings.scheme picks."
    )
    optional_credentials: list[str]
    body_signed: bool = Field(description="Whether a valid signature proves the body.")
    delivers: list[str]
    limits: list[str]


class InboundRequestQuery(PageQuery):
    source: ShortText | None = None
    status: InboundRequestStatus | None = None


class InboundRequestRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    source: str
    provider: str
    status: InboundRequestStatus
    reason: str | None
    method: str
    path: str = Field(description="Behind the source's name; secrets are blanked.")
    received_at: Annotated[UtcTime, Field(validation_alias="created_at")]
    updated_at: UtcTime


class InboundRequestFull(InboundRequestRead):
    headers: dict[str, str] = Field(description="Without those that hold secrets.")
    query: str
    body: str = Field(description="The body as text where it is UTF-8, else in base64.")
    body_encoding: Literal["utf-8", "base64"]


class PartyWrite(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: IdentifierKind
    value: Address = Field(min_length=1)
    name: ShortText | None = None
    region: Region | None = Field(default=None, description="Whose national numbers are meant; else the service's own.")


class InteractionCreate(BaseModel):
    """One touch. Without `customer_id` the customer's end (`from` inbound, `to` outbound) tells whose file it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _CALL})

    channel: Channel
    direction: Direction = Direction.inbound
    kind: InteractionKind | None = Field(default=None, description="Unless given, the channel tells.")
    status: InteractionStatus | None = Field(default=None, description="Unless given, `received` or `sent`.")
    occurred_at: Moment | None = Field(default=None, description="Unless given, now.")
    source: ShortText = Field(default="api", min_length=1, max_length=100, description="The system that tells it.")
    external_id: ShortText | None = Field(
        default=None, min_length=1, description="Its id there: told again with the same `source`, it is recorded once."
    )
    subject: Text | None = Field(default=None, max_length=2000)
    text: Text = Field(default="", max_length=1_000_000)
    from_: PartyWrite | None = Field(default=None, alias="from")
    to: PartyWrite | None = None
    customer_id: UUID | None = None
    agent: ShortText | None = None
    duration_s: int | None = Field(default=None, ge=0, le=2_147_483_647)
    location: ShortText | None = Field(default=None, description="Where: a branch, an address.")
    attributes: Annotated[JsonObject, Shallow] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _somebodys(self) -> Self:
        if self.customer_id is None and self.party is None:
            end = "from" if self.direction is Direction.inbound else "to"
            raise ValueError(f"without customer_id, `{end}` must say who the customer is")
        return self

    @property
    def party(self) -> PartyWrite | None:
        """The customer's end."""
        return self.from_ if self.direction is Direction.inbound else self.to

    @property
    def us(self) -> PartyWrite | None:
        """Our end."""
        return self.to if self.direction is Direction.inbound else self.from_
