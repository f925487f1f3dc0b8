"""Surveys that come ready, worded in English, Persian, Arabic and Hebrew (`wording/`)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any

from app.feedback.surveys.definitions import Definition

WORDED = ("en", "fa", "ar", "he")


class TemplateName(StrEnum):
    csat = "csat"
    nps = "nps"
    ces = "ces"
    expectation_perception = "expectation_perception"
    service_diary = "service_diary"


@dataclass(frozen=True, slots=True)
class Template:
    name: TemplateName
    definition: Definition
    recontact_days: int
    expires_days: int


def wording(name: str) -> dict[str, Any]:
    """A file of `wording/`."""
    path = files("app.feedback.surveys") / "wording" / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _template(name: TemplateName, scales: Mapping[str, Any]) -> Template:
    told = wording(name)
    for question in told["questions"]:
        if "labels" in question:
            question["labels"] = scales[question["labels"]]
    days = {each: told.pop(each) for each in ("recontact_days", "expires_days")}
    definition = Definition.model_validate(told | {"languages": WORDED, "default_language": WORDED[0]})
    return Template(name, definition, **days)


_SCALES = wording("scales")
TEMPLATES: Mapping[TemplateName, Template] = {name: _template(name, _SCALES) for name in TemplateName}
