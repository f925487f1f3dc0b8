"""Gaps between what customers expected and what they found (SERVQUAL), by dimension."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.feedback import measures
from app.feedback.statistics.schemas import GapsQuery
from app.feedback.statistics.selection import Condition, Standards, condition

# Where low is good the value is turned over (8 - x on 1 to 7), so that a gap below 0 is always worse than expected.
_GOOD = "CASE WHEN s.lower_is_better THEN s.scale_min + s.scale_max - s.value ELSE s.value END"
_NEWEST = "(array_agg({good} ORDER BY s.collected_at DESC, s.id DESC) FILTER (WHERE s.measure = '{measure}'))[1]"
_PAIRED = {"answer": "feedback_id", "customer": "customer_id"}
_GAPS = """
    WITH pair AS (
        SELECT s.dimension, s.scale_min, s.scale_max, {expected} AS expected, {perceived} AS perceived
        FROM feedback_score AS s
        WHERE {where} AND s.measure IN ('expectation', 'perception')
        GROUP BY s.{whose}, s.dimension, s.scale_min, s.scale_max
        HAVING bool_or(s.measure = 'expectation') AND bool_or(s.measure = 'perception')
    ), weight AS (
        SELECT s.dimension, avg({good}) AS importance
        FROM feedback_score AS s WHERE {where} AND s.measure = 'importance' GROUP BY 1
        HAVING count(DISTINCT (s.scale_min, s.scale_max)) = 1
    )
    SELECT pair.dimension, scale_min, scale_max, count(*) AS n, avg(expected) AS expectation,
           avg(perceived) AS perception, sum(perceived - expected) AS total,
           sum((perceived - expected) * (perceived - expected)) AS squares,
           count(*) FILTER (WHERE perceived < expected) AS worse,
           count(*) FILTER (WHERE perceived = expected) AS equal,
           count(*) FILTER (WHERE perceived > expected) AS better, min(weight.importance) AS importance
    FROM pair LEFT JOIN weight ON weight.dimension IS NOT DISTINCT FROM pair.dimension
    GROUP BY 1, 2, 3
    ORDER BY avg(perceived - expected), 1, 2, 3"""


async def gaps(session: AsyncSession, standards: Standards, query: GapsQuery) -> dict[str, Any]:
    span = query.span(standards)
    where = condition(query, span)
    if query.dimension is not None:
        where = where.and_("s.dimension = :dimension", dimension=query.dimension)
    rows = list(await session.execute(text(_statement(where, query.paired_by)), where.parameters))
    return {
        "paired_by": query.paired_by,
        "n": sum(row.n for row in rows),
        **_overall(rows),
        "from_": span[0],
        "to": span[1],
        "least": standards.least,
        "dimensions": [_gap(row, query.level, standards.least) for row in rows],
    }


def _statement(where: Condition, paired_by: str) -> str:
    expected, perceived = (_NEWEST.format(good=_GOOD, measure=measure) for measure in ("expectation", "perception"))
    return _GAPS.format(expected=expected, perceived=perceived, good=_GOOD, where=where.sql, whose=_PAIRED[paired_by])


def _overall(rows: list[Any]) -> dict[str, float | None]:
    """Of the dimensions together, where they were asked on one scale."""
    if len({(row.scale_min, row.scale_max) for row in rows}) != 1:
        return {"value": None, "weighted": None}
    found = [row.total / row.n for row in rows]
    weights = [row.importance for row in rows]
    return {"value": sum(found) / len(found), "weighted": measures.weighted_mean(found, weights)}


def _gap(row: Any, level: float, least: int) -> dict[str, Any]:
    found = measures.paired_difference(row.n, row.total, row.squares, level)
    return {
        "dimension": row.dimension,
        "scale": (row.scale_min, row.scale_max),
        "n": row.n,
        "expectation": row.expectation,
        "perception": row.perception,
        "gap": row.total / row.n,
        "standard_error": found and found.standard_error,
        "interval": found and found.interval,
        "t": found and found.statistic,
        "freedom": row.n - 1 if found else None,
        "p": found and found.p,
        "worse_than_expected": row.worse,
        "as_expected": row.equal,
        "better_than_expected": row.better,
        "importance": row.importance,
        "insufficient": row.n < least,
    }
