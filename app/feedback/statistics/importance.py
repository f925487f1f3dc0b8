"""What drives the overall score: sums of products by PostgreSQL, importance from them, beside performance."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.feedback import drivers
from app.feedback.drivers import MOST_ATTRIBUTES, Sums
from app.feedback.models import Measure
from app.feedback.scales import Scale
from app.feedback.statistics.schemas import DriverMethod, DriversQuery
from app.feedback.statistics.selection import Condition, Standards, condition

BLOCKS = 20
"""Of answers, by chance but always the same, for the jackknife."""

_RATINGS = (Measure.rating, Measure.perception, Measure.csat, Measure.ces)
_NEWEST = 10_000
# What is asked now: to count what was ever asked would take as long as all the rest. And what is asked together, beside
# the overall score: questions of different surveys have no answers in common.
_ASKED = """
    WITH newest AS MATERIALIZED (
        SELECT newest.* FROM unnest(cast(:ratings AS text[])) AS rated_by, LATERAL (
            SELECT s.feedback_id, s.measure, s.dimension, s.scale_min, s.scale_max, s.lower_is_better
            FROM feedback_score AS s
            WHERE {where} AND s.measure = rated_by AND s.dimension IS NOT NULL
            ORDER BY s.collected_at DESC LIMIT :newest) AS newest
    ), whole AS MATERIALIZED (
        SELECT told.feedback_id FROM (SELECT DISTINCT feedback_id FROM newest) AS told, LATERAL (
            SELECT 1 FROM feedback_score AS s WHERE s.feedback_id = told.feedback_id AND s.measure = :overall
            AND s.dimension IS NULL LIMIT 1) AS overall
    ), asked AS MATERIALIZED (
        SELECT * FROM newest WHERE feedback_id IN (SELECT feedback_id FROM whole) OR NOT EXISTS (SELECT FROM whole)
    ), wanted AS (
        SELECT * FROM asked
        WHERE cast(:wanted AS text[]) IS NULL OR dimension = ANY (cast(:wanted AS text[]))
    ), used AS (
        SELECT measure FROM wanted GROUP BY 1
        ORDER BY count(*) DESC, array_position(cast(:ratings AS text[]), measure) LIMIT 1
    ), first AS (
        SELECT dimension FROM wanted NATURAL JOIN used GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1
    ), beside AS (
        SELECT feedback_id FROM asked NATURAL JOIN used NATURAL JOIN first
    )
    SELECT measure, dimension, scale_min, scale_max, lower_is_better,
           count(*) FILTER (WHERE feedback_id IN (SELECT feedback_id FROM beside)) AS n
    FROM asked NATURAL JOIN used GROUP BY 1, 2, 3, 4, 5"""
_SHARE = """
    CASE WHEN s.lower_is_better THEN s.scale_max - s.value ELSE s.value - s.scale_min END
    / (s.scale_max - s.scale_min)"""
_SUMS = """
    SELECT count(*) AS n, {totals}, {products} FROM (
        SELECT abs(uuid_hash(s.feedback_id) % {blocks}) AS block, {variables}
        FROM feedback_score AS s
        WHERE {where} AND (s.measure = :overall AND s.dimension IS NULL
                           OR s.measure = :rated_by AND s.dimension IS NOT NULL)
        GROUP BY s.feedback_id) AS answer
    WHERE {complete} GROUP BY block ORDER BY block"""
# The answers come together in memory: 4 MB, the usual share, would send them to disk and back.
_ROOM = text("SELECT set_config('work_mem', '64MB', true)")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked: by which measure, of which dimensions, and on which scale if it was one."""

    measure: Measure | None
    dimensions: list[str]
    left_out: list[str]
    scale: Scale | None


async def find_drivers(session: AsyncSession, standards: Standards, query: DriversQuery) -> dict[str, Any]:
    span = query.span(standards)
    where = condition(query, span)
    asked = await _asked(session, where, query)
    shown = {
        "overall": query.overall,
        "rated_by": asked.measure,
        "method": query.method,
        "n": 0,
        "reason": None,
        "constant_dimensions": [],
        "left_out": asked.left_out,
        "insufficient": True,
        "r_squared": None,
        "crosshairs": None,
        "axes": None,
        "drivers": [],
        "performance_scale": asked.scale or (0, 100),
        "from_": span[0],
        "to": span[1],
    }
    if not asked.dimensions:
        return shown | {"reason": "no_answers"}
    blocks = await _sums(session, where, query.overall, asked)
    sums = drivers.total(blocks) if blocks else None
    n = sums.n if sums else 0
    shown |= {"n": n, "insufficient": n < standards.least}
    if sums is None or n < len(asked.dimensions) + 2:
        return shown | {"reason": "too_few_answers" if n else "no_answers"}
    if constant := sums.constant():
        names = [*asked.dimensions, "overall"]
        return shown | {"reason": "constant", "constant_dimensions": [names[i] for i in constant]}
    return shown | await asyncio.to_thread(_analyse, blocks, sums, asked, query)


