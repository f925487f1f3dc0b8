"""Writing down which pairs look like one person's, with reasons somebody can read."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from app.core.ids import uuid7
from app.identity.comparing import Level
from app.identity.matching import SUGGEST_AT, Evidence, Match, Model, score
from app.identity.reading import Profiles


class Pair(NamedTuple):
    """`a` is the older file."""

    a: UUID
    b: UUID
    match: Match


PUT = """
INSERT INTO duplicate_suggestion AS s (id, created_at, updated_at, customer_a_id, customer_b_id, score, reasons, status)
SELECT p.id, clock_timestamp(), clock_timestamp(), p.a, p.b, p.score, p.reasons, 'open'
FROM jsonb_to_recordset($1::jsonb) AS p(id uuid, a uuid, b uuid, score float8, reasons jsonb)
JOIN customer AS one ON one.id = p.a JOIN customer AS other ON other.id = p.b
ORDER BY p.a, p.b FOR KEY SHARE OF one, other
ON CONFLICT (customer_a_id, customer_b_id) DO UPDATE
SET score = CASE WHEN s.reasons @? '$[*].rule' THEN greatest(s.score, excluded.score) ELSE excluded.score END,
    reasons = jsonb_path_query_array(s.reasons, '$[*] ? (exists(@.rule))') || excluded.reasons,
    updated_at = excluded.updated_at
WHERE s.status = 'open'"""
"""Pairs ($1) as open suggestions. What somebody decided stays; what another rule found keeps its reasons."""

WITHDRAW_OF = """
DELETE FROM duplicate_suggestion
WHERE status = 'open' AND $1 IN (customer_a_id, customer_b_id) AND NOT reasons @? '$[*].rule'
  AND NOT (customer_a_id, customer_b_id) IN (SELECT * FROM unnest($2::uuid[], $3::uuid[]))"""
"""Open suggestions of the file $1 that comparing made once and would not make now; $2, $3: the pairs it makes."""

WITHDRAW_OTHERS = """
DELETE FROM duplicate_suggestion AS s
WHERE s.status = 'open' AND s.updated_at < (SELECT created_at FROM duplicate_scan WHERE id = $1)
  AND NOT s.reasons @? '$[*].rule'"""
"""Open suggestions that comparing made once and the scan $1 did not make again."""


def compare(model: Model, profiles: Profiles, pairs: Iterable[tuple[UUID, UUID]]) -> list[Pair]:
    """The pairs worth suggesting; persons are not compared with organisations."""
    found = []
    for one, other in pairs:
        left, right = profiles.get(one), profiles.get(other)
        if left is None or right is None or left.kind != right.kind:
            continue
        match = score(model, left, right)
        if match.score >= SUGGEST_AT:
            found.append(Pair(min(one, other), max(one, other), match))
    return found


async def put(connection: asyncpg.Connection, model: Model, pairs: Sequence[Pair]) -> None:
    rows = [
        {
            "id": str(uuid7()),
            "a": str(pair.a),
            "b": str(pair.b),
            "score": round(pair.match.score, 6),
            "reasons": reasons(model, pair.match),
        }
        for pair in pairs
    ]
    await connection.execute(PUT, json.dumps(rows))


_HOW = {
    Level.exact: "equal",
    Level.very_close: "nearly equal",
    Level.close: "similar",
    Level.different: "different",
}


def reasons(model: Model, match: Match) -> list[dict[str, Any]]:
    """What spoke for it and against it, the weightiest first."""
    told = sorted(match.evidence, key=lambda each: abs(each.weight), reverse=True)
    return [
        {"field": each.field, "text": _text(model, each), "weight": round(each.weight, 1)}
        for each in told
        if abs(each.weight) >= 0.5
    ]


def _text(model: Model, evidence: Evidence) -> str:
    text = f"{evidence.field.replace('_', ' ')} {_HOW[evidence.level]}"
    if evidence.level is Level.exact and model.records:
        text += f" ({model.count(evidence.field, evidence.value)} of {model.records} have it)"
    return text
