"""Summaries: one measure, in all and by group, with intervals; and how far word of it goes."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.feedback import measures
from app.feedback.models import Measure
from app.feedback.statistics import queries
from app.feedback.statistics.figures import Answers, Options, answers_of, estimate, show, together
from app.feedback.statistics.schemas import Comparison, SummaryQuery, WordOfMouthQuery
from app.feedback.statistics.selection import ALL, Condition, Span, Standards, condition, dimension_meant, of_measure

_UNITS = {Measure.nps: "points", Measure.csat: "share"}


async def summarise(session: AsyncSession, standards: Standards, query: SummaryQuery) -> dict[str, Any]:
    options = Options(query.measure, query.level, standards.least, query.normalise, query.top_box_from)
    span = query.span(standards)
    rows = await _count(session, query, _where(query, span), query.zone(standards))
    groups = answers_of(rows)
    total = together(groups.values())
    return {
        **show(total, options),
        **await _previous(session, query, span, total, options),
        "measure": query.measure,
        "unit": _UNITS.get(query.measure, "index" if query.normalise else "mean"),
        "dimension": _dimension(query),
        "from_": span[0],
        "to": span[1],
        "time_zone": query.zone(standards),
        "least": standards.least,
        "group_by": query.group_by,
        "groups": _groups(rows, groups, total, query, options) if query.group_by else [],
    }


def _where(query: SummaryQuery, span: Span) -> Condition:
    return of_measure(condition(query, span), query.measure, _dimension(query))


def _dimension(query: SummaryQuery) -> str | None:
    asked = query.dimension or (ALL if query.group_by == "dimension" else None)
    return dimension_meant(query.measure, asked)


async def _count(session: AsyncSession, query: SummaryQuery, where: Condition, zone: str) -> list[Any]:
    if query.group_by in queries.PERIODS:
        return await queries.by_period(session, where, query.group_by, zone)
    if query.group_by == "segment":
        return await queries.by_segment(session, where, query.segment_by.split(".")[1:])
    return await queries.by_column(session, where, query.group_by)


async def _previous(
    session: AsyncSession, query: SummaryQuery, span: Span, total: Answers, options: Options
) -> dict[str, Any]:
    begin, end = span
    if query.compare is None or begin is None or end is None:
        return {}
    try:
        earlier = begin - (end - begin)
    except OverflowError:  # before the calendar's first year nobody answered
        earlier = begin
    before = together(answers_of(await queries.by_column(session, _where(query, (earlier, begin)), None)).values())
    return {"previous": show(before, options), "change": _compare(total, before, options, "previous")}


def _groups(
    rows: list[Any], groups: dict[str | None, Answers], total: Answers, query: SummaryQuery, options: Options
) -> list[dict[str, Any]]:
    if query.group_by in queries.PERIODS:
        return _periods(rows, groups, options)
    shown = [
        {"key": key, **show(answers, options), "comparison": _compare(answers, total.less(answers), options, "rest")}
        for key, answers in groups.items()
    ]
    lower_is_better = all(asked[2] for asked in total.asked) and options.measure is not Measure.csat
    return _ranked(shown, best_is_low=lower_is_better and not options.normalise)


def _periods(rows: list[Any], groups: dict[str | None, Answers], options: Options) -> list[dict[str, Any]]:
    spans = {row.key: (row.starts, row.ends) for row in rows}
    shown = []
    before: str | None = None
    for key, answers in groups.items():
        change = _compare(answers, groups[before], options, before) if before is not None else None
        starts, ends = spans[key]
        shown.append({"key": key, "starts": starts, "ends": ends, **show(answers, options), "comparison": change})
        before = key
    return shown


def _ranked(shown: list[dict[str, Any]], *, best_is_low: bool) -> list[dict[str, Any]]:
    """The best first; those with too few answers behind, unranked."""
    ranked = [group for group in shown if not group["insufficient"] and group["value"] is not None]
    ranked.sort(key=lambda group: (group["value"] if best_is_low else -group["value"], *_named(group)))
    for place, group in enumerate(ranked, 1):
        before = ranked[place - 2] if place > 1 else None
        group["rank"] = before["rank"] if before and before["value"] == group["value"] else place
    rest = [group for group in shown if "rank" not in group]
    return ranked + sorted(rest, key=lambda group: (-group["n"], *_named(group)))


def _named(group: dict[str, Any]) -> tuple[bool, str]:
    return group["key"] is None, group["key"] or ""


def _compare(one: Answers, other: Answers, options: Options, of: str | None) -> Comparison | None:
    """None where either has no figure, or they were asked differently."""
    if not options.normalise and options.measure not in _UNITS and one.asked.keys() != other.asked.keys():
        return None
    first, second = estimate(one, options), estimate(other, options)
    if first is None or second is None:
        return None
    return Comparison.told(measures.difference(first, second, options.level), of)


async def spread_word(session: AsyncSession, standards: Standards, query: WordOfMouthQuery) -> dict[str, Any]:
    """How many hear of the service from those who answered: rules of thumb, so the multipliers are settings."""
    span = query.span(standards)
    where = of_measure(condition(query, span), Measure.nps, dimension_meant(Measure.nps, query.dimension))
    answers = together(answers_of(await queries.by_column(session, where, None)).values())
    groups = measures.loyalty(answers.counts)
    by_promoter = standards.told_by_promoter if query.told_by_promoter is None else query.told_by_promoter
    by_detractor = standards.told_by_detractor if query.told_by_detractor is None else query.told_by_detractor
    good = measures.reach(groups["promoters"], by_promoter, count_tellers=query.count_tellers)
    bad = measures.reach(groups["detractors"], by_detractor, count_tellers=query.count_tellers)
    return {
        "n": answers.n,
        "promoters": groups["promoters"],
        "detractors": groups["detractors"],
        "told_by_promoter": by_promoter,
        "told_by_detractor": by_detractor,
        "tellers_counted": query.count_tellers,
        "hear_good": good if answers.n else None,
        "hear_bad": bad if answers.n else None,
        "hear_bad_for_one_good": bad / good if good else None,
        "from_": span[0],
        "to": span[1],
    }