async def _asked(session: AsyncSession, where: Condition, query: DriversQuery) -> _Asked:
    parameters = {
        "ratings": [query.rated_by] if query.rated_by else list(_RATINGS),
        "newest": _NEWEST,
        "overall": query.overall,
        "wanted": query.dimensions,
    }
    statement = text(_ASKED.format(where=where.sql))
    rows = list(await session.execute(statement, where.parameters | parameters))
    if not rows:
        return _Asked(query.rated_by, [], [], None)
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.dimension] += row.n
    chosen = _chosen(counts, query.dimensions)
    scales = {row[2:5] for row in rows if row.dimension in chosen and row.n}
    low, high, reverse = next(iter(scales)) if len(scales) == 1 else (0, 0, True)
    left_out = sorted(counts.keys() - set(chosen))
    return _Asked(Measure(rows[0].measure), chosen, left_out, None if reverse else (low, high))


def _chosen(counts: Counter[str], wanted: Sequence[str] | None) -> list[str]:
    if wanted is not None:
        return list(dict.fromkeys(wanted))
    often = counts.most_common(MOST_ATTRIBUTES)
    return sorted(name for name, n in often if 2 * n >= often[0][1])


async def _sums(session: AsyncSession, where: Condition, overall: Measure, asked: _Asked) -> list[Sums]:
    size = len(asked.dimensions) + 1
    names = {f"dimension_{i}": name for i, name in enumerate(asked.dimensions)}
    variables = [f"max({_SHARE}) FILTER (WHERE s.dimension = :{name}) AS v{i}" for i, name in enumerate(names)]
    variables.append(f"max({_SHARE}) FILTER (WHERE s.dimension IS NULL) AS v{size - 1}")
    sql = _SUMS.format(
        totals=", ".join(f"sum(v{i})" for i in range(size)),
        products=", ".join(f"sum(v{i} * v{j})" for i in range(size) for j in range(i, size)),
        variables=", ".join(variables),
        blocks=BLOCKS,
        where=where.sql,
        complete=" AND ".join(f"v{i} IS NOT NULL" for i in range(size)),
    )
    parameters = {"overall": overall, "rated_by": asked.measure}
    await session.execute(_ROOM)
    return [_read(row, size) for row in await session.execute(text(sql), where.parameters | parameters | names)]


def _read(row: Any, size: int) -> Sums:
    n, *numbers = row
    totals, products = numbers[:size], iter(numbers[size:])
    return Sums(n, totals, [[next(products) for _ in range(i, size)] for i in range(size)])


def _analyse(blocks: Sequence[Sums], sums: Sums, asked: _Asked, query: DriversQuery) -> dict[str, Any]:
    lmg = drivers.lmg_importance(blocks, query.level)
    correlations = drivers.correlations(sums, query.level)
    low, high = asked.scale or (0, 100)
    performances = [low + (high - low) * total / sums.n for total in sums.totals[:-1]]
    importances = [each.value for each in (lmg if query.method is DriverMethod.lmg else correlations)]
    at = _mean(importances), _mean(performances)
    found = [
        {
            "dimension": name,
            "lmg": lmg[i].value,
            "lmg_interval": lmg[i].interval,
            "correlation": correlations[i].value,
            "correlation_interval": correlations[i].interval,
            "importance": importances[i],
            "performance": performances[i],
            "quadrant": drivers.quadrant(importances[i], performances[i], at=at),
        }
        for i, name in sorted(enumerate(asked.dimensions), key=lambda each: -importances[each[0]])
    ]
    return {
        "r_squared": sum(each.value for each in lmg),
        "crosshairs": {"importance": at[0], "performance": at[1]},
        "axes": {"performance": _axis(performances), "importance": _axis(importances)},
        "drivers": found,
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _axis(values: Sequence[float]) -> tuple[float, float]:
    """From the lowest to the highest with some room at both ends."""
    low, high = min(values), max(values)
    room = (high - low) * 0.15 or max(abs(high), 0.1) * 0.1
    return low - room, high + room
