"""What a chunk of rows means for the customer files: whom each row is about, and what it changes there.

Nothing is written here, and nothing read: whoever calls has looked up the owners and holds their locks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.ids import uuid7
from app.customers.models import CustomerStatus
from app.customers.policies import DEFAULTS, Held, Policies
from app.identity.findings import suggestion
from app.imports.formats.base import reason
from app.imports.models import RowResult
from app.imports.reading import Address, Person
from app.messages import IdentifierKind

_NAMED = ("display_name", "given_name", "family_name", "language", "time_zone", "organization_id")
_BY_KEY = ("attributes", "preferences")


@dataclass(slots=True)
class Subject:
    """A customer as this chunk finds or makes it."""

    id: UUID
    values: dict[str, Any]
    """The columns an import may fill, `status` among them."""
    held: set[tuple[str, str]]
    """Its live addresses."""
    owned: set[tuple[str, str]] = field(default_factory=set)
    """Those of them that it shares with nobody."""
    is_new: bool = False
    changed: set[str] = field(default_factory=set)
    version: int = 1


@dataclass(slots=True)
class Outcome:
    """What became of a row."""

    line: int
    result: RowResult
    subject: Subject | None = None
    reasons: list[dict[str, Any]] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """The rows of a chunk, decided one after the other: a later one may be about a customer an earlier one made."""

    at: datetime
    owners: dict[tuple[str, str], UUID]
    subjects: dict[UUID, Subject]
    aliases: Mapping[UUID, UUID] = field(default_factory=dict)
    """Ids merged away → the survivor's."""
    erased: frozenset[UUID] = frozenset()
    shared: frozenset[tuple[str, str]] = frozenset()
    """Addresses that several customers share and that identify none of them."""
    organizations: frozenset[UUID] = frozenset()
    policies: Policies = DEFAULTS
    overwrite: bool = False
    outcomes: list[Outcome] = field(default_factory=list)
    identifiers: list[tuple[UUID, UUID, Address, bool]] = field(default_factory=list)
    """New ones: id, customer, address, whether shared."""
    suggestions: list[dict[str, Any]] = field(default_factory=list)

    def decide(self, person: Person) -> None:
        if person.rejected:
            self._settle(person, RowResult.rejected)
            return
        if person.id in self.erased:
            self._refuse_erased(person)
            return
        self._check_organization(person)
        owners = self._owners(person)
        if len(owners) > 1:
            self._suggest(person, owners)
        elif owners and self._is_another(person, self.subjects[owners[0]]):
            self._create_beside(person, self.subjects[owners[0]])
        elif owners:
            self._fill(person, self.subjects[owners[0]])
        else:
            self._create(person)

    def _owners(self, person: Person) -> list[UUID]:
        """Whose the row's addresses are; an id of ours counts like an address."""
        named = self.aliases.get(person.id, person.id) if person.id else None
        found = [named] if named in self.subjects else []
        found += [
            self.owners[each.key] for each in person.addresses if not each.told.shared and each.key in self.owners
        ]
        return list(dict.fromkeys(found))

    def _suggest(self, person: Person, owners: list[UUID]) -> None:
        held = [each.key for each in person.addresses if each.key in self.owners]
        self.suggestions += [suggestion(owners[0], other, "one_row", held) for other in owners[1:]]
        person.reasons.append(
            reason("several_customers", "Its addresses belong to different customers: " + ", ".join(map(str, owners)))
        )
        self._settle(person, RowResult.duplicate, self.subjects[owners[0]])

    def _is_another(self, person: Person, subject: Subject) -> bool:
        """Whether the row has another id of a system that knows this customer by one already, and may have but one."""
        if person.id is not None:
            return False
        held = [Held(kind, value, self.at) for kind, value in subject.held]
        return any(
            each.kind == IdentifierKind.external
            and each.key not in self.owners
            and not self.policies.has_room(held, [Held(each.kind, each.value, self.at)], self.at)
            for each in person.addresses
        )

    def _create_beside(self, person: Person, other: Subject) -> None:
        """Addresses that are the other one's stay there."""
        theirs = [each for each in person.addresses if each.key in self.owners and not each.told.shared]
        person.addresses = [each for each in person.addresses if each not in theirs]
        person.reasons.append(
            reason("limited", f"Its addresses belong to a customer with another id of the same system: {other.id}")
        )
        self._create(person)
        created = self.outcomes[-1].subject
        assert created is not None, "it was created a moment ago"
        self.suggestions.append(suggestion(created.id, other.id, "limited", [each.key for each in theirs]))

    def _create(self, person: Person) -> None:
        values = {name: person.fields.get(name) for name in _NAMED} | {
            "kind": person.fields.get("kind", "person"),
            "attributes": person.attributes,
            "preferences": person.preferences,
            "status": CustomerStatus.provisional if person.provisional else CustomerStatus.active,
        }
        values["display_name"] = values["display_name"] or _whole_name(values)
        subject = Subject(uuid7(), values, set(), is_new=True)
        self.subjects[subject.id] = subject
        self._add_addresses(person, subject)
        self._settle(person, RowResult.created, subject)

    def _fill(self, person: Person, subject: Subject) -> None:
        if subject.values["status"] == CustomerStatus.anonymized:
            self._refuse_erased(person)
            return
        fields: dict[str, list[Any]] = {}
        for name, value in person.fields.items():
            self._set(person, subject, fields, name, value)
        for column in _BY_KEY:
            self._merge(person, subject, fields, column)
        if not subject.values["display_name"] and (whole := _whole_name(subject.values)):
            self._set(person, subject, fields, "display_name", whole)
        if subject.values["status"] == CustomerStatus.provisional and not person.provisional:
            fields["status"] = [subject.values["status"], CustomerStatus.active]
            subject.values["status"] = CustomerStatus.active
        subject.changed |= {name.partition(".")[0] for name in fields}
        added = self._add_addresses(person, subject)
        changes: dict[str, Any] = {"fields": fields} if fields else {}
        if added:
            changes["identifiers"] = [str(each) for each in added]
        self._settle(person, RowResult.updated if changes else RowResult.unchanged, subject, changes)

    def _refuse_erased(self, person: Person) -> None:
        person.reasons.append(reason("erased", "This customer was erased: an old list does not bring them back."))
        self._settle(person, RowResult.rejected)

    def _set(self, person: Person, subject: Subject, fields: dict[str, list[Any]], name: str, value: Any) -> None:
        before = subject.values[name]
        if before == value:
            return
        if before not in (None, "") and not self.overwrite:
            person.reasons.append(_kept(name))
            return
        fields[name] = [_plain(before), _plain(value)]
        subject.values[name] = value

    def _merge(self, person: Person, subject: Subject, fields: dict[str, list[Any]], column: str) -> None:
        known = subject.values[column]
        for name, value in getattr(person, column).items():
            before = known.get(name)
            if before == value:
                continue
            if before not in (None, "", [], {}) and not self.overwrite:
                person.reasons.append(_kept(f"{column}.{name}"))
                continue
            fields[f"{column}.{name}"] = [before, value]
            known = subject.values[column] = known | {name: value}

    def _add_addresses(self, person: Person, subject: Subject) -> list[UUID]:
        added = []
        for address in person.addresses:
            if address.key in subject.held:
                continue
            is_shared = address.told.shared or address.key in self.shared
            identifier_id = uuid7()
            self.identifiers.append((identifier_id, subject.id, address, is_shared))
            subject.held.add(address.key)
            added.append(identifier_id)
            if not is_shared:
                self.owners[address.key] = subject.id
        return added

    def _check_organization(self, person: Person) -> None:
        organization = person.fields.get("organization_id")
        if organization is not None and organization not in self.organizations:
            del person.fields["organization_id"]
            person.reasons.append(reason("unknown_organization", "No organisation has this id.", "organization_id"))

    def _settle(
        self, person: Person, result: RowResult, subject: Subject | None = None, changes: dict[str, Any] | None = None
    ) -> None:
        self.outcomes.append(Outcome(person.line, result, subject, person.reasons, changes or {}))


def _kept(name: str) -> dict[str, str]:
    return reason("kept", "The customer file says otherwise and was kept.", name)


def _whole_name(values: Mapping[str, Any]) -> str | None:
    return " ".join(filter(None, (values["given_name"], values["family_name"]))) or None


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value
