"""On which scale each measure is asked, and which dimensions of service are standard."""

from collections.abc import Mapping

from app.feedback.models import Measure

Scale = tuple[float, float]

STANDARD_SCALES: Mapping[Measure, Scale] = {
    Measure.csat: (1, 5),
    Measure.nps: (0, 10),
    Measure.ces: (1, 7),
    Measure.rating: (1, 5),
    Measure.expectation: (1, 7),
    Measure.perception: (1, 7),
    Measure.importance: (1, 7),
}

NPS_SCALES: frozenset[Scale] = frozenset({(0, 10), (1, 10)})
"""Where the cuts between detractors, passives and promoters (6, 8) mean something."""

DETRACTOR = 6
"""The highest answer of a detractor (Reichheld, "The One Number You Need to Grow", 2003)."""

STANDARD_DIMENSIONS = (
    "willingness_to_help",
    "professionalism",
    "courtesy_and_listening",
    "waiting_time",
    "reliability",
    "responsiveness",
    "assurance",
    "empathy",
    "tangibles",
)
"""Names that come ready; any other may be used beside them."""


def scale_in_words(scale: Scale) -> str:
    return " to ".join(f"{end:g}" for end in scale)
