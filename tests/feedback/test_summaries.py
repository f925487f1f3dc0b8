"""`GET /v1/feedback/summary`, gaps and word of mouth, over a handful of answers worked by hand."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.secrets import SecretBox
from app.main import furnish
from tests.conftest import SECRET, SavepointDatabase, make_settings
from tests.core.test_errors import assert_problem
from tests.factories import give_feedback, make_customer

Client = httpx.AsyncClient


@pytest.fixture
def app(built_app: FastAPI, database: SavepointDatabase) -> FastAPI:
    """Three answers are enough here."""
    furnish(built_app, make_settings(feedback_least_answers=3), database, SecretBox(SECRET))
    return built_app


async def score(client: Client, *values: float, measure: str = "nps", **fields: Any) -> None:
    """An answer each."""
    of_score = {name: fields.pop(name) for name in ("dimension", "scale", "lower_is_better") if name in fields}
    for value in values:
        whose = {} if "customer_id" in fields else {"customer": ("phone", "+989121234567")}
        await give_feedback(client, **whose, scores=[{"measure": measure, "value": value} | of_score], **fields)


async def summary(client: Client, measure: str = "nps", **parameters: Any) -> dict[str, Any]:
    response = await client.get("/v1/feedback/summary", params={"measure": measure} | parameters)
    assert response.status_code == 200, response.text
    return dict(response.json())


def keys(found: dict[str, Any]) -> list[Any]:
    return [group["key"] for group in found["groups"]]


@pytest.mark.parametrize("measure", ["nps", "csat", "ces", "rating", "expectation", "perception", "importance"])
@pytest.mark.parametrize("group_by", [None, "month", "channel", "dimension", "agent", "segment"])
async def test_without_answers_there_is_no_value(client: Client, measure: str, group_by: str | None) -> None:
    response = await client.get(
        "/v1/feedback/summary", params={"measure": measure} | ({"group_by": group_by} if group_by else {})
    )
    found = response.json()
    assert (found["n"], found["value"], found["interval"], found["mean"]) == (0, None, None, None)
    assert (found["shares"], found["groups"], found["reason"]) == (None, [], "no_answers")
    assert found["insufficient"] is True


async def test_nps_has_its_shares_and_both_intervals(client: Client) -> None:
    await score(client, 10, 9, 8, 7, 6, 0)
    found = await summary(client)
    assert (found["n"], found["value"], found["unit"]) == (6, 0, "points")
    assert found["counts"] == {"promoters": 2, "passives": 2, "detractors": 2}
    assert found["shares"]["promoters"] == pytest.approx(1 / 3)
    assert found["interval"] == {
        "low": pytest.approx(-65.3321, abs=1e-4),
        "high": pytest.approx(65.3321, abs=1e-4),
        "level": 0.95,
        "method": "wald",
    }
    assert found["adjusted_interval"]["high"] == pytest.approx(51.0725, abs=1e-4)
    assert found["standard_error"] == pytest.approx(33.3333, abs=1e-4)
    assert [each["n"] for each in found["distribution"]] == [1, 1, 1, 1, 1, 1]


async def test_nps_of_both_scales_is_one(client: Client) -> None:
    await score(client, 10, 6)
    await score(client, 9, scale=[1, 10])
    found = await summary(client)
    assert (found["n"], found["value"]) == (3, pytest.approx(100 / 3))
    assert {tuple(each["scale"]): each["n"] for each in found["scales"]} == {(0, 10): 2, (1, 10): 1}
    assert (found["mean"], found["distribution"]) == (None, None)


async def test_csat_is_the_share_of_the_top_boxes_whatever_the_scale(client: Client) -> None:
    await score(client, 5, 4, 3, 1, measure="csat")
    await score(client, 9, 8, measure="csat", scale=[1, 10])
    await score(client, 80, measure="csat", scale=[0, 100])
    await score(client, 2, 4, measure="csat", lower_is_better=True)
    found = await summary(client, "csat")
    assert (found["n"], found["counts"]) == (9, {"top_box": 5, "rest": 4})
    assert (found["value"], found["unit"]) == (pytest.approx(5 / 9), "share")
    assert found["interval"]["method"] == "wilson"
    assert found["interval"] == found["top_box_interval"]
    boxes = {(*each["scale"], each["lower_is_better"]): each["top_boxes"] for each in found["scales"]}
    assert boxes == {(1, 5, False): [4, 5], (1, 10, False): [9, 10], (0, 100, False): [75, 100], (1, 5, True): [1, 2]}
    assert (await summary(client, "csat", top_box_from=5))["counts"]["top_box"] == 6


async def test_means_of_different_scales_are_told_apart_unless_asked(client: Client) -> None:
    await score(client, 5, 6, measure="ces")
    assert (await summary(client, "ces"))["value"] == 5.5
    await score(client, 1, measure="ces", scale=[1, 5], lower_is_better=True)
    found = await summary(client, "ces")
    assert (found["n"], found["value"], found["reason"]) == (3, None, "mixed_scales")
    assert found["counts"] == {"top_box": 3, "rest": 0}
    found = await summary(client, "ces", normalise="true")
    assert (found["value"], found["unit"]) == (pytest.approx((400 / 6 + 500 / 6 + 100) / 3), "index")
    assert found["interval"]["method"] == "t"


async def test_without_a_dimension_the_service_as_a_whole_counts(client: Client) -> None:
    await score(client, 5, 4, measure="csat")
    await score(client, 1, 1, 1, measure="csat", dimension="waiting_time")
    await score(client, 2, measure="rating", dimension="empathy")
    assert ((await summary(client, "csat"))["n"], (await summary(client, "rating"))["n"]) == (2, 1)
    assert (await summary(client, "csat", dimension="waiting_time"))["value"] == 0
    assert ((await summary(client, "csat", dimension="*"))["n"], (await summary(client, "csat"))["dimension"]) == (
        5,
        None,
    )
    found = await summary(client, "csat", group_by="dimension")
    assert [(group["key"], group["n"], group.get("rank")) for group in found["groups"]] == [
        ("waiting_time", 3, 1),
        (None, 2, None),
    ]


async def test_periods_begin_in_the_time_zone_asked_for(client: Client) -> None:
    for moment in ("2026-03-20T20:00:00Z", "2026-03-20T21:00:00Z", "2026-05-31T23:59:59Z", "2025-12-31T23:00:00Z"):
        await score(client, 9, collected_at=moment)
    assert keys(await summary(client, group_by="day")) == ["2025-12-31", "2026-03-20", "2026-05-31"]
    found = await summary(client, group_by="day", time_zone="Asia/Tehran")
    assert keys(found) == ["2026-01-01", "2026-03-20", "2026-03-21", "2026-06-01"]
    assert found["groups"][2]["starts"] == "2026-03-20T20:30:00+00:00"
    assert found["groups"][2]["ends"] == "2026-03-21T20:30:00+00:00"
    assert keys(await summary(client, group_by="week")) == ["2026-W01", "2026-W12", "2026-W22"]
    assert keys(await summary(client, group_by="quarter")) == ["2025-Q4", "2026-Q1", "2026-Q2"]
    found = await summary(client, group_by="year", **{"from": "2026-01-01", "to": "2026-05-31"})
    assert [(group["key"], group["n"]) for group in found["groups"]] == [("2026", 2)]
    assert found["from"] == "2026-01-01T00:00:00+00:00"


async def test_every_answer_is_in_one_period_however_the_clocks_are_put(client: Client) -> None:
    """In Havana midnight comes twice in autumn; in Beirut it is left out in spring."""
    moments = ["2026-11-01T03:30:00Z", "2026-11-01T04:30:00Z", "2026-11-01T05:30:00Z", "2026-11-02T05:30:00Z"]
    moments += ["2026-03-28T21:59:00Z", "2026-03-28T22:00:00Z", "0001-01-01T00:00:01Z"]
    for moment in moments:
        await score(client, 9, collected_at=moment)
    for zone in ("America/Havana", "Asia/Beirut", "UTC"):
        for unit in ("day", "week", "month", "quarter", "year"):
            found = await summary(client, group_by=unit, time_zone=zone)
            assert found["n"] == sum(group["n"] for group in found["groups"]) == len(moments), (zone, unit)


async def test_each_period_is_compared_with_the_one_before(client: Client) -> None:
    for month, values in (("01", (10, 6)), ("02", (10, 10, 7)), ("04", (6, 6))):
        await score(client, *values, collected_at=f"2026-{month}-10T00:00:00Z")
    first, second, third = (await summary(client, group_by="month"))["groups"]
    assert first["comparison"] is None
    change = second["comparison"]
    assert (change["of"], change["difference"]) == ("2026-01", pytest.approx(200 / 3))
    error = 100 * (1 / 2 + (2 / 3 - 4 / 9) / 3) ** 0.5
    assert change["standard_error"] == pytest.approx(error)
    assert change["interval"]["low"] == pytest.approx(200 / 3 - 1.959964 * error, abs=1e-3)
    assert third["comparison"]["of"] == "2026-02"
    assert [group["insufficient"] for group in (first, second, third)] == [True, False, True]


async def test_groups_are_ranked_if_they_have_answers_enough_and_compared_with_the_rest(client: Client) -> None:
    await score(client, 9, 9, 0, agent="a")
    await score(client, 9, 9, 9, agent="b")
    await score(client, 9, 9, agent="c")
    await score(client, 0, 9, 9)
    groups = (await summary(client, group_by="agent"))["groups"]
    ranks = [(group["key"], group["rank"], group["insufficient"]) for group in groups]
    assert ranks == [("b", 1, False), ("a", 2, False), (None, 2, False), ("c", None, True)]
    assert groups[0]["comparison"]["of"] == "rest"
    assert groups[0]["comparison"]["difference"] == pytest.approx(100 - 100 * (6 - 2) / 8)


async def test_the_least_effort_ranks_first_where_low_is_good(client: Client) -> None:
    for channel, value in (("sms", 4), ("voice", 2)):
        await score(client, *[value] * 3, measure="ces", scale=[1, 5], lower_is_better=True, channel=channel)
    assert keys(await summary(client, "ces", group_by="channel")) == ["voice", "sms"]


async def test_segments_are_what_the_customers_files_say(client: Client) -> None:
    gold = await make_customer(client, attributes={"tier": "gold", "home": {"city": "شیراز"}})
    plain = await make_customer(client)
    await score(client, 9, 9, 9, customer_id=gold["id"])
    await score(client, 0, customer_id=plain["id"])
    found = await summary(client, group_by="segment", segment_by="attributes.tier")
    assert [(group["key"], group["value"]) for group in found["groups"]] == [("gold", 100), (None, -100)]
    assert keys(await summary(client, group_by="segment", segment_by="attributes.home.city")) == ["شیراز", None]
    for wrong in ("attributes", "tier", "attributes.", "attributes.a..b", "display_name"):
        response = await client.get(
            "/v1/feedback/summary", params={"measure": "nps", "group_by": "segment", "segment_by": wrong}
        )
        assert_problem(response, 422, "validation_failed")


async def test_a_time_is_compared_with_the_time_before(client: Client) -> None:
    await score(client, 0, 0, collected_at="2026-01-15T00:00:00Z")
    await score(client, 9, 9, 9, 0, collected_at="2026-02-15T00:00:00Z")
    span = {"from": "2026-02-01", "to": "2026-03-01", "compare": "previous"}
    found = await summary(client, **span)
    assert (found["value"], found["previous"]["value"], found["previous"]["n"]) == (50, -100, 2)
    assert (found["change"]["of"], found["change"]["difference"]) == ("previous", 150)
    found = await summary(client, **span | {"from": "0001-01-02"})
    assert (found["previous"]["n"], found["previous"]["value"], found["change"]) == (0, None, None)
    response = await client.get("/v1/feedback/summary", params={"measure": "nps", "compare": "previous"})
    assert_problem(response, 422, "validation_failed")


@pytest.mark.parametrize(
    "parameters",
    [
        {"measure": "happiness"},
        {},
        {"measure": "nps", "group_by": "moon"},
        {"measure": "nps", "from": "yesterday"},
        {"measure": "nps", "from": "2026-01-01T00:00:00"},
        {"measure": "nps", "from": "2026-01-01 00:00:00"},
        {"measure": "nps", "level": "1"},
        {"measure": "nps", "level": "nan"},
        {"measure": "nps", "time_zone": "Mars"},
        {"measure": "csat", "top_box_from": "inf"},
    ],
)
async def test_what_makes_no_sense_is_refused(client: Client, parameters: dict[str, str]) -> None:
    assert_problem(await client.get("/v1/feedback/summary", params=parameters), 422, "validation_failed")


async def test_a_refusal_names_the_parameter_as_the_caller_knows_it(client: Client) -> None:
    for given, wanted in (("yesterday", "date"), ("2026-01-01T00:00:00", "a time needs its offset")):
        response = await client.get("/v1/feedback/summary", params={"measure": "nps", "from": given})
        errors = assert_problem(response, 422, "validation_failed")["errors"]
        assert {each["field"] for each in errors} == {"query.from"}
        assert wanted in errors[0]["message"]
    response = await client.get("/v1/feedback/drivers", params={"dimensions": ["empathy", ""]})
    assert assert_problem(response, 422, "validation_failed")["errors"][0]["field"] == "query.dimensions.1"


async def test_an_empty_time_and_an_unknown_parameter_are_refused(client: Client) -> None:
    params = {"measure": "nps", "from": "2026-02-01", "to": "2026-02-01"}
    assert_problem(await client.get("/v1/feedback/summary", params=params), 422, "unprocessable")
    params = {"measure": "nps", "chanel": "sms"}
    assert_problem(await client.get("/v1/feedback/summary", params=params), 400, "unknown_parameter")


async def test_a_summary_is_one_statement(client: Client, statements: list[str]) -> None:
    await score(client, 9)
    statements.clear()
    for group_by in ("day", "agent", "segment"):
        await summary(client, group_by=group_by)
    assert len([each for each in statements if "feedback_score" in each]) == 3


async def test_no_answer_holds_what_json_does_not_know(client: Client) -> None:
    await score(client, 1, measure="rating")
    for path in ("summary?measure=rating", "gaps", "drivers?overall=rating", "word-of-mouth"):
        response = await client.get(f"/v1/feedback/{path}")
        json.loads(response.text, parse_constant=lambda name: pytest.fail(name))


async def give_pair(
    client: Client, expected: float, perceived: float, dimension: str | None = None, **fields: Any
) -> None:
    scores = [
        {"measure": "expectation", "dimension": dimension, "value": expected},
        {"measure": "perception", "dimension": dimension, "value": perceived},
    ]
    whose = {} if "customer_id" in fields else {"customer": ("phone", "+989121234567")}
    await give_feedback(client, **whose, scores=scores, **fields)


async def gaps(client: Client, **parameters: Any) -> dict[str, Any]:
    response = await client.get("/v1/feedback/gaps", params=parameters)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_a_gap_is_perception_less_expectation_with_the_paired_t_test(client: Client) -> None:
    """Differences -1, -3, -2, 0: mean -1.5, s² 5/3, t = -1.5 / √(5/12) = -2.3238, p of t(3) = 0.1027."""
    for expected, perceived in ((6, 5), (7, 4), (6, 4), (5, 5)):
        await give_pair(client, expected, perceived, "reliability")
    found = await gaps(client)
    (gap,) = found["dimensions"]
    assert (gap["n"], gap["expectation"], gap["perception"], gap["gap"]) == (4, 6, 4.5, -1.5)
    assert (gap["t"], gap["freedom"]) == (pytest.approx(-2.323790), 3)
    assert gap["p"] == pytest.approx(0.102728, abs=1e-6)
    assert gap["interval"]["low"] == pytest.approx(-1.5 - 3.182446 * (5 / 12) ** 0.5, abs=1e-5)
    assert [gap[f"{how}_expected"] for how in ("worse_than", "as", "better_than")] == [3, 1, 0]
    assert (found["sign"], found["value"], found["weighted"]) == ("perception - expectation", -1.5, None)


async def test_the_worst_dimension_comes_first_and_importance_weighs_them(client: Client) -> None:
    await give_pair(client, 4, 5, "empathy")
    await give_pair(client, 7, 4, "waiting_time")
    await score(client, 2, 4, measure="importance", dimension="empathy")
    assert (await gaps(client))["weighted"] is None
    await score(client, 6, measure="importance", dimension="waiting_time")
    found = await gaps(client)
    assert [each["dimension"] for each in found["dimensions"]] == ["waiting_time", "empathy"]
    assert (found["value"], found["weighted"]) == (-1, pytest.approx((6 * -3 + 3 * 1) / 9))
    assert [each["t"] for each in found["dimensions"]] == [None, None]


async def test_pairs_are_of_one_answer_or_of_one_customers_newest(client: Client) -> None:
    await score(client, 7, measure="expectation", collected_at="2026-01-01T00:00:00Z")
    await score(client, 5, measure="expectation", collected_at="2026-01-02T00:00:00Z")
    await score(client, 6, measure="perception", collected_at="2026-01-03T00:00:00Z")
    await score(client, 3, measure="perception", collected_at="2026-01-03T00:00:00Z", scale=[1, 5])
    assert ((await gaps(client))["n"], (await gaps(client))["value"]) == (0, None)
    found = await gaps(client, paired_by="customer")
    assert (found["n"], found["value"], found["dimensions"][0]["scale"]) == (1, 1, [1, 7])


async def test_where_low_is_good_the_values_are_turned_over(client: Client) -> None:
    scores = [
        {"measure": measure, "value": value, "lower_is_better": True}
        for measure, value in (("expectation", 2), ("perception", 5))
    ]
    await give_feedback(client, ("phone", "+989121234567"), scores=scores)
    (gap,) = (await gaps(client))["dimensions"]
    assert (gap["expectation"], gap["perception"], gap["gap"], gap["worse_than_expected"]) == (6, 3, -3, 1)


async def test_word_of_mouth_multiplies_promoters_and_detractors(client: Client) -> None:
    await score(client, 10, 9, 9, 8, 0, 3)
    found = (await client.get("/v1/feedback/word-of-mouth")).json()
    assert (found["hear_good"], found["hear_bad"], found["tellers_counted"]) == (15, 40, False)
    assert found["hear_bad_for_one_good"] == pytest.approx(40 / 15)
    params = {"told_by_promoter": "2", "told_by_detractor": "10", "count_tellers": "true"}
    found = (await client.get("/v1/feedback/word-of-mouth", params=params)).json()
    assert (found["hear_good"], found["hear_bad"]) == (9, 22)


async def test_word_of_mouth_without_answers_is_no_number(client: Client) -> None:
    found = (await client.get("/v1/feedback/word-of-mouth")).json()
    assert (found["n"], found["hear_good"], found["hear_bad"], found["hear_bad_for_one_good"]) == (0, None, None, None)
