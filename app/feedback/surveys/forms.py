"""What came back from the page, read against what was asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.feedback.schemas import ScoreCreate
from app.feedback.surveys.definitions import LONGEST_TEXT, Definition, Question, QuestionKind
from app.text.cleaning import clean
from app.text.digits import ascii_digits

Answers = dict[str, int | str]
"""By the keys of the questions."""


@dataclass(frozen=True, slots=True)
class Reading:
    answers: Answers
    """The valid ones."""
    mistakes: dict[str, str]
    """By the keys of the questions: `missing`, `unreadable` or `too_long`."""


def read(definition: Definition, fields: Mapping[str, str], known: Mapping[str, Any]) -> Reading:
    """A question that is not among the fields keeps the answer known before; a blank field takes it back."""
    answers: Answers = {}
    mistakes: dict[str, str] = {}
    for question in definition.questions:
        if question.key not in fields:
            value = known.get(question.key)
        else:
            value, mistake = _read(question, _tidy(fields[question.key]))
            if mistake is not None:
                mistakes[question.key] = mistake
        if value is not None:
            answers[question.key] = value
        elif question.required:
            mistakes.setdefault(question.key, "missing")
    return Reading(answers, mistakes)


def scores_of(definition: Definition, answers: Answers) -> list[ScoreCreate]:
    return [
        ScoreCreate(
            measure=question.measure,
            dimension=question.dimension,
            value=float(answers[question.key]),
            scale=question.on,
            lower_is_better=question.lower_is_better,
        )
        for question in definition.questions
        if question.measure is not None and question.key in answers
    ]


def comment_of(definition: Definition, answers: Answers) -> str | None:
    """All that was written."""
    written = [
        str(answers[question.key])
        for question in definition.questions
        if question.kind is QuestionKind.text and question.key in answers
    ]
    return "\n\n".join(written) or None


def _tidy(text: str) -> str:
    """Forms send lines with CRLF."""
    return clean(text).replace("\r\n", "\n").strip()


def _read(question: Question, text: str) -> tuple[int | str | None, str | None]:
    """The value or the mistake; neither for a blank."""
    if not text:
        return None, None
    if question.kind is QuestionKind.text:
        return (text, None) if len(text) <= LONGEST_TEXT else (None, "too_long")
    if question.kind is QuestionKind.choice:
        known = {option.key for option in question.options}
        return (text, None) if text in known else (None, "unreadable")
    values = {str(step): step for step in question.steps}
    value = values.get(ascii_digits(text))
    return value, None if value is not None else "unreadable"
