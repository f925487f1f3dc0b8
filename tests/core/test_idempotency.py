"""A POST repeated with the same `Idempotency-Key` is done once."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.idempotency import FORGET
from tests.conftest import AUTHORIZED, SavepointDatabase, open_client
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, make_customer, make_key

ONCE = {"Idempotency-Key": "once"}
CALL = {"channel": "voice", "from": {"kind": "phone", "value": "+989121234567"}}


async def count(client: httpx.AsyncClient, path: str = "/v1/customers") -> int:
    return len(await all_pages(client, path))


async def test_a_secret_is_answered_again_but_not_kept_readably(
    client: httpx.AsyncClient, database: SavepointDatabase
) -> None:
    body = {"name": "another system", "scopes": ["read"]}
    first, again = [await client.post("/v1/api-keys", json=body, headers=ONCE) for _ in range(2)]
    assert (again.status_code, again.json()) == (201, first.json())
    secret = first.json()["key"].encode()
    kept = await database.driver.fetchval("SELECT body FROM idempotency_key")
    assert secret not in kept
    assert secret in first.content


async def grow_older(database: SavepointDatabase, **time: float) -> None:
    await database.driver.execute(
        "UPDATE idempotency_key SET created_at = created_at - $1::interval", timedelta(**time)
    )


async def leave_in_flight(database: SavepointDatabase) -> None:
    """As a process leaves a request that it died over."""
    await database.driver.execute("UPDATE idempotency_key SET status = NULL, headers = NULL, body = NULL")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/customers", {"display_name": "Ali"}),
        ("/v1/interactions", CALL),
        ("/v1/api-keys", {"name": "till", "scopes": ["read"]}),
        ("/v1/sources", {"name": "sms", "provider": "twilio_sms", "credentials": {"auth_token": "12345"}}),
    ],
)
async def test_a_repeated_request_gets_the_same_answer_and_is_done_once(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    first = await client.post(path, json=body, headers=ONCE)
    again = await client.post(path, json=body, headers=ONCE)
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert await count(client, path) == 1


async def test_without_the_key_a_repeated_request_is_a_second_one(client: httpx.AsyncClient) -> None:
    await make_customer(client)
    await make_customer(client)
    assert await count(client) == 2


async def test_a_batch_is_repeated_safely(client: httpx.AsyncClient) -> None:
    line = b'{"channel":"visit","from":{"kind":"phone","value":"+989121234567"}}\n'
    answers = [await client.post("/v1/interactions/batch", content=line * 3, headers=ONCE) for _ in range(2)]
    assert answers[0].json()["created"] == 3
    assert answers[1].json() == answers[0].json()
    assert await count(client, "/v1/interactions") == 3


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/customers", {"display_name": "Reza"}), ("/v1/customers?a=b", {}), ("/v1/interactions", CALL)],
)
async def test_the_key_of_one_request_is_refused_for_another(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    await client.post("/v1/customers", json={}, headers=ONCE)
    assert_problem(await client.post(path, json=body, headers=ONCE), 422, "idempotency_key_reused")
    assert (await count(client), await count(client, "/v1/interactions")) == (1, 0)


async def test_two_callers_may_use_the_same_key(client: httpx.AsyncClient) -> None:
    keys = [await make_key(client, "write") for _ in range(2)]
    answers = [
        await client.post("/v1/customers", json={}, headers=ONCE | headers)
        for headers in (AUTHORIZED, *(key["authorization"] for key in keys))
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.json()["id"] for answer in answers}) == 3


async def test_a_kept_answer_is_not_told_to_a_stranger(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    await client.post("/v1/customers", json={}, headers=ONCE)
    assert_problem(await stranger.post("/v1/customers", json={}, headers=ONCE), 401, "unauthorized")


async def test_a_refused_request_may_be_tried_again(client: httpx.AsyncClient) -> None:
    body = {"identifiers": [{"kind": "email", "value": "ali@example.ir"}]}
    owner = await make_customer(client, ("email", "ali@example.ir"))
    assert_problem(await client.post("/v1/customers", json=body, headers=ONCE), 409, "identifier_taken")
    await client.delete(f"/v1/customers/{owner['id']}/identifiers/{owner['identifiers'][0]['id']}")
    response = await client.post("/v1/customers", json=body, headers=ONCE)
    assert response.status_code == 201
    assert "idempotent-replayed" not in response.headers


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\xe9\x85"])
async def test_a_key_of_another_form_is_400(client: httpx.AsyncClient, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode("latin-1")}
    response = await client.post("/v1/customers", json={}, headers=headers)
    assert_problem(response, 400, "bad_idempotency_key")
    assert await count(client) == 0


async def test_a_key_of_255_characters_is_long_enough_for_anybody(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "x" * 255}
    answers = [await client.post("/v1/customers", json={}, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()


async def test_a_request_in_flight_is_409(client: httpx.AsyncClient, database: SavepointDatabase) -> None:
    await client.post("/v1/customers", json={}, headers=ONCE)
    await leave_in_flight(database)
    assert_problem(await client.post("/v1/customers", json={}, headers=ONCE), 409, "idempotency_in_flight")


async def test_what_a_dead_process_left_in_flight_is_free_after_a_minute(
    client: httpx.AsyncClient, database: SavepointDatabase
) -> None:
    await client.post("/v1/customers", json={}, headers=ONCE)
    await leave_in_flight(database)
    await grow_older(database, seconds=61)
    assert_problem(await client.post("/v1/customers?a=b", json={}, headers=ONCE), 422, "idempotency_key_reused")
    assert (await client.post("/v1/customers", json={}, headers=ONCE)).status_code == 201
    again = await client.post("/v1/customers", json={}, headers=ONCE)
    assert again.headers["idempotent-replayed"] == "true"


async def test_an_answer_is_kept_for_24_hours_and_not_longer(
    client: httpx.AsyncClient, database: SavepointDatabase
) -> None:
    first = await client.post("/v1/customers", json={}, headers=ONCE)
    await grow_older(database, hours=23)
    await database.driver.execute(FORGET)
    assert (await client.post("/v1/customers", json={}, headers=ONCE)).content == first.content
    await grow_older(database, minutes=61)
    assert (await client.post("/v1/customers", json={}, headers=ONCE)).json()["id"] != first.json()["id"]
    await grow_older(database, hours=25)
    await database.driver.execute(FORGET)
    assert await database.driver.fetchval("SELECT count(*) FROM idempotency_key") == 0


async def test_of_two_requests_at_once_one_is_done_and_the_other_told_to_wait(served: FastAPI) -> None:
    async with open_client(served) as client, served.state.database.session() as elsewhere:
        owner = await make_customer(client, ("email", "ali@example.ir"))
        path = f"/v1/customers/{owner['id']}/identifiers"
        body = {"kind": "email", "value": "reza@example.ir"}
        # Somebody else holds the customer, so the first request waits inside its transaction.
        connection = await elsewhere.connection()
        await connection.exec_driver_sql("SELECT FROM customer FOR UPDATE")
        first = asyncio.create_task(client.post(path, json=body, headers=ONCE))
        await _somebody_waits_for_a_lock(connection)
        assert_problem(await client.post(path, json=body, headers=ONCE), 409, "idempotency_in_flight")
        await elsewhere.rollback()
        assert (await first).status_code == 201
        again = await client.post(path, json=body, headers=ONCE)
        assert again.content == (await first).content
        assert again.headers["idempotent-replayed"] == "true"


async def _somebody_waits_for_a_lock(connection: AsyncConnection) -> None:
    waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
    async with asyncio.timeout(5):
        while not (await connection.exec_driver_sql(waiting)).scalar():  # noqa: ASYNC110  another process tells no event
            await asyncio.sleep(0.01)
