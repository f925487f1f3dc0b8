"""Counted answers → the figure of their measure and what belongs beside it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.feedback import measures
from app.feedback.measures import Estimate
from app.feedback.models import Measure
from app.feedback.scales import Scale

MOST_SHOWN = 11
"""Different values whose shares are worth showing one by one."""
_INDEX: "Asked" = (0.0, 100.0, False)

Asked = tuple[float, float, bool]
"""The scale, and whether low values are the good ones."""


@dataclass(slots=True)
class Answers:
    """How many gave each value, apart for each scale it was asked on."""

    asked: dict[Asked, Counter[float]] = field(default_factory=dict)

    def add(self, asked: Asked, value: float, n: int) -> None:
        self.asked.setdefault(asked, Counter())[value] += n

    def less(self, other: "Answers") -> "Answers":
        rest = {asked: counts - other.asked.get(asked, Counter()) for asked, counts in self.asked.items()}
        return Answers({asked: counts for asked, counts in rest.items() if counts})

    @property
    def n(self) -> int:
        return sum(counts.total() for counts in self.asked.values())

    @property
    def counts(self) -> Counter[float]:
        """Of all scales together: only for what means the same on each."""
        together: Counter[float] = Counter()
        for counts in self.asked.values():
            together.update(counts)
        return together

    def as_index(self) -> "Answers":
        """Each value by how far up its scale it is, from 0 for the worst to 100 for the best."""
        index = Answers()
        for (low, high, reverse), counts in self.asked.items():
            for value, n in counts.items():
                share = (value - low) / (high - low)
                index.add(_INDEX, 100 * (1 - share if reverse else share), n)
        return index


@dataclass(frozen=True, slots=True)
class Options:
    measure: Measure
    level: float
    least: int
    normalise: bool = False
    top_box_from: float | None = None


def answers_of(rows: Iterable[Any]) -> dict[str | None, Answers]:
    """By group, in the order of the rows."""
    groups: dict[str | None, Answers] = {}
    for row in rows:
        asked = (row.scale_min, row.scale_max, row.lower_is_better)
        groups.setdefault(row.key, Answers()).add(asked, row.value, row.n)
    return groups


def together(groups: Iterable[Answers]) -> Answers:
    total = Answers()
    for group in groups:
        for asked, counts in group.asked.items():
            for value, n in counts.items():
                total.add(asked, value, n)
    return total


def estimate(answers: Answers, options: Options) -> Estimate | None:
    """The figure itself; None without answers, and for a mean of different scales."""
    if options.measure is Measure.nps:
        return measures.net_promoter_score(answers.counts, options.level)
    if options.measure is Measure.csat:
        return satisfied(answers, options)
    if options.normalise:
        answers = answers.as_index()
    return measures.mean(answers.counts, options.level) if len(answers.asked) == 1 else None


def satisfied(answers: Answers, options: Options) -> Estimate | None:
    """The share in the top boxes, of whatever scale."""
    k = 0
    for asked, counts in answers.asked.items():
        low, high = boxes(asked, options)
        k += sum(n for value, n in counts.items() if low - 1e-9 <= value <= high + 1e-9)
    return measures.share(k, answers.n, options.level)


def boxes(asked: Asked, options: Options) -> Scale:
    """The first and last value of the top boxes: from the good end of the scale."""
    low, high, reverse = asked
    if options.top_box_from is not None:
        bound = options.top_box_from
        return (low, bound) if reverse else (bound, high)
    bound = (measures.easy_box if options.measure is Measure.ces else measures.top_box)((low, high))
    return (low, low + high - bound) if reverse else (bound, high)


def show(answers: Answers, options: Options) -> dict[str, Any]:
    found = estimate(answers, options)
    return {
        "n": answers.n,
        "value": found and found.value,
        "standard_error": found and found.standard_error,
        "interval": found and found.interval,
        "insufficient": answers.n < options.least,
        "reason": _reason(answers, found),
        "scales": [_scale(asked, counts, options) for asked, counts in answers.asked.items()],
        **_shares(answers, options),
        **_means(answers, options),
    }


def _reason(answers: Answers, found: Estimate | None) -> str | None:
    if not answers.n:
        return "no_answers"
    return "mixed_scales" if found is None else None


def _scale(asked: Asked, counts: Counter[float], options: Options) -> dict[str, Any]:
    low, high, reverse = asked
    top = None if options.measure is Measure.nps else boxes(asked, options)
    return {"scale": (low, high), "lower_is_better": reverse, "n": counts.total(), "top_boxes": top}


def _shares(answers: Answers, options: Options) -> dict[str, Any]:
    if options.measure is Measure.nps:
        counts: Mapping[str, int] = measures.loyalty(answers.counts)
        interval = measures.adjusted_net_promoter_interval(answers.counts, options.level)
        extra = {"adjusted_interval": interval, "top_box_interval": None}
    else:
        top = satisfied(answers, options)
        k = round(top.value * top.n) if top else 0
        counts = {"top_box": k, "rest": answers.n - k}
        extra = {"adjusted_interval": None, "top_box_interval": top.interval if top else None}
    shares = {name: count / answers.n for name, count in counts.items()} if answers.n else None
    return {"counts": counts, "shares": shares, **extra}


def _means(answers: Answers, options: Options) -> dict[str, Any]:
    """The mean and each value's share, where all were asked on one scale."""
    one_scale = answers.as_index() if options.normalise else answers
    if len(one_scale.asked) != 1:
        return {"mean": None, "mean_interval": None, "distribution": None}
    counts = one_scale.counts
    average = measures.mean(counts, options.level)
    assert average is not None, "a scale is only there with answers"
    distribution = [{"value": value, "n": n, "share": n / average.n} for value, n in sorted(counts.items())]
    return {
        "mean": average.value,
        "mean_interval": average.interval,
        "distribution": distribution if len(distribution) <= MOST_SHOWN else None,
    }
