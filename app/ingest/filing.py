"""The one road into the customer file: webhooks, other systems' calls and batches all file their touches here.

Touches of known customers are filed by one statement. Only those whose sender is new, or whose identifiers disagree,
take a second look under locks, where `app.identity.resolution` decides.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

import asyncpg
import orjson

from app.core.db import Database, lock_key, locked
from app.core.ids import uuid7
from app.customers.models import Rule
from app.customers.policies import Policies
from app.identity.joining import join
from app.identity.resolution import Pair, Resolution, resolve
from app.identity.senders import Digests, Sender, lock_keys
from app.ingest.queries import FILE_DECIDED, FILE_DECIDED_WITH_MEDIA, FILE_KNOWN, FILE_KNOWN_WITH_MEDIA
from app.interactions.queries import HOLD_CUSTOMER, JOIN_CONVERSATIONS
from app.messages import Channel, Direction, Identifier, InteractionKind, InteractionStatus, Party
from app.text.folding import name_key, text_key
from app.text.subjects import base_subject

_BY_PAIR = {Channel.email, Channel.sms, Channel.whatsapp, Channel.chat, Channel.social, Channel.app}
_RECORDED = "SELECT id, customer_id FROM interaction WHERE source = $1 AND external_id = $2"
_SHOWN = ("id", "name", "content_type", "size", "state")
"""Of a file, in its interaction."""

_FEW = 20
"""So many touches are joined in nested loops (`Database.hot`); more are not."""

NO_REQUEST: tuple[None, ...] = (None,) * 9
"""In place of a raw inbound request, for touches that did not come by webhook."""


@dataclass(slots=True, kw_only=True)  # not frozen: that alone costs a tenth of what it takes to make one
class Touch:
    """One interaction to file. `party` is the customer's end of it, `us` ours."""

    channel: Channel
    direction: Direction
    kind: InteractionKind
    status: InteractionStatus
    source: str
    provider: str | None = None
    external_id: str | None
    message_id: str | None = None
    occurred_at: datetime
    received_at: datetime
    party: Party | None
    us: Party | None
    identifiers: Sequence[Identifier] = ()
    """Those of the customer that may identify somebody; none and no `customer_id`: the touch stays unfiled."""
    customer_id: UUID | None = None
    actor: str | None = None
    references: Sequence[str] = ()
    subject: str | None = None
    text: str = ""
    html: str | None = None
    reply_text: str | None = None
    language: str | None = None
    automatic: bool = False
    agent: str | None = None
    duration_s: int | None = None
    location: str | None = None
    files: Sequence[dict[str, Any]] = ()
    """Rows of `attachment`."""
    incomplete: bool = False
    """The provider keeps the rest of the message."""
    grows: bool = False
    """What is told of a known interaction completes it."""
    attributes: dict[str, Any] = field(default_factory=dict)
    digests: Digests
    policies: Policies

    def row(self, number: int, window: timedelta) -> dict[str, Any]:
        """What `FILE_KNOWN` reads of `$1`; a name left out is NULL there."""
        identifiers = self.policies.by_rank(self.identifiers)
        interaction_id = uuid7()
        thread = self._thread(window)
        # Reading a name costs PostgreSQL as much as writing a column: what says nothing is left out.
        row = {
            "n": number,
            "id": interaction_id,
            "customer_id": self.customer_id,
            "rule": Rule.given if self.customer_id else None,
            "actor": self.actor,
            "kinds": [identifier.kind for identifier in identifiers],
            "identifiers": [identifier.value for identifier in identifiers],
            "unfiled": (self.customer_id is None and not identifiers) or None,
            "undecided": any(self.policies.is_shared(each.kind, each.value) for each in identifiers) or None,
            "valid_since": self._valid_since(identifiers),
            "thread": thread,
            "pair_key": self._pair_key(),
            "thread_ids": self._thread_ids() or None,
            "root_id": self._root_id() or interaction_id if thread == "reply" else None,
            "channel": self.channel,
            "direction": self.direction,
            "kind": self.kind,
            "status": self.status,
            "source": self.source,
            "provider": self.provider,
            "external_id": self.external_id,
            "message_id": self.message_id,
            "occurred_at": self.occurred_at,
            "received_at": self.received_at,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "reply_text": self.reply_text,
            "language": self.language,
            "automatic": self.automatic or None,
            "agent": self.agent,
            "duration_s": self.duration_s,
            "location": self.location,
            "files": self.files or None,
            "incomplete": self.incomplete or None,
            "attachments": [self.shown(each) for each in self.files] or None,
            "attributes": self.attributes or None,
            "search_words": text_key(self.subject, self.text),
            "name_words": name_key(self.party.name) if self.party and self.party.name else None,
            **self.ends(),
        }
        return {name: value for name, value in row.items() if value is not None}

    def ends(self) -> dict[str, str | None]:
        """Sender and recipient, as an interaction has them."""
        sender, recipient = (self.party, self.us) if self.direction is Direction.inbound else (self.us, self.party)
        return _party("sender", sender) | _party("recipient", recipient)

    @staticmethod
    def shown(file: dict[str, Any]) -> dict[str, Any]:
        """A file as its interaction shows it."""
        return {name: file[name] for name in _SHOWN}

    def _valid_since(self, identifiers: Sequence[Identifier]) -> list[datetime | None] | None:
        """For each, since when its owner must have been seen; None: they are valid for ever."""
        if self.direction is not Direction.inbound:
            return None
        since = [self.policies.valid_since(each.kind, self.occurred_at) for each in identifiers]
        return since if any(since) else None

    def _thread(self, window: timedelta) -> str | None:
        """How the touch finds its conversation when it answers no known message."""
        fresh = self.received_at - self.occurred_at < window
        if self.channel is Channel.email and (self.references or not self._base_subject() or not fresh):
            return "reply"
        return "pair" if self.channel in _BY_PAIR and fresh else None

    def _thread_ids(self) -> list[str]:
        """The messages this one answers, nearest first, and in mail itself: an answer may have come before it."""
        own = [self.message_id] if self.message_id and self.channel is Channel.email else []
        return [*self.references, *own]

    def _root_id(self) -> str | None:
        return self.references[-1] if self.references else self.message_id

    def _pair_key(self) -> str:
        address = self.us.value if self.us else ""
        return f"{address} {self._base_subject()}" if self.channel is Channel.email else address

    def _base_subject(self) -> str:
        return base_subject(self.subject or "")

    def sender(self) -> Sender:
        return Sender(
            self.identifiers,
            self.party.name if self.party else None,
            self.language,
            self.occurred_at,
            digests=self.digests,
            policies=self.policies,
            writes=self.direction is Direction.inbound,
        )


