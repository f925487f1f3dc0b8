"""What each figure means, and which function computes it; a test sees to it that they exist."""

from typing import Any

_MEASURES = "app.feedback.measures."
_DRIVERS = "app.feedback.drivers."

NOTES = {
    "no_answers": "Without answers there is no figure: n is 0 and value null.",
    "n": "Answers counted; an answer without this score is not among them.",
    "level": "Intervals hold the true value in `level` of cases, 0.95 unless asked otherwise: z = 1.96.",
    "insufficient": "True below ONEFILE_FEEDBACK_LEAST_ANSWERS answers; such a group is shown and not ranked.",
    "rank": "By value, the best first, without regard to intervals: see `comparison` for what may be chance.",
    "comparison": "Difference d of two figures of different answers, standard error √(se₁² + se₂²): two-sided z test; "
    "for means Welch's t test. A period against the one before that has answers, another group against all the rest.",
    "periods": "Begin in `time_zone`; weeks on Monday, named as in ISO 8601. Empty ones are not listed.",
    "scales": "`scales` says on which scales was asked. NPS and shares mean the same on several; means do not, so a "
    "mean of different scales is null (`mixed_scales`) unless `normalise=true` makes them parts of their scale, "
    "0 to 100.",
    "top_boxes": "Of scales of 4 to 11 points the two top ones (4–5 of 5, 6–7 of 7, 9–10 of 10), of others the upper "
    "quarter (75–100 of 100); of ces the upper third (5–7 of 7, 4–5 of 5). Where low is good, from the other end. "
    "`top_box_from` chooses another bound.",
}

ITEMS: list[dict[str, Any]] = [
    {
        "name": "nps",
        "measures": "Net promoter score: would they recommend us?",
        "formula": "NPS = 100 · (P − D) / n; P promoters (9–10), D detractors (0–6), passives (7–8) count in n only. "
        "Shares are not rounded before they are subtracted.",
        "scale": "Asked on 0 to 10, or 1 to 10 with the same cuts; the score is -100 to 100 points.",
        "interval": "Wald: NPS ± z · se, se = 100 · √(((P + D)/n − ((P − D)/n)²) / n). Adjusted Wald: the same with "
        "3/4 promoter, 3/4 detractor and 3 answers added; it may reach beyond 100.",
        "good": "high",
        "functions": [
            _MEASURES + name
            for name in ("loyalty", "net_promoter_score", "adjusted_net_promoter_interval", "difference")
        ],
        "source": "Reichheld, The One Number You Need to Grow, 2003; Sauro & Lewis, Quantifying the User Experience",
    },
    {
        "name": "csat",
        "measures": "Customer satisfaction: the share of satisfied answers.",
        "formula": "CSAT = k / n; k answers in the top boxes. The mean stands beside it and is no per cent.",
        "scale": "Asked on 1 to 5 unless told otherwise; the share is 0 to 1.",
        "interval": "Wilson: (k + z²/2 ± z · √(k(n − k)/n + z²/4)) / (n + z²).",
        "good": "high",
        "functions": [_MEASURES + name for name in ("top_box", "share", "wilson", "difference")],
        "source": "Wilson, Probable Inference, 1927",
    },
    {
        "name": "ces",
        "measures": "Customer effort: how easy we made it.",
        "formula": "CES = Σx / n; beside it the share of 5 to 7. The question of 2010 asked for effort, low is good: "
        "such scores carry `lower_is_better` and have no mean together with the others.",
        "scale": "Asked on 1 to 7 unless told otherwise.",
        "interval": "Student's t: mean ± t(n − 1) · s / √n; the share's: Wilson.",
        "good": "high, low with `lower_is_better`",
        "functions": [_MEASURES + name for name in ("mean", "easy_box", "share", "wilson", "difference")],
        "source": "Dixon, Freeman & Toman, Stop Trying to Delight Your Customers, 2010; CES 2.0, 2013",
    },
    {
        "name": "rating",
        "measures": "How good a dimension of the service was; also expectation, perception and importance by "
        "themselves.",
        "formula": "Mean = Σx / n; with `normalise=true` of 100 · (x − min) / (max − min).",
        "scale": "Asked on 1 to 5; expectation, perception and importance on 1 to 7, unless told otherwise.",
        "interval": "Student's t: mean ± t(n − 1) · s / √n, s² = Σ(x − mean)² / (n − 1).",
        "good": "high, low with `lower_is_better`",
        "functions": [_MEASURES + "mean", _MEASURES + "difference"],
        "source": "Student, The Probable Error of a Mean, 1908",
    },
    {
        "name": "gap",
        "measures": "Whether a dimension was as good as expected.",
        "formula": "gap = mean of (perception − expectation) over pairs of one answer, or of one customer: below 0 is "
        "worse than expected. All dimensions: their plain mean; weighted: Σ(w · gap) / Σw, w the mean importance.",
        "scale": "Points of the scale both were asked on; pairs on different scales are not counted.",
        "interval": "Paired t: gap ± t(n − 1) · s / √n, s that of the differences; t = gap · √n / s.",
        "good": "high",
        "functions": [_MEASURES + "paired_difference", _MEASURES + "weighted_mean"],
        "source": "Parasuraman, Zeithaml & Berry, SERVQUAL, 1988",
    },
    {
        "name": "importance",
        "measures": "How much a dimension drives the overall score, derived from the answers.",
        "formula": "LMG: what a dimension adds to R², averaged over all orders of entering; the parts add up to R². Or "
        "Pearson's correlation r with the overall score. Of answers that have the overall score and all dimensions.",
        "scale": "LMG 0 to 1; correlation -1 to 1. Values are taken as parts of their scales.",
        "interval": "LMG: jackknife, part ± t(b − 1) · √((b − 1)/b · Σ(part₋ᵢ − mean)²), leaving out one of up to 20 "
        "blocks of answers at a time. Correlation: Fisher, tanh(artanh r ± z / √(n − 3)).",
        "good": "neither",
        "functions": [_DRIVERS + name for name in ("lmg", "lmg_importance", "correlations")],
        "source": "Lindeman, Merenda & Gold, 1980; Grömping, Relative Importance for Linear Regression in R, 2006",
    },
    {
        "name": "quadrant",
        "measures": "What to improve first: importance against performance, the mean of the dimension's own scores.",
        "formula": "Cross-hairs at the means of the dimensions; on one is high. Important and weak: concentrate_here; "
        "important and strong: keep_up; unimportant and weak: low_priority; unimportant and strong: possible_overkill.",
        "scale": "The scale all dimensions were asked on, else 0 to 100.",
        "interval": "none: a dimension whose intervals cross a cross-hair may belong to the other side",
        "good": "keep_up",
        "functions": [_DRIVERS + "quadrant"],
        "source": "Martilla & James, Importance-Performance Analysis, 1977",
    },
    {
        "name": "word_of_mouth",
        "measures": "How many people hear good and bad of the service from those who answered.",
        "formula": "promoters · a and detractors · b; with `count_tellers` a + 1 and b + 1. What hearers pass on is "
        "not counted.",
        "scale": "People. a and b are rules of thumb, settings or parameters: 5 and 20 unless changed.",
        "interval": "none",
        "good": "high for good, low for bad",
        "functions": [_MEASURES + "loyalty", _MEASURES + "reach"],
        "source": "after TARP, Measuring the Grapevine, 1981",
    },
]
