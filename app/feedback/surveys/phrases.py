"""The page's own words in a language, its direction and its digits."""

from collections.abc import Collection, Mapping

from app.feedback.surveys.templates import WORDED, wording

_PAGE = wording("page")
_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
_DIGITS = {"fa": "۰۱۲۳۴۵۶۷۸۹", "ar": "٠١٢٣٤٥٦٧٨٩"}
_FALLBACK = "en"
_LONGEST_HEADER = 200


class Words:
    """`words["send"]` in this language; in English where the page does not speak it."""

    def __init__(self, language: str) -> None:
        self.language = language
        base = _base(language)
        self._own = base if base in WORDED else _FALLBACK
        self._digits = str.maketrans("0123456789", _DIGITS[base]) if base in _DIGITS else {}
        self.direction = "rtl" if base in _RIGHT_TO_LEFT else "ltr"

    def __getitem__(self, name: str) -> str:
        text: str = _PAGE[name][self._own]
        return text

    @property
    def name(self) -> str:
        """The language's own name."""
        names: dict[str, str] = _PAGE["language"]
        return names.get(_base(self.language), self.language)

    def of(self, text: Mapping[str, str]) -> str:
        """A survey's text; it is there in each of the survey's languages."""
        return text[self.language]

    def number(self, value: int) -> str:
        return str(value).translate(self._digits)


def preferred(header: str, offered: Collection[str]) -> str | None:
    """The first of an `Accept-Language` header that is offered, by its weights (RFC 9110, 12.5.4)."""
    wanted = sorted(map(_weighted, header[:_LONGEST_HEADER].split(",")), key=lambda each: -each[1])
    for tag, weight in wanted:
        if weight > 0:
            for language in offered:
                if language.lower() == tag or _base(language) == _base(tag):
                    return language
    return None


def _weighted(part: str) -> tuple[str, float]:
    tag, _, parameter = part.partition(";")
    try:
        weight = float(parameter.strip().removeprefix("q=") or 1)
    except ValueError:
        weight = 0
    return tag.strip().lower(), weight


def _base(language: str) -> str:
    return language.partition("-")[0].lower()
