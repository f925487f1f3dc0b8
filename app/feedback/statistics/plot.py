"""The importance-performance plot as SVG: drawn by hand, readable in scripts of either direction.

Labels are placed from the most important point on, each at the first of some places around its point where it covers
neither another label nor a point.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import east_asian_width
from xml.sax.saxutils import escape

from app.feedback.drivers import Quadrant
from app.feedback.statistics.labels import TEXTS, Texts, digits, dimension_label

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Content-Disposition": "inline"}

_WIDTH, _HEIGHT = 720, 560
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 24, 56, 64
_FONT = 13
_RADIUS = 5
_LONGEST = 34
"""Characters of a label, beyond which it is cut."""
_COLOURS = {
    Quadrant.concentrate_here: "#b3261e",
    Quadrant.keep_up: "#1b6e3c",
    Quadrant.low_priority: "#5f6368",
    Quadrant.possible_overkill: "#8a5a00",
}
_STYLE = (
    "text{font-family:Vazirmatn,'Noto Sans','Noto Naskh Arabic','Noto Sans Hebrew',Tahoma,'DejaVu Sans',sans-serif;"
    f"font-size:{_FONT}px;fill:#1f1f1f}}.title{{font-size:17px;font-weight:bold}}.small{{font-size:12px;fill:#444}}"
    ".halo{unicode-bidi:plaintext;paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}"
)


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "_Box") -> float:
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, high)


@dataclass(frozen=True, slots=True)
class _Frame:
    """From figures to places; in a language written from the right, better performance lies to the left."""

    performance: tuple[float, float]
    importance: tuple[float, float]
    mirrored: bool

    def x(self, performance: float) -> float:
        low, high = self.performance
        part = (performance - low) / (high - low)
        return _LEFT + (1 - part if self.mirrored else part) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, importance: float) -> float:
        low, high = self.importance
        return _HEIGHT - _BOTTOM - (importance - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)


def draw(found: dict[str, Any], language: str) -> str:
    texts = TEXTS[language]
    parts = list(_plot(found, texts) if found["drivers"] else _nothing(found, texts))
    direction = "rtl" if texts.right_to_left else "ltr"
    description = _described(found, texts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'role="img" aria-labelledby="title description" lang="{language}" xml:lang="{language}" '
        f'direction="{direction}">\n<title id="title">{escape(texts.title)}</title>\n'
        f'<desc id="description">{escape(description)}</desc>\n<style>{_STYLE}</style>\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _described(found: dict[str, Any], texts: Texts) -> str:
    """What the plot shows, for whoever hears it: the dimensions of each quadrant, the most important first."""
    if not found["drivers"]:
        return texts.nothing
    sentences = []
    for quadrant in Quadrant:
        named = [each["dimension"] for each in found["drivers"] if each["quadrant"] is quadrant]
        if named:
            labels = texts.comma.join(dimension_label(name, texts) for name in named)
            sentences.append(f"{texts.quadrants[quadrant]}: {labels}.")
    return " ".join(sentences)


def _nothing(found: dict[str, Any], texts: Texts) -> Iterator[str]:
    yield _text(_WIDTH / 2, 30, texts.title, "title")
    yield _text(_WIDTH / 2, _HEIGHT / 2, texts.nothing)
    yield _text(_WIDTH / 2, _HEIGHT / 2 + 22, f"n = {digits(str(found['n']), texts)}", "small")


def _plot(found: dict[str, Any], texts: Texts) -> Iterator[str]:
    axes, cross = found["axes"], found["crosshairs"]
    frame = _Frame(axes["performance"], axes["importance"], texts.right_to_left)
    middle = frame.x(cross["performance"]), frame.y(cross["importance"])
    yield _text(_WIDTH / 2, 30, texts.title, "title")
    yield from _axes(found, frame, texts)
    yield from _quadrants(middle, texts)
    points = [(frame.x(each["performance"]), frame.y(each["importance"])) for each in found["drivers"]]
    for each, (x, y) in zip(found["drivers"], points, strict=True):
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}" fill="{_COLOURS[each["quadrant"]]}"/>'
    labels = [_cut(dimension_label(each["dimension"], texts)) for each in found["drivers"]]
    for label, box in zip(labels, _places(points, labels), strict=True):
        yield _text((box.left + box.right) / 2, box.bottom - 4, label, "halo")


def _axes(found: dict[str, Any], frame: _Frame, texts: Texts) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    yield f'<rect x="{_LEFT}" y="{_TOP}" width="{right - _LEFT}" height="{bottom - _TOP}" fill="none" stroke="#888"/>'
    for value in _ticks(frame.performance):
        yield _text(frame.x(value), bottom + 18, digits(f"{value:.2f}", texts), "small")
    for value in _ticks(frame.importance):
        yield _text(_LEFT - 26, frame.y(value) + 4, digits(f"{value:.3f}", texts), "small")
    low, high = (digits(f"{end:g}", texts) for end in found["performance_scale"])
    performance = texts.performance.format(low=low, high=high)
    yield _text((_LEFT + right) / 2, bottom + 38, performance)
    n = digits(str(found["n"]), texts)
    r_squared = digits(f"{found['r_squared']:.2f}", texts)
    yield _text((_LEFT + right) / 2, bottom + 56, texts.basis.format(n=n, r_squared=r_squared), "small")
    place = (_TOP + bottom) / 2
    yield _text(20, place, texts.importance[found["method"]], "", f' transform="rotate(-90 20 {place})"')


def _ticks(axis: tuple[float, float]) -> list[float]:
    low, high = axis
    return [low + (high - low) * part / 4 for part in range(5)]


def _quadrants(middle: tuple[float, float], texts: Texts) -> Iterator[str]:
    x, y = middle
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    line = '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="#888" stroke-dasharray="5 4"/>'
    yield line.format(x, _TOP, x, bottom)
    yield line.format(_LEFT, y, right, y)
    weak, strong = (right, _LEFT) if texts.right_to_left else (_LEFT, right)
    corners = {
        Quadrant.concentrate_here: (weak, _TOP + 18),
        Quadrant.keep_up: (strong, _TOP + 18),
        Quadrant.low_priority: (weak, bottom - 8),
        Quadrant.possible_overkill: (strong, bottom - 8),
    }
    for quadrant, (edge, height) in corners.items():
        width = _width_of(texts.quadrants[quadrant])
        place = edge + 8 + width / 2 if edge == _LEFT else edge - 8 - width / 2
        yield _text(place, height, texts.quadrants[quadrant], "halo", f' style="fill:{_COLOURS[quadrant]}"')


def _places(points: Sequence[tuple[float, float]], labels: Sequence[str]) -> list[_Box]:
    taken = [_Box(x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS) for x, y in points]
    boxes: list[_Box] = []
    for (x, y), label in zip(points, labels, strict=True):
        candidates = list(_around(x, y, _width_of(label)))
        best = min(candidates, key=lambda box: sum(box.overlap(other) for other in taken))
        taken.append(best)
        boxes.append(best)
    return boxes


def _around(x: float, y: float, width: float) -> Iterator[_Box]:
    """Places for a label, the nearest first, moved into the frame where they would leave it."""
    height = _FONT + 5
    for distance in (0, height, 2 * height, 3 * height):
        for side in (0, 1, -1):
            for up in (-1, 1) if side == 0 or distance else (0,):
                left = x - width / 2 if side == 0 else x + 9 if side == 1 else x - 9 - width
                top = y - height / 2 + up * (distance + (14 if side == 0 else 0))
                left = min(max(left, _LEFT + 3), _WIDTH - _RIGHT - 3 - width)
                top = min(max(top, _TOP + 24), _HEIGHT - _BOTTOM - 24 - height)
                yield _Box(left, top, left + width, top + height)


def _width_of(text: str) -> float:
    return sum(_FONT * (1 if east_asian_width(letter) in "WF" else 0.56) for letter in text)


def _cut(label: str) -> str:
    return label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…"


def _text(x: float, y: float, words: str, kind: str = "", more: str = "") -> str:
    """Centred, so that the direction of the script moves nothing."""
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle"{named}{more}>{escape(words)}</text>'
