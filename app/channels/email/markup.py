"""The html of a mail made harmless to show."""

import re
from collections import Counter

import nh3

_LARGEST = 2_000_000
_DEEPEST = 256
_LONGEST_TAG = 10_000
_MOST_ENTITIES = 30_000
# How no-break space begins in UTF-8: nh3 stops at each such byte as at an entity.
_ESCAPED = 0xC2
_TAG = re.compile(r"<(/?)([a-z][a-z0-9:-]*)")
_LONG_TAG = re.compile(rf"<[A-Za-z][^<>]{{{_LONGEST_TAG}}}")
# Elements that end without being closed.
_OPEN_ENDED = frozenset(
    {"br", "col", "dd", "dt", "hr", "img", "input", "li", "link", "meta", "option", "p", "td", "tr"}
)
# Pictures inside the html: large, and not shown once it is harmless.
_DATA = re.compile(r"(?<==)\s*([\"'])\s*data:[^\"'>]*+\1", re.IGNORECASE)
_RIGHT_TO_LEFT = re.compile(r"<(?:html|body)\b[^>]{0,500}?\bdir\s*=\s*[\"']?rtl", re.IGNORECASE)
_CLEANER = nh3.Cleaner(
    attributes={**nh3.ALLOWED_ATTRIBUTES, "*": {"dir", "lang", "title"}},
    clean_content_tags={"script", "style", "title"},
    url_schemes={"http", "https", "mailto", "tel", "cid"},
)


def without_data(html: str) -> str:
    """Pictures of the `cid:` kind come as attachments; those written into the html only weigh."""
    return _DATA.sub('""', html)


def sanitised(html: str) -> str | None:
    """Without scripts, styles and forms; None where nothing is left, or where parsing would take too long."""
    html = without_data(html)
    if unreasonable(html):
        return None
    cleaned = _CLEANER.clean(html).strip()
    if cleaned and _RIGHT_TO_LEFT.search(html):
        return f'<div dir="rtl">{cleaned}</div>'
    return cleaned or None


def unreasonable(html: str) -> bool:
    """Whether this is made to keep parsers busy: their time grows with the square of the depth and of an element's
    attributes."""
    if len(html) > _LARGEST or html.count("&") + html.encode().count(_ESCAPED) > _MOST_ENTITIES:
        return True
    return _LONG_TAG.search(html) is not None or (html.count("<") > _DEEPEST and _is_deep(html))


def _is_deep(html: str) -> bool:
    unclosed: Counter[str] = Counter()
    depth = 0
    for closing, name in _TAG.findall(html.lower()):
        if name in _OPEN_ENDED:
            continue
        if not closing:
            unclosed[name] += 1
            depth += 1
            if depth > _DEEPEST:
                return True
        elif unclosed[name]:
            # Closing what is not open would only hide how deep the rest is.
            unclosed[name] -= 1
            depth -= 1
    return False
