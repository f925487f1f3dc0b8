"""Answers by the thousand: the same rules a line, one bad line never stops the rest."""

import json
from typing import Any

import httpx
from fastapi import FastAPI

from tests.conftest import open_client
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, give_feedback, make_customer, tell

PHONE = {"kind": "phone", "value": "+989121234567"}
Client = httpx.AsyncClient


def a_line(**fields: Any) -> dict[str, Any]:
    return {"from": PHONE, "scores": [{"measure": "csat", "value": 4}]} | fields


async def send(client: Client, *lines: dict[str, Any] | str) -> dict[str, Any]:
    content = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    response = await client.post("/v1/feedback/batch", content=content)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_each_line_is_recorded_or_rejected_for_itself(client: Client) -> None:
    customer = await make_customer(client, ("phone", PHONE["value"]))
    theirs = await tell(client, ("email", "b@example.org"))
    known = await give_feedback(client, ("phone", PHONE["value"]), external_id="0")
    batch = await send(
        client,
        a_line(external_id="0"),
        a_line(external_id="1"),
        "{",
        "",
        a_line(scores=[{"measure": "csat", "value": 6}]),
        {"customer_id": customer["id"], "scores": [{"measure": "nps", "value": 9}]},
        a_line(**{"from": {"kind": "email", "value": "noreply@example.org"}}),
        a_line(**{"from": {"kind": "email", "value": "new@example.org"}}, interaction_id=theirs["id"]),
        {"customer_id": "01a20351-8849-7262-b2fa-12638c68a45b", "scores": [{"measure": "nps", "value": 9}]},
        a_line(**{"from": {"kind": "email", "value": "c@example.org"}}),
        a_line(external_id="1"),
    )
    assert [(line["line"], line["status"], line["code"]) for line in batch["results"]] == [
        (1, "known", None),
        (2, "created", None),
        (3, "rejected", "malformed_json"),
        (5, "rejected", "validation_failed"),
        (6, "created", None),
        (7, "rejected", "identifier_blocked"),
        (8, "rejected", "not_theirs"),
        (9, "rejected", "unknown_customer"),
        (10, "created", None),
        (11, "known", None),
    ]
    assert (batch["created"], batch["known"], batch["rejected"]) == (3, 2, 5)
    results = {line["line"]: line for line in batch["results"]}
    assert results[1]["id"] == known["id"]
    assert results[11]["id"] == results[2]["id"]
    assert {results[number]["customer_id"] for number in (1, 2, 6)} == {customer["id"]}
    assert "csat, 1 to 5" in results[5]["errors"][0]["message"]
    assert len(await all_pages(client, "/v1/feedback")) == 4
    assert (await client.get("/v1/lookup", params={"email": "new@example.org"})).status_code == 404
    assert (await client.get("/v1/lookup", params={"email": "c@example.org"})).status_code == 200


async def test_a_batch_sent_again_records_nothing_twice(served: FastAPI) -> None:
    lines = [
        a_line(**{"from": {"kind": "external", "value": f"erp:{number % 97 + 1}"}}, external_id=str(number))
        for number in range(600)
    ]
    async with open_client(served) as client:
        assert (await send(client, *lines))["created"] == 600
        assert (await send(client, *lines[300:], *lines[:300]))["known"] == 600
        assert len(await all_pages(client, "/v1/feedback", limit=200)) == 600
        assert len(await all_pages(client, "/v1/customers", limit=200)) == 97


async def test_a_batch_takes_as_many_statements_for_twenty_lines_as_for_two(
    client: Client, statements: list[str]
) -> None:
    counts = []
    for lines in (2, 20):
        statements.clear()
        await send(client, *[a_line(external_id=f"{number} of {lines}") for number in range(lines)])
        counts.append(len(statements))
    assert counts[0] == counts[1] > 0


async def test_bad_answers_of_a_batch_open_one_recovery_a_customer(client: Client) -> None:
    bad = [{"measure": "nps", "value": 2}]
    others = {"kind": "email", "value": "b@example.org"}
    await send(client, a_line(scores=bad), a_line(scores=bad), a_line(scores=bad, **{"from": others}))
    newest, first = await all_pages(client, "/v1/recoveries")
    assert (len(newest["further_feedback_ids"]), len(first["further_feedback_ids"])) == (0, 1)


async def test_a_batch_of_too_many_lines_is_refused(client: Client) -> None:
    line = json.dumps(a_line())
    response = await client.post("/v1/feedback/batch", content="\n".join([line] * 10_001))
    assert_problem(response, 413, "too_many_lines")
    assert await all_pages(client, "/v1/feedback") == []


async def test_a_batch_may_be_larger_than_other_bodies(client: Client) -> None:
    batch = await send(client, *[a_line(comment="x" * 19_000)] * 100)
    assert batch["created"] == 100
