"""How many gave which value, by group: one statement, which reads an index only and brings a row a group and value.

Periods are walked one after the other, each a range of the index: to cut a million times into months takes longer than
all the rest. Empty periods are skipped, so that an answer of the year 1 does no harm.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Unprocessable
from app.feedback.statistics.selection import MOST_ROWS, Condition

PERIODS = {
    "day": ("1 day", "YYYY-MM-DD"),
    "week": ("7 days", 'IYYY-"W"IW'),
    "month": ("1 month", "YYYY-MM"),
    "quarter": ("3 months", 'YYYY-"Q"Q'),
    "year": ("1 year", "YYYY"),
}
COLUMNS = ("channel", "dimension", "agent")

_VALUES = "s.value, s.scale_min, s.scale_max, s.lower_is_better"
_BY_COLUMN = """
    SELECT {key} AS key, {values}, count(*) AS n FROM feedback_score AS s {join}
    WHERE {where} GROUP BY 1, 2, 3, 4, 5 LIMIT :most"""
# OFFSET 0 keeps the subquery: so attributes are read once a customer, not once a score, and PostgreSQL expects few
# segments, where it would else take every customer for one and sort all scores on disk.
_OF_SEGMENT = """
    JOIN customer AS c ON c.id = s.customer_id,
    LATERAL (SELECT c.attributes #>> cast(:path AS text[]) AS segment OFFSET 0) AS said"""
_BY_PERIOD = """
    WITH RECURSIVE period AS (
        (SELECT span.* FROM feedback_score AS s, LATERAL ({span}) AS span
         WHERE {where} ORDER BY s.collected_at LIMIT 1)
        UNION ALL
        SELECT next.* FROM period, LATERAL (
            SELECT span.* FROM feedback_score AS s, LATERAL ({span}) AS span
            WHERE {where} AND s.collected_at >= period.ends ORDER BY s.collected_at LIMIT 1) AS next
    )
    SELECT to_char(period.local, :label) AS key, {utc_starts} AS starts, {utc_ends} AS ends, counted.*
    FROM period, LATERAL (
        SELECT {values}, count(*) AS n FROM feedback_score AS s
        WHERE {where} AND s.collected_at >= period.starts AND s.collected_at < period.ends
        GROUP BY 1, 2, 3, 4) AS counted
    ORDER BY period.starts LIMIT :most"""
# The earlier: where clocks are put back at midnight there are two midnights.
_SPAN = """
    SELECT local, least(local AT TIME ZONE :zone, s.collected_at) AS starts,
           (local + cast(:step AS text)::interval) AT TIME ZONE :zone AS ends
    FROM date_trunc(:unit, s.collected_at AT TIME ZONE :zone) AS local"""
# As text: a period of the year 9999 ends in one that Python has no date for.
_UTC = """to_char(period.{} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')"""


async def by_column(session: AsyncSession, where: Condition, column: str | None) -> list[Any]:
    key = f"s.{column}" if column in COLUMNS else "cast(NULL AS text)"
    return await _rows(session, _BY_COLUMN.format(key=key, values=_VALUES, join="", where=where.sql), where.parameters)


async def by_segment(session: AsyncSession, where: Condition, path: list[str]) -> list[Any]:
    """By what the customers' files say at this path of their attributes."""
    sql = _BY_COLUMN.format(key="said.segment", values=_VALUES, join=_OF_SEGMENT, where=where.sql)
    return await _rows(session, sql, where.parameters | {"path": path})


async def by_period(session: AsyncSession, where: Condition, unit: str, zone: str) -> list[Any]:
    sql = _BY_PERIOD.format(
        span=_SPAN,
        where=where.sql,
        values=_VALUES,
        utc_starts=_UTC.format("starts"),
        utc_ends=_UTC.format("ends"),
    )
    step, label = PERIODS[unit]
    return await _rows(session, sql, where.parameters | {"zone": zone, "unit": unit, "step": step, "label": label})


async def _rows(session: AsyncSession, sql: str, parameters: dict[str, Any]) -> list[Any]:
    rows = list(await session.execute(text(sql), parameters | {"most": MOST_ROWS + 1}))
    if len(rows) > MOST_ROWS:
        raise Unprocessable("So many groups and values make no summary: choose fewer.", code="too_many_groups")
    return rows
