"""What resolutions bring with them: rows to be written with the messages (`app.identity.queries`)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.ids import uuid7
from app.customers.models import Rule
from app.messages import Identifier
from app.text.folding import name_key

CONFLICT_SCORE = 0.5
"""Two files whose identifiers came in one message: worth a look, no more."""


@dataclass(slots=True)
class Findings:
    opened: list[dict[str, Any]] = field(default_factory=list)
    identifiers: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    suggestions: list[dict[str, Any]] = field(default_factory=list)
    released: list[dict[str, Any]] = field(default_factory=list)
    """Written first, by a statement of its own: the address has to be free before somebody else gets it."""

    @property
    def brought(self) -> tuple[list[dict[str, Any]], ...]:
        """What is written with the messages, in the order of the statements' parameters (`app.ingest.queries`)."""
        return self.opened, self.identifiers, self.entries, self.suggestions

    def open(self, name: str | None, language: str | None, at: datetime) -> UUID:
        customer_id = uuid7()
        moment = at.isoformat()
        self.opened.append(
            {
                "id": str(customer_id),
                "display_name": name,
                "search_words": name_key(name),
                "language": language,
                "first_at": moment,
                "last_at": moment,
            }
        )
        return customer_id

    def note(self, customer_id: UUID, rule: Rule, identifier: Identifier, **details: Any) -> None:
        """An entry of the identity journal."""
        self.entries.append(
            {
                "id": str(uuid7()),
                "customer_id": str(customer_id),
                "rule": rule,
                "confidence": identifier.confidence,
                "identifier_kind": identifier.kind,
                "identifier_value": identifier.value,
                "details": details,
            }
        )

    def suggest(self, one: UUID, other: UUID, rule: str, *identifiers: Identifier) -> None:
        self.suggestions.append(suggestion(one, other, rule, [(each.kind, each.value) for each in identifiers]))


def suggestion(one: UUID, other: UUID, rule: str, addresses: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The row that asks whether two files are one person's."""
    first, second = sorted((one, other))
    reason = {"rule": rule, "identifiers": [{"kind": kind, "value": value} for kind, value in addresses]}
    return {"id": str(uuid7()), "a": str(first), "b": str(second), "score": CONFLICT_SCORE, "reasons": [reason]}
