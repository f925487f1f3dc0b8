"""`GET /v1/feedback/drivers`, its plot, and the definitions."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from tests.core.test_errors import assert_problem
from tests.factories import give_feedback
from tests.feedback.published import SWISS, SWISS_LMG, SWISS_NAMES, SWISS_R_SQUARED

Client = httpx.AsyncClient
SVG = "{http://www.w3.org/2000/svg}"


async def answer(
    client: Client, overall: float, ratings: Mapping[str, float], scale: tuple[int, int], **fields: Any
) -> None:
    scores = [{"measure": "csat", "value": overall, "scale": scale}]
    scores += [
        {"measure": "rating", "dimension": name, "value": value, "scale": scale} for name, value in ratings.items()
    ]
    await give_feedback(client, ("phone", "+989121234567"), scores=scores, **fields)


async def drivers(client: Client, **parameters: Any) -> dict[str, Any]:
    response = await client.get("/v1/feedback/drivers", params=parameters)
    assert response.status_code == 200, response.text
    return dict(response.json())


@pytest.fixture
async def swiss(client: Client) -> None:
    for *attributes, fertility in SWISS:
        await answer(client, fertility, dict(zip(SWISS_NAMES, attributes, strict=True)), (0, 100))


@pytest.mark.usefixtures("swiss")
async def test_the_published_example_comes_out_through_the_api(client: Client) -> None:
    found = await drivers(client)
    assert (found["n"], found["rated_by"], found["reason"]) == (47, "rating", None)
    assert found["r_squared"] == pytest.approx(SWISS_R_SQUARED, abs=1e-6)
    shares = {each["dimension"]: each["lmg"] for each in found["drivers"]}
    assert shares == pytest.approx(dict(zip(SWISS_NAMES, SWISS_LMG, strict=True)), abs=1e-6)
    assert [each["dimension"] for each in found["drivers"]][:2] == ["education", "examination"]
    for each in found["drivers"]:
        assert each["importance"] == each["lmg"]
        assert each["lmg_interval"]["low"] <= each["lmg"] <= each["lmg_interval"]["high"]
        assert each["correlation_interval"]["low"] < each["correlation"] < each["correlation_interval"]["high"]
        assert each["correlation"] ** 2 == pytest.approx(FIRST[each["dimension"]], abs=1e-6)


FIRST = {
    "agriculture": 0.12466491,
    "examination": 0.41716447,
    "education": 0.44061565,
    "catholic": 0.2150035,
    "infant_mortality": 0.17351893,
}


@pytest.mark.usefixtures("swiss")
async def test_crosshairs_are_the_means_and_quadrants_follow(client: Client) -> None:
    found = await drivers(client)
    performances = {name: sum(row[i] for row in SWISS) / 47 for i, name in enumerate(SWISS_NAMES)}
    shown = {each["dimension"]: each["performance"] for each in found["drivers"]}
    assert shown == pytest.approx(performances)
    assert found["performance_scale"] == [0, 100]
    assert found["crosshairs"]["importance"] == pytest.approx(SWISS_R_SQUARED / 5, abs=1e-6)
    assert found["crosshairs"]["performance"] == pytest.approx(sum(performances.values()) / 5)
    assert {each["dimension"]: each["quadrant"] for each in found["drivers"]} == {
        "education": "concentrate_here",
        "examination": "concentrate_here",
        "infant_mortality": "low_priority",
        "catholic": "possible_overkill",
        "agriculture": "possible_overkill",
    }
    low, high = found["axes"]["importance"]
    assert all(low < each["importance"] < high for each in found["drivers"])
    by_correlation = await drivers(client, method="correlation")
    assert all(each["importance"] == each["correlation"] for each in by_correlation["drivers"])


@pytest.mark.usefixtures("swiss")
async def test_dimensions_can_be_chosen(client: Client) -> None:
    found = await drivers(client, dimensions=["education", "catholic"])
    assert {each["dimension"] for each in found["drivers"]} == {"education", "catholic"}
    assert found["left_out"] == ["agriculture", "examination", "infant_mortality"]
    response = await client.get("/v1/feedback/drivers", params={"dimensions": [str(number) for number in range(13)]})
    assert_problem(response, 422, "validation_failed")


async def test_only_answers_that_have_all_the_scores_count(client: Client) -> None:
    for number in range(8):
        ratings = {"empathy": 1 + number % 5, "reliability": 1 + number * 3 % 5}
        await answer(client, 1 + number * 2 % 5, ratings, (1, 5))
    await answer(client, 5, {"empathy": 4}, (1, 5))
    await answer(client, 5, {"tangibles": 4}, (1, 5))
    found = await drivers(client)
    assert (found["n"], found["left_out"], found["insufficient"]) == (8, ["tangibles"], True)


async def test_surveys_of_other_questions_do_not_keep_answers_from_having_all(client: Client) -> None:
    for number in range(8):
        first = {"empathy": 1 + number % 5, "reliability": 1 + number * 3 % 5}
        await answer(client, 1 + number * 2 % 5, first, (1, 5))
        if number < 6:
            await answer(client, 1 + number % 5, {"parking": 1 + number * 2 % 5, "lighting": 1 + number % 4}, (1, 5))
        bare = [{"measure": "rating", "dimension": name, "value": 3} for name in ("taste", "smell")]
        await give_feedback(client, ("phone", "+989121234567"), scores=bare)
        await give_feedback(client, ("phone", "+989121234567"), scores=bare)
    found = await drivers(client)
    assert (found["n"], {each["dimension"] for each in found["drivers"]}) == (8, {"empathy", "reliability"})
    assert found["left_out"] == ["lighting", "parking"]
    assert (await drivers(client, dimensions=["parking", "lighting"]))["n"] == 6


async def test_dimensions_asked_for_say_by_which_measure_they_were_rated(client: Client) -> None:
    for number in range(6):
        await answer(client, 1 + number % 5, {"taste": 1 + number * 2 % 5, "smell": 1 + number * 3 % 5}, (1, 5))
    scores = [
        [{"measure": "csat", "value": 1 + number}, {"measure": "perception", "dimension": "room", "value": 1 + number}]
        for number in range(5)
    ]
    for each in scores:
        await give_feedback(client, ("phone", "+989121234567"), scores=each)
    found = await drivers(client, dimensions=["room"])
    assert (found["rated_by"], found["n"], found["r_squared"]) == ("perception", 5, pytest.approx(1))


async def test_too_few_answers_and_constant_ones_are_told_with_the_reason(client: Client) -> None:
    assert (await drivers(client))["reason"] == "no_answers"
    for number in range(3):
        await answer(client, 1 + number, {"empathy": 1 + number, "reliability": 4}, (1, 5))
    found = await drivers(client)
    assert (found["reason"], found["n"], found["drivers"], found["crosshairs"]) == ("too_few_answers", 3, [], None)
    for number in range(3):
        await answer(client, 5 - number, {"empathy": 2 + number, "reliability": 4}, (1, 5))
    found = await drivers(client)
    assert (found["reason"], found["constant_dimensions"]) == ("constant", ["reliability"])
    assert (await drivers(client, overall="nps"))["n"] == 0


async def test_scales_may_differ_and_low_may_be_good(client: Client) -> None:
    """Pain on 0 to 10 is the opposite of comfort on 1 to 5: both drive satisfaction alike."""
    for number in range(12):
        comfort, care = 1 + number % 5, 1 + number * 7 % 3
        scores = [
            {"measure": "csat", "value": 1 + (comfort + care) / 2 % 4},
            {
                "measure": "rating",
                "dimension": "pain",
                "value": 12.5 - 2.5 * comfort,
                "scale": [0, 10],
                "lower_is_better": True,
            },
            {"measure": "rating", "dimension": "care", "value": care},
        ]
        await give_feedback(client, ("phone", "+989121234567"), scores=scores)
    found = await drivers(client, method="correlation")
    assert found["performance_scale"] == [0, 100]
    assert all(0 <= each["performance"] <= 100 for each in found["drivers"])
    pain = next(each for each in found["drivers"] if each["dimension"] == "pain")
    assert pain["performance"] == pytest.approx(25 * (sum(1 + number % 5 for number in range(12)) / 12 - 1))


@pytest.mark.usefixtures("swiss")
@pytest.mark.parametrize("language", ["en", "fa", "ar", "he"])
async def test_the_plot_is_drawn_in_each_language(client: Client, language: str) -> None:
    response = await client.get("/v1/feedback/drivers.svg", params={"language": language})
    assert response.headers["content-type"].startswith("image/svg+xml")
    picture = ElementTree.fromstring(response.text)  # noqa: S314
    assert picture.tag == f"{SVG}svg"
    assert picture.get("direction") == ("ltr" if language == "en" else "rtl")
    assert picture.findtext(f"{SVG}title")
    assert "infant mortality" in str(picture.findtext(f"{SVG}desc"))
    assert len(picture.findall(f"{SVG}circle")) == 5
    words = [each.text or "" for each in picture.findall(f"{SVG}text")]
    assert {name.replace("_", " ") for name in SWISS_NAMES} <= set(words)
    if language == "fa":
        assert "تعداد پاسخ‌ها: ۴۷، ضریب تعیین: ۰٫۷۱" in words


async def test_what_a_dimension_is_called_cannot_break_the_plot(client: Client) -> None:
    for number in range(8):
        ratings = {"</text><script>": 1 + number % 5, "care & " + "x" * 80: 1 + number * 3 % 5}
        await answer(client, 1 + number * 2 % 5, ratings, (1, 5))
    response = await client.get("/v1/feedback/drivers.svg")
    words = [each.text or "" for each in ElementTree.fromstring(response.text).findall(f"{SVG}text")]  # noqa: S314
    assert "</text><script>" in words
    assert max(map(len, words)) < 60
    assert "script" not in response.headers["content-security-policy"]


async def test_a_plot_without_answers_says_so(client: Client) -> None:
    response = await client.get("/v1/feedback/drivers.svg")
    assert response.status_code == 200
    assert "There are not enough answers for this analysis." in response.text


async def test_the_definitions_name_functions_that_exist(client: Client) -> None:
    found = (await client.get("/v1/feedback/definitions")).json()
    assert {"nps", "csat", "ces", "rating", "gap", "importance", "word_of_mouth"} <= {
        each["name"] for each in found["items"]
    }
    for item in found["items"]:
        assert item["formula"]
        assert item["interval"]
        assert item["functions"]
        for name in item["functions"]:
            module, _, function = name.rpartition(".")
            assert callable(getattr(import_module(module), function)), name
