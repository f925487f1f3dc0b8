"""Recording answers from any system, each once, into the right file."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import SavepointDatabase, open_client
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, give_feedback, make_customer, tell
from tests.ingest.test_conversations import ALI, connect, mail

PHONE = ("phone", "+989121234567")
SOMEBODY = {"kind": "phone", "value": "+989121234567"}
Client = httpx.AsyncClient


def an_answer(**fields: Any) -> dict[str, Any]:
    return {"scores": [{"measure": "csat", "value": 4}]} | fields


async def refused(client: Client, status: int, code: str, **fields: Any) -> dict[str, Any]:
    response = await client.post("/v1/feedback", json=an_answer(**fields))
    assert_problem(response, status, code)
    return dict(response.json())


async def test_an_answer_is_kept_as_it_was_told(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    touch = await tell(client, PHONE, channel="email", subject="Order 12345")
    told = {
        "customer_id": customer["id"],
        "source": "ivr",
        "external_id": "17",
        "collected_at": "2026-03-01T09:30:00+00:00",
        "channel": "voice",
        "comment": "خیلی منتظر ماندم.",
        "interaction_id": touch["id"],
        "conversation_id": touch["conversation_id"],
        "case_reference": "C-1",
        "order_reference": "12345",
        "agent": "n.ahmadi",
    }
    scores = [
        {"measure": "csat", "value": 4},
        {"measure": "csat", "dimension": "waiting_time", "value": 2.5, "scale": [1, 10]},
        {"measure": "ces", "value": 2, "scale": [1, 5], "lower_is_better": True},
    ]
    feedback = await give_feedback(client, scores=scores, **told)
    assert feedback.items() >= told.items()
    assert feedback["language"] == "fa"
    shown = [{name: score[name] for name in score if name != "id"} for score in feedback["scores"]]
    assert shown == [
        {"measure": "csat", "dimension": None, "value": 4, "scale": [1, 5], "lower_is_better": False},
        {"measure": "csat", "dimension": "waiting_time", "value": 2.5, "scale": [1, 10], "lower_is_better": False},
        {"measure": "ces", "dimension": None, "value": 2, "scale": [1, 5], "lower_is_better": True},
    ]
    assert (await client.get(f"/v1/feedback/{feedback['id']}")).json() == feedback


async def test_the_list_has_a_tidy_row_for_each_score(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    scores = [{"measure": "nps", "value": 9}, {"measure": "csat", "dimension": "courtesy", "value": 5}]
    feedback = await give_feedback(client, scores=scores, customer_id=customer["id"], comment="Thank you")
    rows = await all_pages(client, "/v1/feedback")
    answer = {name: value for name, value in feedback.items() if name not in ("id", "scores", "version", "updated_at")}
    for row, score in zip(rows, reversed(feedback["scores"]), strict=True):
        assert row.items() >= (answer | score | {"feedback_id": feedback["id"]}).items()


@pytest.mark.parametrize(
    ("measure", "scale"),
    [
        ("nps", "0 to 10"),
        ("csat", "1 to 5"),
        ("rating", "1 to 5"),
        ("ces", "1 to 7"),
        ("expectation", "1 to 7"),
        ("perception", "1 to 7"),
        ("importance", "1 to 7"),
    ],
)
async def test_a_value_off_its_scale_is_refused_and_the_scale_named(client: Client, measure: str, scale: str) -> None:
    low, high = map(int, scale.split(" to "))
    for value in (low - 1, high + 1):
        problem = await refused(
            client, 422, "validation_failed", **{"from": SOMEBODY}, scores=[{"measure": measure, "value": value}]
        )
        assert problem["errors"][0]["field"] == "scores.0"
        assert f"{measure}, {scale}" in problem["errors"][0]["message"]
    for value in (low, high):
        await give_feedback(client, PHONE, scores=[{"measure": measure, "value": value}])


@pytest.mark.parametrize(
    "score",
    [
        {"measure": "csat", "value": 6, "scale": [1, 5]},
        {"measure": "csat", "value": 5, "scale": [5, 1]},
        {"measure": "csat", "value": 5, "scale": [5, 5]},
        {"measure": "csat", "value": 5, "scale": [1]},
        {"measure": "csat", "value": "4"},
        {"measure": "csat", "value": True},
        {"measure": "csat", "value": None},
        {"measure": "nps", "value": 8.5},
        {"measure": "nps", "value": 0, "scale": [1, 10]},
        {"measure": "nps", "value": 50, "scale": [0, 100]},
        {"measure": "happiness", "value": 4},
        {"measure": "csat", "value": 4, "dimension": ""},
        {"measure": "csat", "value": 4, "dimension": "x" * 101},
        {"measure": "csat"},
    ],
)
async def test_a_score_that_means_nothing_is_refused(client: Client, score: dict[str, Any]) -> None:
    await refused(client, 422, "validation_failed", **{"from": SOMEBODY}, scores=[score])
    assert await all_pages(client, "/v1/feedback") == []


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 400])
async def test_a_number_that_is_none_is_refused(client: Client, value: str) -> None:
    body = json.dumps(an_answer(**{"from": SOMEBODY})).replace("4}", f"{value}}}")
    response = await client.post("/v1/feedback", content=body, headers={"Content-Type": "application/json"})
    assert_problem(response, 422, "validation_failed")


async def test_an_answer_scores_each_thing_once_and_something_at_least(client: Client) -> None:
    score = {"measure": "csat", "value": 4}
    twice = [score | {"dimension": "empathy"}, score, score | {"dimension": "empathy", "value": 5}]
    for scores in (twice, [], [score | {"dimension": f"d{number}"} for number in range(101)]):
        await refused(client, 422, "validation_failed", **{"from": SOMEBODY}, scores=scores)
    await give_feedback(client, PHONE, scores=[*twice[:2], {"measure": "rating", "value": 4}])


async def test_nps_on_one_to_ten_is_taken(client: Client) -> None:
    feedback = await give_feedback(client, PHONE, scores=[{"measure": "nps", "value": 7, "scale": [1, 10]}])
    assert feedback["scores"][0]["scale"] == [1, 10]


async def test_an_answer_told_again_is_recorded_once(client: Client) -> None:
    first = await client.post("/v1/feedback", json=an_answer(**{"from": SOMEBODY}, source="ivr", external_id="1"))
    again = await client.post(
        "/v1/feedback",
        json=an_answer(**{"from": {"kind": "email", "value": "b@example.org"}}, source="ivr", external_id="1"),
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    other = await client.post("/v1/feedback", json=an_answer(**{"from": SOMEBODY}, source="web", external_id="1"))
    assert other.status_code == 201
    assert (await client.get("/v1/lookup", params={"email": "b@example.org"})).status_code == 404
    assert len(await all_pages(client, "/v1/feedback")) == 2


async def test_an_answer_told_by_several_at_once_is_recorded_once(served: FastAPI) -> None:
    async with open_client(served) as client:

        async def send(number: int) -> httpx.Response:
            sender = {"kind": "phone", "value": f"+9891212345{number % 4:02}"}
            return await client.post("/v1/feedback", json=an_answer(**{"from": sender}, external_id="1"))

        responses = await asyncio.gather(*(send(number) for number in range(12)))
        assert sorted(response.status_code for response in responses) == [200] * 11 + [201]
        assert len({response.json()["id"] for response in responses}) == 1
        assert len(await all_pages(client, "/v1/customers")) == 1


async def test_two_first_answers_at_once_open_one_file(served: FastAPI) -> None:
    async with open_client(served) as client:
        answers = await asyncio.gather(*(give_feedback(client, PHONE) for _ in range(6)))
        assert len({answer["customer_id"] for answer in answers}) == 1


async def test_whoever_is_known_keeps_their_file_and_a_stranger_gets_a_provisional_one(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    written = {"kind": "phone", "value": "۰۹۱۲ ۱۲۳ ۴۵۶۷", "region": "IR"}
    assert (await give_feedback(client, None, **{"from": written}))["customer_id"] == customer["id"]
    stranger = {"kind": "email", "value": "Maryam@Example.ir", "name": "مریم"}
    feedback = await give_feedback(client, None, **{"from": stranger})
    opened = (await client.get(f"/v1/customers/{feedback['customer_id']}")).json()
    assert (opened["status"], opened["display_name"]) == ("provisional", "مریم")
    assert [each["value"] for each in opened["identifiers"]] == ["maryam@example.ir"]
    log = (await client.get(f"/v1/customers/{opened['id']}/identity-log")).json()["items"]
    assert [entry["rule"] for entry in log] == ["opened"]


async def test_what_identifies_nobody_or_no_rule_can_read_is_refused(client: Client) -> None:
    await refused(client, 422, "identifier_blocked", **{"from": {"kind": "email", "value": "noreply@example.org"}})
    await refused(client, 422, "invalid_identifier", **{"from": {"kind": "email", "value": "nonsense"}})
    await refused(client, 422, "validation_failed")


async def test_an_unknown_customer_is_404_and_a_forgotten_one_409(client: Client) -> None:
    await refused(client, 404, "unknown_customer", customer_id="01a20351-8849-7262-b2fa-12638c68a45b")
    customer = await make_customer(client, PHONE)
    await client.delete(f"/v1/customers/{customer['id']}")
    await refused(client, 409, "anonymized", customer_id=customer["id"])


async def test_the_id_of_a_merged_file_leads_to_the_survivor(client: Client, database: SavepointDatabase) -> None:
    customer = await make_customer(client, PHONE)
    old = "01a20351-8849-7262-b2fa-12638c68a45b"
    await database.driver.execute("INSERT INTO customer_alias (id, customer_id) VALUES ($1, $2)", old, customer["id"])
    feedback = await give_feedback(client, customer_id=old)
    assert feedback["customer_id"] == customer["id"]
    (row,) = await all_pages(client, "/v1/feedback", customer_id=old)
    assert row["feedback_id"] == feedback["id"]


async def test_what_it_is_about_must_be_the_customers(client: Client) -> None:
    touch = await tell(client, ("phone", "+989351112233"), channel="sms")
    nothing = "01a20351-8849-7262-b2fa-12638c68a45b"
    await refused(client, 409, "not_theirs", **{"from": SOMEBODY}, interaction_id=touch["id"])
    await refused(client, 409, "not_theirs", **{"from": SOMEBODY}, conversation_id=touch["conversation_id"])
    await refused(client, 422, "unknown_interaction", **{"from": SOMEBODY}, interaction_id=nothing)
    await refused(client, 422, "unknown_conversation", **{"from": SOMEBODY}, conversation_id=nothing)
    assert (await client.get("/v1/lookup", params={"phone": PHONE[1]})).status_code == 404


async def test_the_conversation_is_the_interactions_unless_told(client: Client) -> None:
    touch, other = await tell(client, PHONE, channel="sms"), await tell(client, PHONE, channel="chat")
    assert touch["conversation_id"] not in (None, other["conversation_id"])
    for told, expected in (({}, touch), ({"conversation_id": other["conversation_id"]}, other)):
        feedback = await give_feedback(client, PHONE, interaction_id=touch["id"], **told)
        assert feedback["conversation_id"] == expected["conversation_id"]


async def test_who_served_and_on_which_channel_is_the_interactions_unless_told(client: Client) -> None:
    touch = await tell(client, PHONE, channel="visit", agent="counter 3")
    feedback = await give_feedback(client, PHONE, interaction_id=touch["id"])
    assert (feedback["agent"], feedback["channel"]) == ("counter 3", "visit")
    feedback = await give_feedback(client, PHONE, interaction_id=touch["id"], agent="n.ahmadi", channel="sms")
    assert (feedback["agent"], feedback["channel"]) == ("n.ahmadi", "sms")


async def test_each_filter_of_the_list_keeps_what_it_names(client: Client) -> None:
    touch = await tell(client, PHONE)
    mine = await give_feedback(
        client,
        PHONE,
        source="ivr",
        channel="voice",
        agent="n.ahmadi",
        interaction_id=touch["id"],
        collected_at="2026-03-02T00:00:00Z",
        scores=[{"measure": "csat", "dimension": "empathy", "value": 4}],
    )
    scores = [{"measure": "nps", "value": 9}]
    for day in (1, 3):
        await give_feedback(client, ("email", "b@example.org"), scores=scores, collected_at=f"2026-03-0{day}T00:00:00Z")
    for parameters in (
        {"customer_id": mine["customer_id"]},
        {"measure": "csat"},
        {"dimension": "empathy"},
        {"channel": "voice"},
        {"agent": "n.ahmadi"},
        {"source": "ivr"},
        {"interaction_id": touch["id"]},
        {"collected_after": "2026-03-01T00:00:00Z", "collected_before": "2026-03-03T00:00:00Z"},
    ):
        rows = await all_pages(client, "/v1/feedback", **parameters)
        assert [row["feedback_id"] for row in rows] == [mine["id"]], parameters
    assert len(await all_pages(client, "/v1/feedback")) == 3


async def test_what_postgresql_cannot_hold_is_cleaned(client: Client) -> None:
    feedback = await give_feedback(
        client,
        PHONE,
        comment="good\x00 \ud800",
        agent="a\x00b",
        scores=[{"measure": "csat", "value": 4, "dimension": "x\x00y"}],
    )
    assert "\x00" not in feedback["comment"] + feedback["agent"] + feedback["scores"][0]["dimension"]


async def test_the_feed_of_changes_is_told_once_and_without_words(client: Client, database: SavepointDatabase) -> None:
    for _ in range(2):
        feedback = await give_feedback(client, PHONE, external_id="1", comment="private")
    rows = await database.driver.fetch("SELECT subject_id, data FROM change WHERE type = 'feedback.received'")
    assert [str(row["subject_id"]) for row in rows] == [feedback["id"]]
    assert "private" not in rows[0]["data"]


async def test_what_was_written_goes_with_the_person_and_the_score_stays(client: Client) -> None:
    feedback = await give_feedback(client, PHONE, comment="I am Ali", order_reference="12345")
    assert (await client.delete(f"/v1/customers/{feedback['customer_id']}")).status_code == 204
    left = (await client.get(f"/v1/feedback/{feedback['id']}")).json()
    assert (left["comment"], left["order_reference"]) == (None, None)
    assert left["scores"] == feedback["scores"]


async def test_what_was_erased_does_not_come_back(client: Client) -> None:
    feedback = await give_feedback(client, PHONE, external_id="1", scores=[{"measure": "nps", "value": 1}])
    await give_feedback(client, PHONE, scores=[{"measure": "nps", "value": 9}])
    customer_id = feedback["customer_id"]
    erased = await client.delete(f"/v1/customers/{customer_id}", params={"mode": "erase"})
    assert erased.status_code == 204
    assert_problem(await client.get(f"/v1/feedback/{feedback['id']}"), 404, "not_found")
    for path in ("/v1/feedback", "/v1/recoveries"):
        assert await all_pages(client, path) == []
    await refused(client, 410, "erased", **{"from": SOMEBODY}, external_id="1")
    await refused(client, 410, "erased", customer_id=customer_id)
    await give_feedback(client, PHONE, external_id="2")


async def test_an_address_that_opted_out_before_it_was_erased_stays_opted_out(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    path = f"/v1/customers/{customer['id']}"
    await client.patch(f"{path}/identifiers/{customer['identifiers'][0]['id']}", json={"opted_out": True})
    await client.delete(path, params={"mode": "erase"})
    feedback = await give_feedback(client, PHONE)
    (identifier,) = (await client.get(f"/v1/customers/{feedback['customer_id']}")).json()["identifiers"]
    assert identifier["opted_out_at"] is not None


async def test_feedback_goes_with_the_file_that_is_merged_and_comes_back(client: Client) -> None:
    kept, merged = await make_customer(client, PHONE), await make_customer(client, ("email", "b@example.org"))
    feedback = await give_feedback(client, customer_id=merged["id"], scores=[{"measure": "nps", "value": 1}])
    response = await client.post(f"/v1/customers/{kept['id']}/merge", json={"customer_ids": [merged["id"]]})
    assert response.status_code == 200, response.text
    await give_feedback(client, customer_id=merged["id"], scores=[{"measure": "nps", "value": 2}])
    for path in ("/v1/feedback", "/v1/recoveries"):
        for customer_id in (kept["id"], merged["id"]):
            found = await all_pages(client, path, customer_id=customer_id)
            assert {item["customer_id"] for item in found} == {kept["id"]}, path
    (recovery,) = await all_pages(client, "/v1/recoveries")
    assert len(recovery["further_feedback_ids"]) == 1
    (merge,) = await all_pages(client, "/v1/merges")
    assert (await client.post(f"/v1/merges/{merge['id']}/undo")).status_code == 200
    back = (await client.get(f"/v1/feedback/{feedback['id']}")).json()
    assert back["customer_id"] == merged["id"]
    (row,) = await all_pages(client, "/v1/feedback", customer_id=merged["id"])
    assert row["feedback_id"] == feedback["id"]


async def test_feedback_follows_its_conversation_into_the_one_it_is_joined_with(client: Client) -> None:
    await connect(client)
    await mail(client, "a")
    await mail(client, "b")
    for thread in await all_pages(client, "/v1/conversations"):
        await give_feedback(client, ("email", ALI), conversation_id=thread["id"])
    await mail(client, "c", ["a", "b"])
    (joined,) = await all_pages(client, "/v1/conversations")
    rows = await all_pages(client, "/v1/feedback")
    assert [row["conversation_id"] for row in rows] == [joined["id"]] * 2


async def test_an_answer_from_the_future_is_refused(client: Client) -> None:
    scores = [{"measure": "csat", "value": 4}]
    problem = await refused(
        client, 422, "validation_failed", **{"from": SOMEBODY}, scores=scores, collected_at="2999-01-01T00:00:00Z"
    )
    assert problem["errors"][0]["field"] == "collected_at"
