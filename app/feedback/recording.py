"""Recording answers: one, or a thousand of a batch, in the same handful of statements."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload
from sqlmodel import col, select

from app.changes.models import ChangeType
from app.changes.service import Told, tell_all
from app.core import batches
from app.core.audit import concerns
from app.core.db import Database, lock, lock_key, now
from app.core.errors import AppError, FieldError, Gone, Unprocessable
from app.customers.addresses import IdentifierPolicy, normalised
from app.customers.models import IdentityEntry, Rule
from app.feedback.models import Feedback, FeedbackScore
from app.feedback.rules import Rules
from app.feedback.schemas import FeedbackCreate
from app.feedback.subjects import Subjects
from app.feedback.watching import watch
from app.identity.claiming import bring, claim
from app.identity.resolution import Resolution
from app.identity.senders import Sender, lock_keys
from app.interactions.models import ForgottenMessage
from app.messages import Confidence, Identifier
from app.text.languages import guess_language

_CHUNK = 250
"""Lines to a transaction: so long the objects of one keep the loop busy."""


@dataclass(frozen=True, slots=True)
class Recorded:
    feedback: Feedback
    created: bool
    """False: the same (source, external id) had been recorded before."""


Outcome = Recorded | AppError
"""What became of an answer, or why it was not taken."""


@dataclass(slots=True, eq=False)
class _Draft:
    body: FeedbackCreate
    whose: UUID | Sender | None
    """None where `outcome` says why it is nobody's."""
    outcome: Outcome | None = None

    @property
    def key(self) -> tuple[str, str] | None:
        return (self.body.source, self.body.external_id) if self.body.external_id else None


async def record(session: AsyncSession, rules: Rules, body: FeedbackCreate) -> Recorded:
    """Record an answer, once per (source, external id)."""
    (outcome,) = await record_all(session, rules, [body])
    if isinstance(outcome, AppError):
        raise outcome
    concerns(outcome.feedback.customer_id)
    return outcome


async def record_all(session: AsyncSession, rules: Rules, bodies: Sequence[FeedbackCreate]) -> list[Outcome]:
    """An outcome for each, in order; one that is refused does not keep the others."""
    drafts = [_draft(rules, body) for body in bodies]
    first: dict[Any, _Draft] = {}
    for draft in drafts:
        first.setdefault(draft.key or draft, draft)
    distinct = list(first.values())
    senders = [draft.whose for draft in distinct if isinstance(draft.whose, Sender)]
    await lock(session, lock_keys(senders) | {lock_key(*draft.key) for draft in distinct if draft.key})
    await _recall(session, distinct)
    if fresh := [draft for draft in distinct if draft.outcome is None]:
        await _record(session, rules, fresh)
    return [_outcome(draft, first[draft.key or draft]) for draft in drafts]


async def record_batch(database: Database, rules: Rules, document: bytes) -> dict[str, Any]:
    """NDJSON, an answer a line. Each chunk of lines is a transaction of its own: a batch that was cut off and is sent
    again records nothing twice, as long as its lines have external ids."""
    results: list[batches.Result] = []
    for chunk in batches.chunks_of(document, _CHUNK):
        bodies, refused = await asyncio.to_thread(batches.read_lines, chunk, partial(batches.read_as, FeedbackCreate))
        async with database.session() as session:
            outcomes = await record_all(session, rules, list(bodies.values()))
        results += batches.in_order(refused | dict(zip(bodies, map(_line, outcomes), strict=True)))
    return batches.summed_up(results)


def _line(outcome: Outcome) -> batches.Result:
    if isinstance(outcome, AppError):
        return batches.rejected(outcome.code, outcome.errors)
    status = "created" if outcome.created else "known"
    return {"status": status, "id": outcome.feedback.id, "customer_id": outcome.feedback.customer_id}


def _outcome(draft: _Draft, first: _Draft) -> Outcome:
    assert first.outcome is not None, "every distinct answer has been dealt with"
    if draft is not first and isinstance(first.outcome, Recorded):
        return Recorded(first.outcome.feedback, created=False)
    return first.outcome


def _draft(rules: Rules, body: FeedbackCreate) -> _Draft:
    if body.customer_id is not None:
        return _Draft(body, body.customer_id)
    try:
        return _Draft(body, _sender(rules.identifiers, body))
    except AppError as error:
        return _Draft(body, None, error)


