"""Whoever was let down is somebody's task until it is settled."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import SavepointDatabase, open_client
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, configure, give_feedback, make_customer, tell

PHONE = ("phone", "+989121234567")
Client = httpx.AsyncClient
BAD = [{"measure": "nps", "value": 3}]
GOOD = [{"measure": "nps", "value": 9}]


async def recoveries(client: Client, **parameters: Any) -> list[dict[str, Any]]:
    return await all_pages(client, "/v1/recoveries", **parameters)


async def answer(client: Client, scores: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return await give_feedback(client, PHONE, scores=scores, **fields)


async def close(client: Client, recovery: dict[str, Any], outcome: str = "won_back") -> dict[str, Any]:
    response = await client.patch(f"/v1/recoveries/{recovery['id']}", json={"outcome": outcome})
    assert response.status_code == 200, response.text
    return dict(response.json())


def moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        ({"measure": "nps", "value": 6}, "detractor"),
        ({"measure": "nps", "value": 6, "scale": [1, 10]}, "detractor"),
        ({"measure": "nps", "value": 7}, None),
        ({"measure": "csat", "value": 2}, "low_score"),
        ({"measure": "csat", "value": 3}, None),
        ({"measure": "csat", "value": 2, "dimension": "waiting_time"}, "low_score"),
        ({"measure": "csat", "value": 3, "scale": [1, 10]}, "low_score"),
        ({"measure": "csat", "value": 4, "scale": [1, 10]}, None),
        ({"measure": "rating", "value": 1}, "low_score"),
        ({"measure": "ces", "value": 2}, "low_score"),
        ({"measure": "ces", "value": 2, "lower_is_better": True}, None),
        ({"measure": "ces", "value": 6, "lower_is_better": True}, "low_score"),
        ({"measure": "perception", "value": 1}, None),
        ({"measure": "importance", "value": 1}, None),
    ],
)
async def test_a_bad_score_opens_a_recovery(client: Client, score: dict[str, Any], reason: str | None) -> None:
    touch = await tell(client, PHONE)
    feedback = await answer(client, [score], interaction_id=touch["id"])
    found = await recoveries(client)
    assert [each["reason"] for each in found] == ([reason] if reason else [])
    for each in found:
        assert (each["feedback_id"], each["interaction_id"]) == (feedback["id"], touch["id"])
        assert (each["customer_id"], each["status"]) == (feedback["customer_id"], "open")
        assert (each["measure"], each["first_value"], each["scale"]) == (
            score["measure"],
            score["value"],
            feedback["scores"][0]["scale"],
        )
        assert moment(each["due_at"]) - moment(each["created_at"]) == pytest.approx(
            timedelta(hours=24), abs=timedelta(minutes=1)
        )


async def test_one_answer_opens_one_recovery_by_its_worst_score(client: Client) -> None:
    csat = [{"measure": "csat", "dimension": "empathy", "value": 1}, {"measure": "csat", "value": 1}]
    await answer(client, [*csat, *BAD])
    (recovery,) = await recoveries(client)
    assert (recovery["reason"], recovery["measure"]) == ("detractor", "nps")
    await give_feedback(client, ("email", "b@example.org"), scores=csat)
    newest, _ = await recoveries(client)
    assert (newest["reason"], newest["dimension"]) == ("low_score", None)


async def test_what_counts_as_low_how_soon_and_how_old_can_be_set(client: Client, app: FastAPI) -> None:
    configure(app, recovery_low_share=0.5, recovery_hours=2, recovery_days=1)
    await answer(client, [{"measure": "csat", "value": 3}])
    (recovery,) = await recoveries(client)
    assert moment(recovery["due_at"]) < datetime.now(UTC) + timedelta(hours=2, minutes=1)
    yesterday = datetime.now(UTC) - timedelta(days=1, minutes=1)
    await give_feedback(client, ("email", "b@example.org"), scores=BAD, collected_at=yesterday.isoformat())
    assert len(await recoveries(client)) == 1


async def test_history_that_is_imported_opens_nothing(client: Client) -> None:
    await answer(client, BAD, collected_at="2025-01-01T00:00:00Z")
    assert await recoveries(client) == []


async def test_while_one_is_open_further_bad_answers_are_noted_on_it(client: Client) -> None:
    for _ in range(3):
        last = await answer(client, BAD)
    (recovery,) = await recoveries(client)
    assert recovery["further_feedback_ids"][-1] == last["id"]
    assert len(recovery["further_feedback_ids"]) == 2
    assert recovery["version"] > 1
    await close(client, recovery)
    await answer(client, BAD)
    assert [each["status"] for each in await recoveries(client)] == ["open", "closed"]


async def test_bad_answers_at_once_open_one_recovery(served: FastAPI) -> None:
    async with open_client(served) as client:
        await make_customer(client, PHONE)
        await asyncio.gather(*(answer(client, BAD) for _ in range(6)))
        (recovery,) = await recoveries(client)
        assert len(recovery["further_feedback_ids"]) == 5


async def test_an_answer_told_again_opens_nothing_again(client: Client) -> None:
    await answer(client, BAD, external_id="1")
    (recovery,) = await recoveries(client)
    await close(client, recovery)
    await answer(client, BAD, external_id="1")
    assert len(await recoveries(client)) == 1


async def test_the_second_score_is_the_newest_while_open_then_the_first_after_closing(client: Client) -> None:
    await answer(client, BAD)
    (recovery,) = await recoveries(client)
    assert recovery["second"] is None

    async def second_after(value: int, **fields: Any) -> tuple[int | None, str]:
        await answer(client, [{"measure": "nps", "value": value} | fields])
        shown = (await client.get(f"/v1/recoveries/{recovery['id']}")).json()
        return shown["second"] and shown["second"]["value"], shown["status"]

    assert await second_after(9, dimension="empathy") == (None, "open")
    assert await second_after(9, scale=[1, 10]) == (None, "open")
    assert await second_after(7) == (7, "open")
    assert await second_after(8) == (8, "open")
    await close(client, recovery, "not_won_back")
    assert await second_after(10) == (10, "closed")
    assert await second_after(9) == (10, "closed")


async def test_a_score_collected_before_the_bad_one_is_no_second(client: Client) -> None:
    await answer(client, BAD)
    await answer(client, GOOD, collected_at=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    (recovery,) = await recoveries(client)
    assert recovery["second"] is None


async def test_a_complaint_is_opened_by_hand(client: Client) -> None:
    touch = await tell(client, PHONE, text="The parcel is broken.")
    body = {"interaction_id": touch["id"], "owner": "n.ahmadi", "note": "call back"}
    response = await client.post("/v1/recoveries", json=body)
    assert response.status_code == 201, response.text
    recovery = response.json()
    assert recovery.items() >= (body | {"reason": "complaint", "customer_id": touch["customer_id"]}).items()
    assert (recovery["measure"], recovery["scale"], recovery["second"]) == (None, None, None)
    again = await client.post("/v1/recoveries", json={"customer_id": touch["customer_id"]})
    assert_problem(again, 409, "recovery_open")
    assert again.json()["recovery_id"] == recovery["id"]


async def test_a_complaint_is_about_something_of_its_customer(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    theirs = await tell(client, ("email", "b@example.org"))
    feedback = await give_feedback(client, ("email", "b@example.org"))
    nothing = "01a20351-8849-7262-b2fa-12638c68a45b"
    for status, code, body in (
        (409, "not_theirs", {"customer_id": customer["id"], "interaction_id": theirs["id"]}),
        (409, "not_theirs", {"customer_id": customer["id"], "feedback_id": feedback["id"]}),
        (422, "unknown_interaction", {"customer_id": customer["id"], "interaction_id": nothing}),
        (422, "unknown_feedback", {"feedback_id": nothing}),
        (404, "unknown_customer", {"customer_id": nothing}),
        (422, "validation_failed", {"reason": "complaint"}),
    ):
        assert_problem(await client.post("/v1/recoveries", json=body), status, code)
    unfiled = await tell(client, ("phone", "anonymous"))
    response = await client.post("/v1/recoveries", json={"interaction_id": unfiled["id"]})
    assert_problem(response, 409, "unfiled")


async def test_an_outcome_closes_it_and_may_be_corrected_but_not_taken_back(client: Client) -> None:
    await answer(client, BAD)
    (recovery,) = await recoveries(client)
    path = f"/v1/recoveries/{recovery['id']}"
    owned = (await client.patch(path, json={"owner": "n.ahmadi"}, headers={"If-Match": '"1"'})).json()
    assert (owned["owner"], owned["status"], owned["version"]) == ("n.ahmadi", "open", 2)
    stale = await client.patch(path, json={"owner": "nobody"}, headers={"If-Match": '"1"'})
    assert_problem(stale, 412, "version_mismatch")
    closed = await close(client, recovery, "unreachable")
    assert (closed["status"], closed["outcome"], closed["owner"]) == ("closed", "unreachable", "n.ahmadi")
    corrected = await close(client, recovery, "won_back")
    assert corrected["closed_at"] == closed["closed_at"]
    for body in ({"outcome": None}, {"due_at": None}, {"status": "open"}):
        assert_problem(await client.patch(path, json=body), 422, "validation_failed")
    assert_problem(await client.patch(path.replace(recovery["id"][-4:], "0000"), json={}), 404, "not_found")


async def test_the_list_shows_what_is_overdue(client: Client, database: SavepointDatabase) -> None:
    for sender in (PHONE, ("email", "b@example.org"), ("email", "c@example.org")):
        await give_feedback(client, sender, scores=BAD)
    _, late, settled = await recoveries(client)
    await database.driver.execute(
        "UPDATE recovery SET due_at = now() - interval '1 hour' WHERE id IN ($1, $2)", late["id"], settled["id"]
    )
    await close(client, settled)
    assert [each["id"] for each in await recoveries(client, overdue=True)] == [late["id"]]
    assert len(await recoveries(client, overdue=False)) == 2
    assert [each["overdue"] for each in await recoveries(client)] == [False, True, False]
    assert len(await recoveries(client, status="closed")) == 1
    assert len(await recoveries(client, outcome="won_back", reason="detractor")) == 1
    assert len(await recoveries(client, customer_id=late["customer_id"])) == 1
