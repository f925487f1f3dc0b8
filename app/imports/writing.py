"""A chunk of rows into the customer files, in one transaction with its outcome: what is committed is never done again.

Locks as everywhere: addresses first, in order, then customers in order of their ids. Under them nobody else opens a
file for one of the addresses.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.changes.models import ChangeType
from app.core.db import Database, lock_key, locked, now
from app.core.ids import uuid7
from app.customers.addresses import IdentifierPolicy
from app.customers.models import Rule
from app.identity.queries import SUGGEST
from app.imports import queries
from app.imports.models import CustomerImport, ImportStatus
from app.imports.planning import Plan, Subject
from app.imports.reading import Person
from app.text.folding import name_key

_IDENTIFIER = (
    *("id", "created_at", "updated_at", "customer_id", "kind", "value", "raw", "label", "confidence", "shared"),
    *("opted_out_at", "first_seen_at", "last_seen_at"),
)
_ENTRY = (
    *("id", "created_at", "updated_at", "customer_id", "rule", "confidence", "identifier_kind", "identifier_value"),
    *("actor", "details"),
)
_CHANGE = ("type", "customer_id", "subject_id", "data", "at")
_ROW = ("import_id", "line", "result", "customer_id", "version", "reasons", "changes")
_NAMES = ("display_name", "given_name", "family_name")


class Overtaken(Exception):
    """Somebody else has done this chunk, or the import was stopped."""


class Writer:
    """Writes the chunks of one import, in order."""

    def __init__(self, database: Database, record: CustomerImport, policy: IdentifierPolicy) -> None:
        self.database = database
        self.import_id = record.id
        self.actor = record.actor
        self.overwrite = record.options["overwrite"]
        self.dry_run = record.dry_run
        self.digests = policy.digests
        self.policies = policy.kinds
        self._imagined: tuple[dict[tuple[str, str], UUID], dict[UUID, Subject]] = ({}, {})
        """What earlier chunks of a dry run would have made: later rows are about it, too."""

    async def write(self, people: Sequence[Person], done: int) -> None:
        """Write the chunk after the first `done` rows."""
        keys = {lock_key(*each.key) for person in people for each in person.addresses}
        async with self.database.bulk() as connection, locked(connection, keys):
            await connection.execute(queries.BY_INDEX)
            held = await connection.fetchrow(queries.HOLD_IMPORT, self.import_id)
            if held is None or held["status"] != ImportStatus.running or held["done"] != done:
                raise Overtaken
            plan = await self._plan(connection, people)
            counts = Counter(outcome.result for outcome in plan.outcomes)
            if not self.dry_run:
                await self._apply(connection, plan)
            await connection.copy_records_to_table("import_row", records=self._rows(plan), columns=_ROW)
            await connection.execute(queries.PROGRESS, self.import_id, len(people), json.dumps(counts))

    async def _plan(self, connection: asyncpg.Connection, people: Sequence[Person]) -> Plan:
        wanted = list({each.key for person in people for each in person.addresses})
        ids = [person.id for person in people if person.id]
        found = await connection.fetch(queries.OWNERS, [kind for kind, _ in wanted], [value for _, value in wanted])
        aliases = dict(await connection.fetch(queries.ALIASES, ids)) if ids else {}
        erased = await connection.fetch(queries.ERASED, ids) if ids else ()
        named = {row["customer_id"] for row in found if not row["shared"]} | {aliases.get(each, each) for each in ids}
        organizations = {person.fields["organization_id"] for person in people if "organization_id" in person.fields}
        subjects = await subjects_of(connection, named)
        known = await connection.fetch(queries.ORGANIZATIONS, list(organizations)) if organizations else ()
        # Between the look-up and the hold an owner may have been erased or merged: whoever holds it now counts.
        owners = {key: subject.id for subject in subjects.values() for key in subject.owned}
        plan = Plan(
            at=now(),
            owners=self._imagined[0] | owners,
            subjects=self._imagined[1] | subjects,
            aliases=aliases,
            erased=frozenset(row["id"] for row in erased),
            shared=frozenset((row["kind"], row["value"]) for row in found if row["shared"]),
            organizations=frozenset(row["id"] for row in known),
            overwrite=self.overwrite,
            policies=self.policies,
        )
        for person in people:
            plan.decide(person)
        if self.dry_run:
            self._imagined = plan.owners, plan.subjects
        return plan

    async def _apply(self, connection: asyncpg.Connection, plan: Plan) -> None:
        new = [subject for subject in plan.subjects.values() if subject.is_new]
        touched = {customer_id for _, customer_id, _, _ in plan.identifiers}
        changed = [
            subject
            for subject in plan.subjects.values()
            if not subject.is_new and (subject.changed or subject.id in touched)
        ]
        if new:
            await connection.execute(queries.OPEN, json.dumps([values_of(subject) for subject in new]), plan.at)
        if changed:
            await connection.execute(queries.UPDATE, json.dumps([values_of(subject) for subject in changed]))
            for subject in changed:
                subject.version += 1
        refused = await self._suppressed(connection, plan)
        await _copy(connection, "customer_identifier", _IDENTIFIER, list(_identifiers(plan, refused)))
        await _copy(connection, "identity_journal", _ENTRY, list(self._entries(plan)))
        await _copy(connection, "change", _CHANGE, list(_changes(plan, new, changed)))
        if plan.suggestions:
            await connection.execute(SUGGEST, json.dumps(plan.suggestions))

    async def _suppressed(self, connection: asyncpg.Connection, plan: Plan) -> dict[tuple[str, str], datetime]:
        """New addresses to which nothing may be sent, of people we have forgotten."""
        keys = {digest: each.key for _, _, each, _ in plan.identifiers for digest in self.digests(*each.key)}
        found = await connection.fetch(queries.SUPPRESSED, list(keys))
        return {keys[row["digest"]]: row["suppressed_at"] for row in found}

    def _entries(self, plan: Plan) -> Iterator[tuple[Any, ...]]:
        details = json.dumps({"import": str(self.import_id)})
        for _, customer_id, address, _ in plan.identifiers:
            told = (Rule.imported, address.told.confidence, address.kind, address.value)
            yield uuid7(), plan.at, plan.at, customer_id, *told, self.actor, details

    def _rows(self, plan: Plan) -> Iterator[tuple[Any, ...]]:
        for outcome in plan.outcomes:
            subject = outcome.subject
            shown = subject if subject and not (self.dry_run and subject.is_new) else None
            yield (
                self.import_id,
                outcome.line,
                outcome.result,
                shown.id if shown else None,
                shown.version if shown else None,
                json.dumps(outcome.reasons, ensure_ascii=False),
                "{}" if self.dry_run else json.dumps(outcome.changes, ensure_ascii=False),
            )


async def subjects_of(connection: asyncpg.Connection, ids: set[UUID]) -> dict[UUID, Subject]:
    if not ids:
        return {}
    subjects = {}
    for row in await connection.fetch(queries.HOLD, list(ids)):
        values = dict(row) | {name: json.loads(row[name]) for name in ("attributes", "preferences")}
        subjects[row["id"]] = Subject(values.pop("id"), values, set(), version=values.pop("version"))
    for row in await connection.fetch(queries.HELD, list(subjects)):
        subject = subjects[row["customer_id"]]
        subject.held.add((row["kind"], row["value"]))
        if not row["shared"]:
            subject.owned.add((row["kind"], row["value"]))
    return subjects


async def _copy(
    connection: asyncpg.Connection, table: str, columns: Sequence[str], records: Sequence[tuple[Any, ...]]
) -> None:
    if records:
        await connection.copy_records_to_table(table, records=records, columns=columns)


def values_of(subject: Subject) -> dict[str, Any]:
    organization = subject.values["organization_id"]
    return subject.values | {
        "id": str(subject.id),
        "organization_id": str(organization) if organization else None,
        "search_words": name_key(*(subject.values[name] for name in _NAMES)),
    }


def _identifiers(plan: Plan, refused: Mapping[tuple[str, str], datetime]) -> Iterator[tuple[Any, ...]]:
    for identifier_id, customer_id, address, shared in plan.identifiers:
        told = address.told
        yield (
            *(identifier_id, plan.at, plan.at, customer_id, address.kind, address.value),
            *(told.value, told.label, told.confidence, shared, address.opted_out_at or refused.get(address.key)),
            *(told.first_seen_at or plan.at, told.last_seen_at or plan.at),
        )


def _changes(plan: Plan, new: Sequence[Subject], changed: Sequence[Subject]) -> Iterator[tuple[Any, ...]]:
    for subject in new:
        data = {name: subject.values[name] for name in ("kind", "status")}
        yield ChangeType.customer_created, subject.id, subject.id, json.dumps(data), plan.at
    for subject in changed:
        data = {"fields": sorted(subject.changed)}
        yield ChangeType.customer_updated, subject.id, subject.id, json.dumps(data), plan.at
    for identifier_id, customer_id, address, _ in plan.identifiers:
        data = {"kind": address.kind}
        yield ChangeType.identifier_added, customer_id, identifier_id, json.dumps(data), plan.at
