"""How many customers were let down, how fast somebody dealt with it, and how many were won back."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.feedback.measures import wilson
from app.feedback.models import RecoveryOutcome
from app.feedback.recovery_schemas import RecoveryGrouping, RecoverySummaryQuery
from app.feedback.statistics.selection import Standards

_KEYS = {
    None: "NULL::text",
    RecoveryGrouping.reason: "r.reason::text",
    RecoveryGrouping.owner: "r.owner::text",
    RecoveryGrouping.month: "to_char(r.created_at AT TIME ZONE CAST(:time_zone AS text), 'YYYY-MM')",
}

_SUMMARY = """
    WITH task AS (
        SELECT r.*, {key} AS key, extract(epoch FROM r.closed_at - r.created_at) / 3600 AS hours,
               -- A customer who changes the first answer has not been asked again.
               r.second_feedback_id IS DISTINCT FROM r.feedback_id AS is_asked_again,
               CASE WHEN s.lower_is_better THEN r.second_value < r.first_value
                    ELSE r.second_value > r.first_value END AS is_better
        FROM recovery AS r
        LEFT JOIN feedback_score AS s ON s.feedback_id = r.feedback_id AND s.measure = r.measure
                                     AND s.dimension IS NOT DISTINCT FROM r.dimension
        WHERE r.created_at >= coalesce(CAST(:begin AS timestamptz), '-infinity')
          AND r.created_at < coalesce(CAST(:end AS timestamptz), 'infinity'))
    SELECT key, grouping(key) = 1 AS is_total, count(*) AS opened,
           count(*) FILTER (WHERE status = 'open') AS open,
           count(*) FILTER (WHERE status = 'open' AND due_at < now()) AS overdue,
           count(*) FILTER (WHERE status = 'closed') AS closed,
           count(*) FILTER (WHERE closed_at > due_at) AS closed_late,
           percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY hours) AS hours,
           {outcomes},
           count(second_value) FILTER (WHERE is_asked_again) AS second_scores,
           count(*) FILTER (WHERE is_asked_again AND is_better) AS better
    FROM task
    GROUP BY GROUPING SETS ((), (key))
    ORDER BY is_total, key"""

_OUTCOMES = ", ".join(f"count(*) FILTER (WHERE outcome = '{each}') AS {each}" for each in RecoveryOutcome)


async def summarise(session: AsyncSession, standards: Standards, query: RecoverySummaryQuery) -> dict[str, Any]:
    statement = _SUMMARY.format(key=_KEYS[query.group_by], outcomes=_OUTCOMES)
    begin, end = query.span(standards)
    zone = {"time_zone": query.zone(standards)} if query.group_by is RecoveryGrouping.month else {}
    rows = await session.execute(text(statement), {"begin": begin, "end": end} | zone)
    *groups, total = rows.mappings()
    return {
        "group_by": query.group_by,
        "total": _figures(total),
        "groups": [{"key": group["key"]} | _figures(group) for group in groups if query.group_by],
    }


def _figures(row: Any) -> dict[str, Any]:
    closed, won_back = row["closed"], row["won_back"]
    median, p90 = row["hours"] or (None, None)
    return {
        **{name: row[name] for name in ("opened", "open", "overdue", "closed", "closed_late")},
        "hours_to_close": {"median": median, "p90": p90},
        "won_back": {
            "n": won_back,
            "of": closed,
            "share": won_back / closed if closed else None,
            "interval": wilson(won_back, closed),
        },
        "outcomes": {each: row[each] for each in RecoveryOutcome},
        "second_scores": {"n": row["second_scores"], "better": row["better"]},
    }
