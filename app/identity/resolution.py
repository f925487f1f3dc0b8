"""Whose message is this? Find the file behind a sender's identifiers, or open one, as the policies say.

Where identifiers point to different files, the kind of the highest rank decides and the pair becomes a suggested
duplicate. Nothing is merged here: `Resolution.joins` names the pairs that may become one file by themselves.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import asyncpg

from app.core.ids import uuid7
from app.customers.models import CustomerStatus, Rule
from app.customers.policies import Held
from app.identity.findings import Findings
from app.identity.knowledge import Knowledge, Owner, look_up
from app.identity.narrowing import narrow
from app.identity.senders import Sender
from app.messages import Identifier
from app.text.folding import fold

_RELEASE = """
    WITH released AS (
        UPDATE customer_identifier AS i SET released_at = now(), updated_at = now()
        FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, entry_id uuid, now_of text)
        WHERE i.id = r.id AND i.released_at IS NULL
        RETURNING i.id, i.customer_id, i.kind, i.value, i.confidence, r.entry_id, r.now_of),
    noted AS (
        INSERT INTO identity_journal (id, created_at, updated_at, customer_id, rule, confidence, identifier_kind,
                                      identifier_value, details)
        SELECT entry_id, now(), now(), customer_id, 'recycled', confidence, kind, value,
               jsonb_build_object('now_of', now_of)
        FROM released)
    INSERT INTO change (type, customer_id, subject_id, data, at)
    SELECT 'identifier.released', customer_id, id, jsonb_build_object('kind', kind), now() FROM released"""

_SUGGESTED_HOLDERS = 5
"""A reception's number has hundreds."""

Pair = tuple[UUID, UUID]
"""An established file, and a provisional one that may join it."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Whose the message is, and what decided."""

    customer_id: UUID
    rule: Rule
    identifier: Identifier
    joins: Sequence[Pair] = ()


@dataclass(frozen=True, slots=True)
class _Choice:
    """`owner` None: a file has to be opened."""

    owner: Owner | None
    rule: Rule
    decisive: Identifier


async def resolve(connection: asyncpg.Connection, senders: Sequence[Sender]) -> tuple[list[Resolution], Findings]:
    """A resolution for each sender, in order; call it while holding `app.identity.senders.lock_keys`."""
    known = await look_up(connection, senders)
    findings = Findings()
    resolutions = [_Case(sender, known, findings).resolve() for sender in senders]
    if findings.released:
        await connection.execute(_RELEASE, json.dumps(findings.released))
    return resolutions, findings


