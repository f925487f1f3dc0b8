"""The public pages: HTML that needs no script, little of CSS and nothing from elsewhere."""

import base64
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse

from app.feedback.surveys.answering import Visit
from app.feedback.surveys.definitions import LONGEST_TEXT, Question, QuestionKind
from app.feedback.surveys.phrases import Words

_templates = Environment(
    loader=PackageLoader("app.feedback.surveys", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
assert _templates.loader is not None
_STYLE = _templates.loader.get_source(_templates, "style.css")[0]
_STYLE_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()

_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
_REFUSALS = {404: "unknown", 409: "used", 410: "expired"}


def form(visit: Visit, words: Words, *, status: int = 200) -> HTMLResponse:
    """The survey, with what is known of the answer and what is wrong with it."""
    reading, invitation = visit.reading, visit.invitation
    answers: Mapping[str, Any] = reading.answers if reading else invitation.answers
    mistakes = reading.mistakes if reading else {}
    others = [Words(each) for each in visit.definition.languages if each != words.language]
    return _page(
        "form.html",
        words,
        status,
        definition=visit.definition,
        items=[
            _item(each, words, answers.get(each.key), mistakes.get(each.key)) for each in visit.definition.questions
        ],
        mistakes=mistakes,
        kept=not visit.is_answered and bool(answers),
        revision=invitation.revision,
        longest=LONGEST_TEXT,
        others=[
            {
                "language": other.language,
                "direction": other.direction,
                "name": other.name,
                "link": link(other.language, edit=visit.is_answered),
            }
            for other in others
        ],
    )


def thanks(visit: Visit, words: Words) -> HTMLResponse:
    own = visit.definition.thanks
    return _page(
        "message.html",
        words,
        200,
        title=words.of(own) if own else words["thanks"],
        text=words["window"],
        change=link(words.language, edit=True),
    )


def onwards(words: Words) -> RedirectResponse:
    """To the thanks: loading that page again sends nothing twice."""
    return RedirectResponse(link(words.language), 303, _HEADERS)


def refusal(status: int, code: str | None, words: Words) -> HTMLResponse:
    """A page for whoever cannot answer; `code` tells an answer that can still be changed from one that cannot."""
    stale = code == "answered_meanwhile"
    name = "stale" if stale else _REFUSALS.get(status, "failed")
    change = link(words.language, edit=True) if stale else None
    return _page("message.html", words, status, title=words[f"{name}_title"], text=words[f"{name}_text"], change=change)


def link(language: str, *, edit: bool = False) -> str:
    """The same page in this language."""
    return "?" + urlencode({"lang": language} | ({"edit": "1"} if edit else {}))


def _page(template: str, words: Words, status: int, **told: Any) -> HTMLResponse:
    html = _templates.get_template(template).render(words=words, style=Markup(_STYLE), **told)  # noqa: S704  our file
    return HTMLResponse(html, status, _HEADERS | {"Content-Language": words.language})


def _item(question: Question, words: Words, answer: Any, mistake: str | None) -> dict[str, Any]:
    """A question as the page shows it."""
    key = f"q-{question.key}"
    options = _options(question, words, answer)
    ends = _ends(question, words)
    parts = [f"{key}-mistake" if mistake else "", f"{key}-ends" if ends else ""]
    return {
        "id": key,
        "key": question.key,
        "wording": words.of(question.wording),
        "required": question.required,
        "options": options,
        "layout": "step" if question.kind is QuestionKind.score else "choice",
        "ends": ends,
        "first": options[0]["id"] if options else key,
        "mistake": words[mistake].format(limit=words.number(LONGEST_TEXT)) if mistake else None,
        "described": " ".join(filter(None, parts)),
        "text": "" if answer is None else str(answer),
    }


def _options(question: Question, words: Words, answer: Any) -> list[dict[str, Any]]:
    """None for a text."""
    offered: list[tuple[int | str, str]] = []
    if question.kind is QuestionKind.score:
        offered = [(step, words.number(step)) for step in question.steps]
    elif question.kind is QuestionKind.choice:
        offered = [(option.key, words.of(option.wording)) for option in question.options]
    return [
        {"id": f"q-{question.key}-{value}", "value": value, "label": label, "checked": value == answer}
        for value, label in offered
    ]


def _ends(question: Question, words: Words) -> list[str]:
    if question.labels is None:
        return []
    low, high = question.steps[0], question.steps[-1]
    ends = ((low, question.labels.low), (high, question.labels.high))
    return [f"{words.number(step)} = {words.of(label)}" for step, label in ends]
