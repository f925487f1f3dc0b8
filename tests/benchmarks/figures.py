"""Summaries of a million scores, and the drivers of a hundred thousand answers of ten dimensions, one by one."""

import time
from statistics import median

import asyncpg
import httpx

from tests.benchmarks.load import LoadFailed
from tests.benchmarks.servers import Server

SCORES = 1_000_000
ANSWERS = 100_000
_DIMENSIONS = 10
_TIMES = 7

# Half a minute apart, in the order of time; of the customers there are.
_FILL = """
    UPDATE customer SET attributes = attributes || jsonb_build_object('segment', abs(hashtext(id::text)) % 5);
    SET LOCAL session_replication_role = replica;  -- the answers themselves are not read: no rows, no foreign keys
    INSERT INTO feedback_score (id, created_at, updated_at, feedback_id, customer_id, measure, dimension, value,
                                scale_min, scale_max, lower_is_better, collected_at, channel, agent)
    SELECT gen_random_uuid(), now(), now(), gen_random_uuid(),
           somebody.ids[1 + i % cardinality(somebody.ids)], 'nps', NULL,
           abs(hashint4(i)) % 11, 0, 10, false, now() - ({scores} - i) * interval '30 seconds',
           (ARRAY['sms', 'email', 'voice', 'visit'])[1 + abs(hashint4(i + 7)) % 4],
           'agent ' || abs(hashint4(i + 9)) % 50
    FROM generate_series(1, {scores}) AS i, (SELECT array_agg(id) AS ids FROM customer) AS somebody;
    INSERT INTO feedback_score (id, created_at, updated_at, feedback_id, customer_id, measure, dimension, value,
                                scale_min, scale_max, lower_is_better, collected_at, channel, agent)
    SELECT gen_random_uuid(), now(), now(), md5('answer' || i)::uuid, somebody.ids[1 + i % cardinality(somebody.ids)],
           CASE WHEN k = 0 THEN 'csat' ELSE 'rating' END, CASE WHEN k > 0 THEN 'dimension ' || k END,
           1 + abs(hashint4(i * 13 + k)) % 3 + abs(hashint4(i)) % 3, 1, 5, false,
           now() - ({answers} - i) * interval '5 minutes', 'email', 'agent ' || i % 50
    FROM generate_series(1, {answers}) AS i, generate_series(0, {dimensions}) AS k,
         (SELECT array_agg(id) AS ids FROM customer) AS somebody"""

TARGETS_MS = {
    "summary?measure=nps": 300,
    "summary?measure=nps&group_by=month": 300,
    "summary?measure=nps&group_by=channel": 300,
    "summary?measure=nps&group_by=agent": 300,
    "summary?measure=nps&group_by=segment": 300,
    "drivers?overall=csat": 2_000,
}


async def fill(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(_FILL.format(scores=SCORES, answers=ANSWERS, dimensions=_DIMENSIONS))
        await connection.execute("VACUUM (ANALYZE) feedback_score")
    finally:
        await connection.close()


def run(service: Server, key: str) -> dict[str, float]:
    """Milliseconds of each, the median."""
    with httpx.Client(base_url=service.base_url, headers={"Authorization": f"Bearer {key}"}, timeout=120) as client:
        return {path: median(_one(client, path) for _ in range(_TIMES)) for path in TARGETS_MS}


def _one(client: httpx.Client, path: str) -> float:
    started = time.perf_counter()
    response = client.get(f"/v1/feedback/{path}")
    spent = time.perf_counter() - started
    if response.status_code != 200 or response.json()["n"] not in (SCORES, ANSWERS):
        raise LoadFailed(f"{path}: {response.status_code} {response.text[:500]}")
    return spent * 1000
