"""A record checked and made canonical: the same rules, and the same normaliser, as for `POST /v1/customers`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.core.errors import FieldError, field_errors
from app.core.shapes import Moment
from app.customers.models import CustomerStatus
from app.customers.policies import Policies
from app.customers.schemas import CustomerCreate, CustomerRead, IdentifierCreate, IdentifierRead
from app.imports.formats.base import Record, reason
from app.messages import IdentifierKind
from app.text.identifiers import InvalidIdentifier, normalise, withheld

_NAMES = ("display_name", "given_name", "family_name", "language", "time_zone", "organization_id", "kind")
_KINDS = {*IdentifierKind}


@cache
def _ours(shown: type[BaseModel], taken: type[BaseModel]) -> frozenset[str]:
    """What only we can say."""
    return frozenset(shown.model_fields.keys() - taken.model_fields.keys())


class ImportedIdentifier(IdentifierCreate):
    """With what the export tells besides."""

    model_config = ConfigDict(extra="forbid")

    opted_out_at: Moment | None = None
    first_seen_at: Moment | None = None
    last_seen_at: Moment | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_ours(cls, value: Any) -> Any:
        return _without(value, _ours(IdentifierRead, cls))


class ImportedCustomer(CustomerCreate):
    """A customer as the API takes and as the export writes it; what only we can say is passed over."""

    model_config = ConfigDict(extra="forbid")

    id: UUID | None = None
    identifiers: list[ImportedIdentifier] = Field(default=[], max_length=100)  # type: ignore[assignment]
    opted_out: list[str] = Field(default=[], max_length=100)
    """Addresses, `kind:value`, to which nothing may be sent any more; CSV has no better place."""

    @model_validator(mode="before")
    @classmethod
    def _without_ours(cls, value: Any) -> Any:
        return _without(value, _ours(CustomerRead, cls))

    @classmethod
    def read(cls, record: Record) -> Self | None:
        """None: it cannot be read, `record.reasons` says why."""
        body = record.body
        while body is not None:
            try:
                return cls.model_validate(body)
            except ValidationError as error:
                found = error.errors(include_url=False, include_context=False, include_input=False)
                record.reasons += map(_reason, field_errors(found))
                wrong = {str(each["loc"][0]) for each in found if each["loc"]}
                body = _without(body, wrong) if record.lenient and wrong & body.keys() else None
        return None


def _reason(error: FieldError) -> dict[str, str]:
    misplaced = error["field"] in _KINDS
    message = "Addresses stand in `identifiers`, each with `kind` and `value`." if misplaced else error["message"]
    return reason("validation_failed", message, error["field"])


def _without(value: Any, names: Iterable[str]) -> Any:
    return {name: part for name, part in value.items() if name not in names} if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True)
class Address:
    """An identifier, canonical."""

    kind: str
    value: str
    told: ImportedIdentifier
    opted_out_at: datetime | None

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.value


@dataclass(slots=True)
class Person:
    """What a row tells of a customer."""

    line: int
    id: UUID | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    preferences: dict[str, Any] = field(default_factory=dict)
    provisional: bool = False
    addresses: list[Address] = field(default_factory=list)
    reasons: list[dict[str, str]] = field(default_factory=list)
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """How addresses are read."""

    region: str | None
    policies: Policies


def read(record: Record, rules: Rules, at: datetime) -> Person:
    person = Person(record.line, reasons=record.reasons)
    told = ImportedCustomer.read(record)
    if told is None:
        person.rejected = True
        return person
    given = told.model_dump(include={*_NAMES} & told.model_fields_set, exclude_none=True)
    person.fields = {name: value for name, value in given.items() if value != ""}
    person.attributes = _filled(told.attributes or {})
    person.preferences = _filled(told.preferences or {})
    person.provisional = "status" in told.model_fields_set and told.status is CustomerStatus.provisional
    person.id = told.id
    opted_out = {_key(text, rules) for text in told.opted_out}
    for each in told.identifiers:
        _add(person, each, rules, opted_out, at)
    says_something = person.fields.keys() - {"kind"} or person.attributes or person.addresses
    if (told.identifiers and not person.addresses) or not says_something:
        person.rejected = True
        if not person.reasons:
            person.reasons.append(reason("nothing_to_import", "The row names nobody."))
    return person


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def _add(person: Person, told: ImportedIdentifier, rules: Rules, opted_out: set[str], at: datetime) -> None:
    try:
        value = normalise(told.kind, told.value, told.region or rules.region)
    except InvalidIdentifier as error:
        code = "identifier_blocked" if withheld(told.value) else "invalid_identifier"
        person.reasons.append(reason(code, str(error), told.kind))
        return
    if rules.policies.is_blocked(told.kind, value):
        person.reasons.append(reason("identifier_blocked", "This value identifies nobody.", told.kind))
    elif all(known.key != (told.kind, value) for known in person.addresses):
        refused = told.opted_out_at or (at if f"{told.kind}:{value}" in opted_out else None)
        if not told.shared and rules.policies.is_shared(told.kind, value):
            told = told.model_copy(update={"shared": True})
        person.addresses.append(Address(told.kind, value, told, refused))


def _key(text: str, rules: Rules) -> str:
    kind, _, raw = text.partition(":")
    try:
        return f"{kind}:{normalise(kind, raw, rules.region)}"
    except InvalidIdentifier:
        return ""