def _party(end: str, party: Party | None) -> dict[str, str | None]:
    if party is None:
        return {}
    return {f"{end}_kind": party.kind, f"{end}_value": party.value, f"{end}_name": party.name}


@dataclass(frozen=True, slots=True)
class Prepared:
    """Touches as the statement reads them. It takes no connection to make one, and a thread can do it."""

    touches: Sequence[Touch]
    """No two of the same source and external id."""
    rows: Sequence[dict[str, Any]]
    document: str
    """The rows as JSON."""
    window: timedelta
    repeats: Mapping[int, tuple[int, Touch]]
    """Touches left out, in order: by the place each has among all, the place of the first of its kind, and itself."""

    @classmethod
    def of(cls, touches: Sequence[Touch], window: timedelta) -> Self:
        firsts: dict[tuple[str, str], int] = {}
        repeats: dict[int, tuple[int, Touch]] = {}
        for place, touch in enumerate(touches):
            if touch.external_id is not None:
                first = firsts.setdefault((touch.source, touch.external_id), place)
                if first != place:
                    repeats[place] = first, touch
        distinct = [touch for place, touch in enumerate(touches) if place not in repeats]
        rows = [touch.row(number, window) for number, touch in enumerate(distinct)]
        return cls(distinct, rows, _json(rows), window, repeats)


def _json(rows: Sequence[dict[str, Any]]) -> str:
    try:
        return orjson.dumps(rows).decode()
    except TypeError:  # a number of more than 64 bits, in somebody's attributes
        return json.dumps(rows, ensure_ascii=False, default=str)


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of a touch."""

    interaction_id: UUID | None
    """None: the named customer does not exist, so nothing was recorded."""
    customer_id: UUID | None
    created: bool
    """False: the same (source, external id) had been recorded before."""
    erased: bool = False
    """It had been recorded before, and was erased since."""
    joins: Sequence[Pair] = ()
    """Files that it shows to be one person's."""


async def file(
    database: Database, touches: Sequence[Touch], window: timedelta, request: Sequence[Any] = NO_REQUEST
) -> list[Filed]:
    """File every touch once; round trips: 1 where all senders are known, else 5; 4 more for a mail that joins threads.

    Touches of known senders are committed by the first statement, the others together by a second transaction. If that
    one fails, so does the request, and its repetition adds what is missing.
    """
    prepared = Prepared.of(touches, window)
    connect = database.bulk if len(touches) > _FEW else database.hot
    async with connect() as connection:
        filed = await file_prepared(connection, prepared, request)
    return await join_files(database, touches, filed)


async def join_files(database: Database, touches: Sequence[Touch], filed: Sequence[Filed]) -> list[Filed]:
    """Let files become one where the messages, now committed, show that they are; what became of the messages then."""
    pairs = [pair for each in filed for pair in each.joins]
    if not pairs:
        return list(filed)
    joined = await join(database, pairs, touches[0].policies)
    return [
        replace(each, customer_id=joined[each.customer_id]) if each.customer_id in joined else each for each in filed
    ]


