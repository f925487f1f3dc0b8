"""Surveys: what they ask, in which languages, and the versions of it."""

from typing import Any

import httpx
import pytest

from app.feedback.scales import STANDARD_DIMENSIONS
from app.feedback.surveys.templates import TEMPLATES, WORDED, Template, wording
from app.text.languages import guess_language
from tests.core.test_errors import assert_problem
from tests.factories import make_survey

Client = httpx.AsyncClient
SCORE: dict[str, Any] = {"key": "overall", "measure": "csat", "required": True, "wording": {"en": "How was it?"}}
OWN: dict[str, Any] = {"name": "Own", "title": {"en": "Hello"}, "languages": ["en"], "questions": [SCORE]}


async def refused(client: Client, code: str, **fields: Any) -> str:
    response = await client.post("/v1/surveys", json=OWN | fields)
    assert_problem(response, 422, code)
    return str(response.json()["errors"])


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=str)
def test_every_text_of_a_template_is_worded_in_four_languages_each_in_its_own_script(template: Template) -> None:
    definition = template.definition
    texts = [definition.title, definition.introduction or {}]
    texts += [text for question in definition.questions for text in question.texts()]
    for text in texts:
        assert sorted(text) == sorted(WORDED)
        assert len(set(text.values())) == len(WORDED)
        for language in ("fa", "ar"):
            assert guess_language(text[language]) in (language, None) or text[language].count(" ") < 3
        assert guess_language(text["he"]) == "he"
        assert text["en"].replace("“", "").replace("”", "").isascii()


def test_every_phrase_of_the_page_is_worded_in_four_languages() -> None:
    for name, phrase in wording("page").items():
        assert sorted(phrase) == sorted(WORDED), name
        assert all(text.strip() == text != "" for text in phrase.values()), name


def test_expectation_and_perception_are_asked_in_pairs_of_each_standard_dimension() -> None:
    scores = TEMPLATES[next(name for name in TEMPLATES if name == "expectation_perception")].definition.scores
    for dimension in STANDARD_DIMENSIONS:
        assert [each.measure for each in scores if each.dimension == dimension] == ["expectation", "perception"]


async def test_the_templates_are_listed_and_make_surveys(client: Client) -> None:
    listed = (await client.get("/v1/surveys/templates")).json()
    assert [each["name"] for each in listed] == [*TEMPLATES]
    for template in listed:
        survey = await make_survey(client, template["name"])
        assert survey["questions"] == template["questions"]
        assert (survey["languages"], survey["default_language"]) == (["en", "fa", "ar", "he"], "en")
        assert survey["recontact_days"] == template["recontact_days"]
        assert (await client.get(f"/v1/surveys/{survey['id']}")).json() == survey


async def test_a_template_may_be_asked_in_fewer_languages(client: Client) -> None:
    survey = await make_survey(client, "csat", languages=["fa", "en"], expires_days=3)
    assert (survey["languages"], survey["default_language"], survey["expires_days"]) == (["fa", "en"], "fa", 3)


async def test_a_survey_of_ones_own_has_standard_times(client: Client) -> None:
    survey = await make_survey(client, None, **OWN)
    assert (survey["recontact_days"], survey["expires_days"], survey["active"]) == (30, 14, True)
    assert survey["questions"][0]["scale"] is None


@pytest.mark.parametrize(
    "questions",
    [
        [],
        [SCORE | {"required": False}],
        [{"key": "why", "kind": "text", "required": True, "wording": {"en": "Why?"}}],
        [SCORE, SCORE | {"key": "again"}],
        [SCORE, SCORE | {"dimension": "empathy"}],
        [SCORE | {"measure": None}],
        [SCORE | {"measure": "nps", "scale": [1, 7]}],
        [SCORE | {"scale": [1, 100]}],
        [SCORE | {"scale": [5, 1]}],
        [SCORE | {"key": "_revision"}],
        [SCORE | {"wording": {"fa": "چطور بود؟"}}],
        [SCORE | {"wording": {"en": "  "}}],
        [SCORE | {"options": [{"key": "a", "wording": {"en": "A"}}]}],
        [SCORE, {"key": "why", "kind": "text", "measure": "csat", "wording": {"en": "Why?"}}],
        [SCORE, {"key": "which", "kind": "choice", "wording": {"en": "Which?"}}],
        [SCORE, *({"key": f"t{number}", "kind": "text", "wording": {"en": "?"}} for number in range(6))],
    ],
)
async def test_a_survey_nobody_could_answer_is_refused(client: Client, questions: list[Any]) -> None:
    response = await client.post("/v1/surveys", json=OWN | {"questions": questions})
    assert response.status_code == 422, response.text
    assert response.json()["errors"]


async def test_a_text_that_is_missing_in_a_language_is_named(client: Client) -> None:
    told = await refused(client, "bad_survey", languages=["en", "fa"], title={"en": "Hello", "fa": "سلام"})
    assert "question overall is not worded in fa" in told


async def test_either_a_template_or_questions(client: Client) -> None:
    await refused(client, "validation_failed", template="nps")
    await refused(client, "validation_failed", title=None)
    await refused(client, "validation_failed", languages=None)
    await refused(client, "bad_survey", default_language="de")


async def test_other_questions_make_a_new_version_and_nothing_else_does(client: Client) -> None:
    survey = await make_survey(client, "nps")
    path = f"/v1/surveys/{survey['id']}"
    same = await client.patch(path, json={"name": "Renamed", "recontact_days": 5, "questions": survey["questions"]})
    assert same.json()["definition_version"] == 1
    questions = [survey["questions"][0]]
    changed = await client.patch(path, json={"questions": questions, "title": {"en": "Other"}, "introduction": None})
    assert changed.json()["definition_version"] == 2
    assert changed.json()["title"] == survey["title"] | {"en": "Other"}
    assert (changed.json()["name"], changed.json()["introduction"]) == ("Renamed", None)
    versions = (await client.get(f"{path}/versions")).json()["items"]
    assert [each["number"] for each in versions] == [2, 1]
    assert versions[1]["questions"] == survey["questions"]
    assert versions[0]["questions"] == questions
    (listed,) = (await client.get("/v1/surveys")).json()["items"]
    assert listed == changed.json()


async def test_a_stale_change_and_one_that_breaks_the_survey_are_refused(client: Client) -> None:
    survey = await make_survey(client, "nps")
    path = f"/v1/surveys/{survey['id']}"
    stale = await client.patch(path, json={"name": "A"}, headers={"If-Match": '"7"'})
    assert_problem(stale, 412, "version_mismatch")
    assert_problem(await client.patch(path, json={"languages": ["tr"]}), 422, "bad_survey")
    assert_problem(await client.patch(path, json={"title": {"en": None}}), 422, "bad_survey")
    assert_problem(await client.patch(path, json={"name": None}), 422, "validation_failed")
    assert (await client.get(path)).json() == survey


async def test_surveys_are_listed_by_whether_they_are_active(client: Client) -> None:
    ended, active = await make_survey(client), await make_survey(client)
    await client.patch(f"/v1/surveys/{ended['id']}", json={"active": False})
    for flag, survey in ((True, active), (False, ended)):
        listed = (await client.get("/v1/surveys", params={"active": flag})).json()["items"]
        assert [each["id"] for each in listed] == [survey["id"]]


async def test_an_unknown_survey_is_404(client: Client) -> None:
    path = "/v1/surveys/01a20351-8849-7262-b2fa-12638c68a45b"
    for each in (path, f"{path}/versions"):
        assert_problem(await client.get(each), 404, "not_found")
    assert_problem(await client.patch(path, json={}), 404, "not_found")