@dataclass(slots=True)
class _Case:
    """One sender; what is decided becomes known to the next one."""

    sender: Sender
    known: Knowledge
    findings: Findings
    joins: list[Pair] = field(default_factory=list)

    def resolve(self) -> Resolution:
        identifiers = self.sender.policies.by_rank(self.sender.identifiers)
        kept = list(identifiers)
        choice = self._choose(kept)
        while len(kept) > 1 and not self._fits(choice, kept):
            kept.pop()
            choice = self._choose(kept)
        dropped = identifiers[len(kept) :]
        for each in dropped:
            if self._is_new(each, choice.owner) and self._fits(choice, [*kept, each]):
                kept.append(each)
        owner = choice.owner or self._open()
        for identifier in kept:
            self._take_in(owner, identifier, choice)
        for other, ours, theirs in self._conflicts(owner, kept):
            self._clash(owner, other, ours, theirs)
        for identifier in dropped:
            if identifier not in kept:
                self._leave_out(owner, identifier)
        return Resolution(owner.customer_id, choice.rule, choice.decisive, tuple(self.joins))

    def _choose(self, identifiers: Sequence[Identifier]) -> _Choice:
        known, shared = self.known, [each for each in identifiers if self.known.is_shared(self.sender, each)]
        owned = [(each, owner) for each in identifiers if each not in shared and (owner := known.owner(each))]
        current = [(each, owner) for each, owner in owned if not self._is_stale(each, owner)]
        if current:
            decisive, owner = current[0]
            if len({each.customer_id for _, each in current}) > 1:
                return _Choice(owner, Rule.rank, decisive)
            sharing = any(owner.customer_id in known.those_who_share(each) for each in shared)
            return _Choice(owner, Rule.narrowed if sharing else Rule.identifier, decisive)
        if shared and (found := narrow(self.sender, shared, known, alone=len(shared) == len(identifiers))):
            return _Choice(found, Rule.narrowed, shared[0])
        return _Choice(None, Rule.recycled if owned else Rule.opened, identifiers[0])

    def _is_stale(self, identifier: Identifier, owner: Owner) -> bool:
        return owner.identifier_id is not None and self.sender.is_stale(identifier, owner.last_seen_at)

    def _is_new(self, identifier: Identifier, owner: Owner | None) -> bool:
        """Whether the file is going to get this identifier, not to be shared."""
        if self.known.is_shared(self.sender, identifier):
            return False
        holder = self.known.owner(identifier)
        if holder is None:
            return True
        return (owner is None or holder.customer_id != owner.customer_id) and self._is_stale(identifier, holder)

    def _fits(self, choice: _Choice, identifiers: Sequence[Identifier]) -> bool:
        """Whether the file has room for what it would get."""
        held = self.known.held.get(choice.owner.customer_id, ()) if choice.owner else ()
        at = self.sender.at
        new = [Held(each.kind, each.value, at) for each in identifiers if self._is_new(each, choice.owner)]
        return self.sender.policies.has_room(held, new, at)

    def _open(self) -> Owner:
        sender = self.sender
        customer_id = self.findings.open(sender.name, sender.language, sender.at)
        names = frozenset(filter(None, [fold(sender.name or "")]))
        return Owner(customer_id, None, CustomerStatus.provisional, names, sender.at)

    def _take_in(self, owner: Owner, identifier: Identifier, choice: _Choice) -> None:
        """Make the identifier the file's, unless it is already, or another's."""
        rule = Rule.added if choice.owner else Rule.opened
        if self.known.is_shared(self.sender, identifier):
            holders = self.known.those_who_share(identifier)
            if owner.customer_id not in holders:
                self._add(owner, identifier, rule, shared=True)
                if choice.owner is None:
                    self._suggest_holders(owner, identifier, holders)
        elif self._is_new(identifier, owner):
            if before := self.known.owner(identifier):
                self._release(owner, before, identifier)
                rule = Rule.recycled
            self._add(owner, identifier, rule, shared=False)

    def _add(self, owner: Owner, identifier: Identifier, rule: Rule, *, shared: bool) -> None:
        sender = self.sender
        self.findings.identifiers.append(_row(owner.customer_id, identifier, sender, shared=shared))
        self.findings.note(owner.customer_id, rule, identifier)
        self.known.learn(identifier, replace(owner, identifier_id=None, last_seen_at=sender.at), shared=shared)

    def _suggest_holders(self, owner: Owner, identifier: Identifier, holders: dict[UUID, Owner]) -> None:
        active = sorted(each for each, holder in holders.items() if holder.status == CustomerStatus.active)
        for each in active[:_SUGGESTED_HOLDERS]:
            self.findings.suggest(owner.customer_id, each, "shared", identifier)

    def _release(self, owner: Owner, before: Owner, identifier: Identifier) -> None:
        now_of = str(owner.customer_id)
        self.findings.released.append({"id": str(before.identifier_id), "entry_id": str(uuid7()), "now_of": now_of})
        self.findings.suggest(owner.customer_id, before.customer_id, "recycled", identifier)

    def _conflicts(
        self, owner: Owner, identifiers: Sequence[Identifier]
    ) -> Iterator[tuple[Owner, Identifier, Identifier]]:
        """Other files that the same message names: by our strongest identifier, and theirs."""
        named = [
            (each, found)
            for each in identifiers
            if not self.known.is_shared(self.sender, each) and (found := self.known.owner(each))
        ]
        ours = next((each for each, found in named if found.customer_id == owner.customer_id), None)
        others = {found.customer_id: (found, each) for each, found in reversed(named)}
        others.pop(owner.customer_id, None)
        for _, (other, theirs) in sorted(others.items()):
            yield other, ours or theirs, theirs

    def _clash(self, owner: Owner, other: Owner, ours: Identifier, theirs: Identifier) -> None:
        """Journal the conflict and ask whether the two files are one person's."""
        details = {"conflicts_with": str(other.customer_id), "over": theirs.kind}
        self.findings.note(owner.customer_id, Rule.rank, ours, **details)
        self.findings.suggest(owner.customer_id, other.customer_id, "one_message", ours, theirs)
        if not all(self.sender.policies.may_join(each.kind) for each in (ours, theirs)):
            return
        match owner.status, other.status:
            case CustomerStatus.active, CustomerStatus.provisional:
                self.joins.append((owner.customer_id, other.customer_id))
            case CustomerStatus.provisional, CustomerStatus.active:
                self.joins.append((other.customer_id, owner.customer_id))

    def _leave_out(self, owner: Owner, identifier: Identifier) -> None:
        holder = self.known.owner(identifier)
        if holder is None:
            self.findings.note(owner.customer_id, Rule.limited, identifier)
        elif holder.customer_id != owner.customer_id:
            self.findings.note(owner.customer_id, Rule.limited, identifier, stays_with=str(holder.customer_id))
            self.findings.suggest(owner.customer_id, holder.customer_id, "limited", identifier)


def _row(customer_id: UUID, identifier: Identifier, sender: Sender, *, shared: bool) -> dict[str, Any]:
    return {
        "id": str(uuid7()),
        "customer_id": str(customer_id),
        "kind": identifier.kind,
        "value": identifier.value,
        "raw": identifier.raw,
        "confidence": identifier.confidence,
        "shared": shared,
        "at": sender.at.isoformat(),
        "digests": [*sender.digests(identifier.kind, identifier.value)],
    }