async def file_prepared(
    connection: asyncpg.Connection, prepared: Prepared, request: Sequence[Any] = NO_REQUEST
) -> list[Filed]:
    """`file`, of touches made ready before. What repeats another one of them finds it recorded, as it would later."""
    filed = await _file_distinct(connection, prepared, request)
    for place, (first, touch) in prepared.repeats.items():
        known = replace(filed[first], created=False, joins=())
        if known.interaction_id is None and not known.erased:  # refused, which this one need not be
            (known,) = await _file_distinct(connection, Prepared.of([touch], prepared.window), request)
        filed.insert(place, known)
    return filed


async def _file_distinct(connection: asyncpg.Connection, prepared: Prepared, request: Sequence[Any]) -> list[Filed]:
    touches, rows = prepared.touches, prepared.rows
    media = any(touch.files or touch.incomplete for touch in touches)
    statement = FILE_KNOWN_WITH_MEDIA if media else FILE_KNOWN
    records = await connection.fetch(statement, prepared.document, *request, prepared.window)
    if lost := [rows[n] for n in _unresolved(records) if touches[n].customer_id is not None]:
        # Merged away since this statement looked: by the next one's time its id leads to the survivor.
        found = await connection.fetch(statement, _json(lost), *request, prepared.window)
        records = _replaced(records, found)
    joins: dict[int, Sequence[Pair]] = {}
    if undecided := [n for n in _unresolved(records) if touches[n].customer_id is None]:
        decided, resolutions = await _decide(connection, prepared, undecided, request)
        records, joins = _replaced(records, decided), {n: each.joins for n, each in resolutions.items()}
    filed = []
    for touch, row, record in zip(touches, rows, records, strict=True):
        if record["split"]:
            await _join_conversations(connection, record, row["thread_ids"])
        if record["outcome"] == "overtaken":  # the same message, delivered twice at once, was committed a moment ago
            record = await connection.fetchrow(_RECORDED, touch.source, touch.external_id)
            filed.append(Filed(record["id"], record["customer_id"], created=False))
        else:
            erased = record["outcome"] == "known" and record["id"] is None
            created = record["outcome"] == "created"
            filed.append(Filed(record["id"], record["customer_id"], created, erased, joins.get(record["n"], ())))
    return filed


def _unresolved(records: Sequence[asyncpg.Record]) -> list[int]:
    return [record["n"] for record in records if record["outcome"] == "unresolved"]


def _replaced(records: Sequence[asyncpg.Record], later: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """What became of each touch in the end, by what a later statement told of some."""
    by_number = {record["n"]: record for record in later}
    return [by_number.get(record["n"], record) for record in records]


async def _decide(
    connection: asyncpg.Connection, prepared: Prepared, undecided: Sequence[int], request: Sequence[Any]
) -> tuple[Sequence[asyncpg.Record], dict[int, Resolution]]:
    """File the touches that need a decision; a record and the resolution for each."""
    touches, rows = prepared.touches, prepared.rows
    senders = [touches[number].sender() for number in undecided]
    # The messages are locked, too: the same one from two strangers at once must not open a file for each.
    ids = {lock_key(touches[number].source, touches[number].external_id or "") for number in undecided}
    async with locked(connection, lock_keys(senders) | ids):
        resolutions, findings = await resolve(connection, senders)
        decided = [
            rows[number]
            | {
                "customer_id": resolution.customer_id,
                "rule": resolution.rule,
                "identifier_kind": resolution.identifier.kind,
                "identifier_value": resolution.identifier.value,
                "confidence": resolution.identifier.confidence,
            }
            for number, resolution in zip(undecided, resolutions, strict=True)
        ]
        media = any(touches[number].files or touches[number].incomplete for number in undecided)
        statement = FILE_DECIDED_WITH_MEDIA if media else FILE_DECIDED
        records: Sequence[asyncpg.Record] = await connection.fetch(
            statement, _json(decided), *request, prepared.window, *map(_json, findings.brought)
        )
    return records, dict(zip(undecided, resolutions, strict=True))


async def _join_conversations(connection: asyncpg.Connection, record: asyncpg.Record, thread_ids: list[str]) -> None:
    """Mails come in any order: this one ties together what until now looked like several conversations."""
    async with locked(connection, []):
        held = await connection.fetchval(HOLD_CUSTOMER, record["customer_id"])
        if held is None:  # merged away since; whoever waited for it finds the survivor the next time
            held = await connection.fetchval(HOLD_CUSTOMER, record["customer_id"])
        if held is not None:
            await connection.execute(JOIN_CONVERSATIONS, held, thread_ids, record["id"])