def _sender(policy: IdentifierPolicy, body: FeedbackCreate) -> Sender:
    told = body.from_
    assert told is not None, "the schema asks for it where there is no customer_id"
    value = normalised(told.kind, told.value, told.region or policy.default_region, field="from.value")
    if policy.kinds.is_blocked(told.kind, value):
        raise Unprocessable(
            "This value identifies nobody.",
            code="identifier_blocked",
            errors=[FieldError(field="from.value", message="identifies nobody")],
        )
    identifier = Identifier(told.kind, value, told.value, Confidence.stated)
    return Sender(
        [identifier],
        told.name,
        _language(body),
        body.collected_at or now(),
        digests=policy.digests,
        policies=policy.kinds,
    )


async def _recall(session: AsyncSession, drafts: Sequence[_Draft]) -> None:
    """Those recorded before have their outcome: the first one, or none any more."""
    keys = {draft.key: draft for draft in drafts if draft.key}
    if keys:
        digests = {_digest(*key): draft for key, draft in keys.items()}
        forgotten = select(ForgottenMessage.digest).where(col(ForgottenMessage.digest).in_(digests))
        for digest in await session.scalars(forgotten):
            digests[digest].outcome = Gone("This answer was erased.", code="erased")
        statement = select(Feedback).where(tuple_(Feedback.source, Feedback.external_id).in_(keys))
        for feedback in await session.scalars(statement.options(selectinload(Feedback.scores))):  # type: ignore[arg-type]
            keys[feedback.source, str(feedback.external_id)].outcome = Recorded(feedback, created=False)


def _digest(source: str, external_id: str) -> bytes:
    return sha256(f"feedback:{source}:{external_id}".encode()).digest()


async def _record(session: AsyncSession, rules: Rules, drafts: Sequence[_Draft]) -> None:
    claims = await claim(session, [draft.whose for draft in drafts if draft.whose is not None])
    about = await Subjects.of(session, [draft.body for draft in drafts])
    for draft, (whose, resolution) in zip(drafts, claims.found, strict=True):
        if isinstance(whose, AppError):
            draft.outcome = whose
            continue
        draft.outcome = about.refusal(draft.body, whose)
        if draft.outcome is None:
            feedback = _feedback(draft.body, whose, about)
            draft.outcome = Recorded(feedback, created=True)
            if resolution is not None and resolution.rule is not Rule.opened and feedback.interaction_id is None:
                session.add(_entry(feedback, resolution))
    recorded = [draft.outcome.feedback for draft in drafts if isinstance(draft.outcome, Recorded)]
    await bring(session, claims.findings, {feedback.customer_id for feedback in recorded})
    session.add_all(recorded)
    await session.flush()
    await tell_all(session, ChangeType.feedback_received, map(_told, recorded))
    await watch(session, rules.recovery, recorded)


def _entry(feedback: Feedback, resolution: Resolution) -> IdentityEntry:
    """Through which address the answer came: when a merge is undone it goes where the address goes."""
    return IdentityEntry(
        customer_id=feedback.customer_id,
        rule=resolution.rule,
        confidence=resolution.identifier.confidence,
        identifier_kind=resolution.identifier.kind,
        identifier_value=resolution.identifier.value,
        details={"feedback_id": str(feedback.id)},
    )


def _told(feedback: Feedback) -> Told:
    measures = sorted({score.measure for score in feedback.scores})
    said = {"source": feedback.source, "channel": feedback.channel, "measures": measures}
    return feedback.id, feedback.customer_id, said


def _feedback(body: FeedbackCreate, customer_id: UUID, about: Subjects) -> Feedback:
    touch = about.interaction(body)
    shared = {
        "customer_id": customer_id,
        "collected_at": body.collected_at or now(),
        "channel": body.channel or (touch and touch.channel),
        "agent": body.agent or (touch and touch.agent),
    }
    own = {
        "conversation_id": body.conversation_id or (touch and touch.conversation_id),
        "language": _language(body),
    }
    told = body.model_dump(exclude={"from_", "scores", *shared, *own})
    return Feedback(**told | shared | own, scores=scores_of(body, shared))


def scores_of(body: FeedbackCreate, shared: dict[str, Any]) -> list[FeedbackScore]:
    """The rows of an answer's scores; `shared`: what they copy of it."""
    return [
        FeedbackScore(
            measure=score.measure,
            dimension=score.dimension,
            value=score.value,
            scale_min=score.on[0],
            scale_max=score.on[1],
            lower_is_better=score.lower_is_better,
            **shared,
        )
        for score in body.scores
    ]


def _language(body: FeedbackCreate) -> str | None:
    return body.language or guess_language(body.comment or "")
