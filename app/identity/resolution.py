"""Whose message is this? Find the file behind a sender's identifiers, or open one.

Nothing is merged here: where identifiers point to different files, the kind of the highest rank decides
(`IdentifierKind` is in order of rank) and the pair becomes a suggested duplicate for somebody to judge.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.core.db import lock_key
from app.core.ids import uuid7
from app.customers.models import Rule
from app.messages import Identifier, IdentifierKind
from app.text.folding import name_key

_FIND = """
    SELECT s.kind, s.value, i.customer_id
    FROM unnest($1::text[], $2::text[]) AS s(kind, value)
    JOIN customer_identifier AS i
      ON i.kind = s.kind AND i.value = s.value AND i.released_at IS NULL AND NOT i.shared
    JOIN customer AS c ON c.id = i.customer_id
    ORDER BY c.id FOR NO KEY UPDATE OF c, i"""
"""Owners are held: whoever is erased or loses the identifier meanwhile is not found, or keeps it until the end."""

_CONFLICT_SCORE = 0.5
"""Two files whose identifiers came in one message: worth a look, no more."""

_RANK = {kind: rank for rank, kind in enumerate(IdentifierKind)}


Digests = Callable[[str, str], Sequence[str]]
"""Of kind and value: the keyed hashes by which an address is recognised whose file is forgotten."""


def no_digests(kind: str, value: str) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Sender:
    """Whoever is to be found: at least one identifier, and what a new file would start with."""

    identifiers: Sequence[Identifier]
    name: str | None
    language: str | None
    at: datetime
    digests: Digests = no_digests


@dataclass(frozen=True, slots=True)
class Resolution:
    """Whose the message is, and what decided."""

    customer_id: UUID
    rule: Rule
    identifier: Identifier


@dataclass(slots=True)
class Findings:
    """Rows that the resolutions bring with them, to be written with the messages."""

    opened: list[dict[str, Any]] = field(default_factory=list)
    identifiers: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    suggestions: list[dict[str, Any]] = field(default_factory=list)


def by_rank(identifiers: Sequence[Identifier]) -> list[Identifier]:
    """The strongest kind first; within a kind as given."""
    return sorted(identifiers, key=lambda identifier: _RANK[identifier.kind])


def lock_keys(senders: Sequence[Sender]) -> set[int]:
    """The locks (`app.core.db.locked`) under which two first messages at once open one file."""
    return {lock_key(each.kind, each.value) for sender in senders for each in sender.identifiers}


async def resolve(connection: asyncpg.Connection, senders: Sequence[Sender]) -> tuple[list[Resolution], Findings]:
    """A resolution for each sender, in order; call it while holding `lock_keys`."""
    wanted = {(each.kind, each.value) for sender in senders for each in sender.identifiers}
    kinds, values = zip(*wanted, strict=True)
    owners: dict[tuple[str, str], UUID] = {
        (row["kind"], row["value"]): row["customer_id"] for row in await connection.fetch(_FIND, kinds, values)
    }
    findings = Findings()
    return [_resolve(sender, owners, findings) for sender in senders], findings


def _resolve(sender: Sender, owners: dict[tuple[str, str], UUID], findings: Findings) -> Resolution:
    identifiers = by_rank(sender.identifiers)
    known = [(each, owners[each.kind, each.value]) for each in identifiers if (each.kind, each.value) in owners]
    if known:
        decisive, customer_id = known[0]
        others = {owner for _, owner in known} - {customer_id}
        rule = Rule.rank if others else Rule.identifier
        for other in sorted(others):
            _suggest(customer_id, other, known, findings)
    else:
        decisive, customer_id, rule = identifiers[0], _open(sender, findings), Rule.opened
    for identifier in identifiers:
        if (identifier.kind, identifier.value) not in owners:
            owners[identifier.kind, identifier.value] = customer_id
            _add(customer_id, identifier, sender, findings, Rule.added if known else Rule.opened)
    return Resolution(customer_id, rule, decisive)


def _open(sender: Sender, findings: Findings) -> UUID:
    customer_id = uuid7()
    at = sender.at.isoformat()
    findings.opened.append(
        {
            "id": str(customer_id),
            "display_name": sender.name,
            "search_words": name_key(sender.name),
            "language": sender.language,
            "first_at": at,
            "last_at": at,
        }
    )
    return customer_id


def _add(customer_id: UUID, identifier: Identifier, sender: Sender, findings: Findings, rule: Rule) -> None:
    findings.identifiers.append(
        {
            "id": str(uuid7()),
            "customer_id": str(customer_id),
            "kind": identifier.kind,
            "value": identifier.value,
            "raw": identifier.raw,
            "confidence": identifier.confidence,
            "at": sender.at.isoformat(),
            "digests": [*sender.digests(identifier.kind, identifier.value)],
        }
    )
    findings.entries.append(_entry(customer_id, rule, identifier, {}))


def _suggest(customer_id: UUID, other: UUID, known: Sequence[tuple[Identifier, UUID]], findings: Findings) -> None:
    """Journal the conflict and ask whether the two files are one person's."""
    ours = next(identifier for identifier, owner in known if owner == customer_id)
    theirs = next(identifier for identifier, owner in known if owner == other)
    findings.entries.append(_entry(customer_id, Rule.rank, ours, {"conflicts_with": str(other), "over": theirs.kind}))
    reason = {"rule": "one_message", "identifiers": [{"kind": e.kind, "value": e.value} for e in (ours, theirs)]}
    findings.suggestions.append(suggestion(customer_id, other, reason))


def suggestion(one: UUID, other: UUID, reason: dict[str, Any]) -> dict[str, Any]:
    """The row that asks whether two files are one person's."""
    first, second = sorted((one, other))
    return {"id": str(uuid7()), "a": str(first), "b": str(second), "score": _CONFLICT_SCORE, "reasons": [reason]}


def _entry(customer_id: UUID, rule: Rule, identifier: Identifier, details: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid7()),
        "customer_id": str(customer_id),
        "rule": rule,
        "confidence": identifier.confidence,
        "identifier_kind": identifier.kind,
        "identifier_value": identifier.value,
        "details": details,
    }
