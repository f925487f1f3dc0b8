"""What the API takes and shows of customers and their identifiers."""

from functools import lru_cache
from typing import Annotated, Any, Self
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from starlette.datastructures import QueryParams

from app.core.errors import BadRequest, FieldError, Unprocessable
from app.core.pagination import PageQuery
from app.core.shapes import Shallow, UtcTime
from app.customers.models import CustomerKind, CustomerStatus
from app.messages import Confidence, IdentifierKind
from app.text.cleaning import clean
from app.text.fields import Address, JsonObject, Region, ShortText, Typed

_PERSON: dict[str, Any] = {
    "display_name": "علی رضایی",
    "language": "fa",
    "time_zone": "Asia/Tehran",
    "identifiers": [
        {"kind": "phone", "value": "۰۹۱۲ ۱۲۳ ۴۵۶۷", "region": "IR", "label": "mobile"},
        {"kind": "external", "value": "erp:10023"},
    ],
}

_LONGEST = 500
_zones = lru_cache(available_timezones)


def _known_zone(name: str) -> str:
    if name not in _zones() or name in {"Factory", "localtime"}:
        raise ValueError("not a time zone of the IANA database, such as Asia/Tehran")
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]


class IdentifierCreate(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"kind": "email", "value": "ali@example.ir", "label": "work"}}
    )

    kind: IdentifierKind
    value: Address = Field(
        min_length=1, description="As people write it; Persian digits and national numbers are understood."
    )
    region: Region | None = Field(default=None, description="Whose national numbers are meant; else the service's own.")
    label: ShortText | None = None
    confidence: Confidence = Confidence.stated
    shared: bool = Field(default=False, description="Several people use it, so it identifies nobody alone.")


class IdentifierPatch(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"label": "home", "opted_out": True}})

    label: ShortText | None = None
    confidence: Confidence = Confidence.stated
    shared: bool = False
    opted_out: bool = Field(default=False, description="True: nothing may be sent there any more.")


class IdentifierRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: IdentifierKind
    value: str
    raw: str | None
    label: str | None
    confidence: Confidence
    shared: bool
    opted_out_at: UtcTime | None
    undeliverable_at: UtcTime | None = Field(description="Since when nothing arrives there.")
    first_seen_at: UtcTime
    last_seen_at: UtcTime


class CustomerPatch(BaseModel):
    """JSON merge patch (RFC 7396): what is absent stays, null empties; `attributes` and `preferences` merge by key."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"given_name": "علی", "family_name": "رضایی"}}
    )

    kind: CustomerKind = CustomerKind.person
    status: CustomerStatus = Field(
        default=CustomerStatus.active,
        description="`active` or `provisional`; any change makes a provisional file active unless this says otherwise.",
    )
    display_name: ShortText | None = None
    given_name: ShortText | None = None
    family_name: ShortText | None = None
    language: Language | None = Field(default=None, examples=["fa"])
    time_zone: TimeZone | None = Field(default=None, examples=["Asia/Tehran"])
    organization_id: UUID | None = None
    attributes: Annotated[JsonObject, Shallow] | None = {}
    preferences: Annotated[JsonObject, Shallow] | None = {}

    @model_validator(mode="after")
    def _settable_status(self) -> Self:
        if self.status is CustomerStatus.anonymized:
            raise ValueError("a customer becomes anonymized by DELETE")
        return self


class CustomerCreate(CustomerPatch):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _PERSON})

    identifiers: list[IdentifierCreate] = Field(default=[], max_length=100)


class CustomerRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: CustomerKind
    status: CustomerStatus
    display_name: str | None
    given_name: str | None
    family_name: str | None
    language: str | None
    time_zone: str | None
    organization_id: UUID | None
    attributes: dict[str, Any]
    preferences: dict[str, Any]
    version: int
    merged_ids: list[UUID] = []
    identifiers: list[IdentifierRead]
    first_contact_at: UtcTime | None
    last_contact_at: UtcTime | None
    created_at: UtcTime
    updated_at: UtcTime


class CustomerQuery(PageQuery):
    q: Typed | None = Field(
        default=None,
        description="Words, each the beginning of a name, a part of an identifier (the first or last digits of a phone "
        "number, an e-mail address or its domain) or of the organisation's name; all of them must be found. A page may "
        "have fewer items than `limit` and lead on.",
        examples=["علی 4567"],
    )
    identifier: Address | None = Field(
        default=None,
        description="As people write it, of any kind or as `kind:value`: `0912…`, `email:ali@example.ir`.",
    )
    status: CustomerStatus | None = None
    kind: CustomerKind | None = None


class LookupQuery(BaseModel):
    """Exactly one identifier; a `+` that arrived as a space is understood."""

    model_config = ConfigDict(extra="forbid")

    phone: Address | None = Field(default=None, examples=["+989121234567"])
    email: Address | None = None
    whatsapp: Address | None = None
    telegram: Address | None = None
    fax: Address | None = None
    external: Address | None = Field(default=None, description="`system:id`, e.g. `erp:10023`.")

    @classmethod
    def read(cls, given: QueryParams) -> tuple[IdentifierKind, str]:
        """The identifier that is named, as it was written."""
        names = [name for name, _ in given.multi_items()]
        if unknown := sorted(set(names) - cls.model_fields.keys()):
            errors = [FieldError(field=f"query.{name}", message="not known here") for name in unknown]
            raise BadRequest("This route does not know these parameters.", code="unknown_parameter", errors=errors)
        if len(names) != 1 or len(given[names[0]]) > _LONGEST:
            known = ", ".join(cls.model_fields)
            errors = [FieldError(field="query", message=f"exactly one of {known}, at most {_LONGEST} characters")]
            raise Unprocessable("Name exactly one identifier.", code="validation_failed", errors=errors)
        return IdentifierKind(names[0]), clean(given[names[0]])

    @classmethod
    def parameters(cls) -> list[dict[str, Any]]:
        """The same for OpenAPI."""
        return [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in cls.model_json_schema()["properties"].items()
        ]
