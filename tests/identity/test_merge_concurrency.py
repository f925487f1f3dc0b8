"""Merging while others merge, write and call: nobody waits in a circle, nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import open_client
from tests.factories import all_pages, make_customer, make_source, merge, tell
from tests.ingest.test_concurrency import ask, assert_sound, at_once, held, sms, until_waiting

PHONES = [f"+98912123456{number}" for number in range(6)]
random = Random(1)


@pytest.fixture
async def client(served: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(served) as client:
        await make_source(client, name="sms", credentials={"auth_token": "12345"})
        yield client


async def post_merge(client: httpx.AsyncClient, survivor: str, *others: str) -> httpx.Response:
    return await client.post(f"/v1/customers/{survivor}/merge", json={"customer_ids": others})


async def owner(client: httpx.AsyncClient, id_: str) -> str:
    return str((await client.get(f"/v1/customers/{id_}")).json()["id"])


async def test_of_two_merges_of_the_same_people_at_once_one_wins(served: FastAPI, client: httpx.AsyncClient) -> None:
    for other_way in (False, True):
        ali, vali = [(await make_customer(client))["id"] for _ in range(2)]
        second = (vali, ali) if other_way else (ali, vali)
        responses = await at_once([post_merge(client, ali, vali), post_merge(client, *second)], 200, 409)
        assert sorted(response.status_code for response in responses) == [200, 409]
        (lost,) = [response.json()["code"] for response in responses if response.status_code == 409]
        assert lost == "already_merged"
    await assert_sound(served)


async def test_merges_in_a_circle_end_in_one_file(served: FastAPI, client: httpx.AsyncClient) -> None:
    ids = [(await make_customer(client, ("phone", phone)))["id"] for phone in PHONES]
    circle = [post_merge(client, ids[number], ids[(number + 1) % len(ids)]) for number in range(len(ids))]
    responses = await at_once(circle, 200, 409)
    assert [response.status_code for response in responses].count(200) == len(ids) - 1
    assert len({await owner(client, id_) for id_ in ids}) == 1
    await assert_sound(served)


async def test_a_message_that_waited_for_a_merge_is_in_the_survivors_file(
    served: FastAPI, client: httpx.AsyncClient
) -> None:
    ali, double = [(await make_customer(client, ("phone", phone)))["id"] for phone in PHONES[:2]]
    async with held(served, double):
        merging = asyncio.create_task(post_merge(client, ali, double))
        await until_waiting(served, 1)
        writing = asyncio.create_task(sms(client, "SM1", PHONES[1]))
        telling = asyncio.create_task(tell(client, customer_id=double))
        await until_waiting(served, 3)
    assert (await merging).status_code == 200
    assert (await writing).status_code == 200
    assert (await telling)["customer_id"] == ali
    assert {each["customer_id"] for each in await all_pages(client, "/v1/interactions")} == {ali}
    await assert_sound(served)


async def test_changes_that_waited_for_a_merge_are_the_survivors(served: FastAPI, client: httpx.AsyncClient) -> None:
    ali, double = [(await make_customer(client, ("phone", phone)))["id"] for phone in PHONES[:2]]
    call = await tell(client, ("phone", PHONES[2]))
    async with held(served, double):
        merging = asyncio.create_task(post_merge(client, ali, double))
        await until_waiting(served, 1)
        naming = asyncio.create_task(client.patch(f"/v1/customers/{double}", json={"given_name": "علی"}))
        filing = asyncio.create_task(client.post(f"/v1/interactions/{call['id']}/file", json={"customer_id": double}))
        await until_waiting(served, 3)
    assert (await merging).status_code == 200
    assert ((await naming).json()["id"], (await naming).json()["given_name"]) == (ali, "علی")
    assert (await filing).json()["customer_id"] == ali


async def test_messages_merges_and_undoings_at_once_lose_nothing(served: FastAPI, client: httpx.AsyncClient) -> None:
    ids = [(await make_customer(client, ("phone", phone)))["id"] for phone in PHONES]

    async def write(number: int) -> None:
        response = await sms(client, f"SM{number}", random.choice(PHONES))
        assert response.status_code == 200, response.text

    async def mend() -> None:
        for _ in range(6):
            response = await post_merge(client, *random.sample(ids, 2))
            assert response.status_code in (200, 409), response.text
            if response.status_code == 200 and random.random() < 0.7:
                undone = await client.post(f"/v1/merges/{response.json()['merge_id']}/undo")
                assert undone.status_code in (200, 409), undone.text

    await asyncio.gather(*(write(number) for number in range(80)), *(mend() for _ in range(3)))
    assert await ask(served, "SELECT count(*) FROM interaction WHERE customer_id IS NOT NULL") == 80
    assert await ask(served, "SELECT count(*) FROM customer_identifier WHERE released_at IS NULL") == len(PHONES)
    await assert_sound(served)


async def test_a_merge_of_many_rows_is_one_transaction(served: FastAPI, client: httpx.AsyncClient) -> None:
    """What fails at its end leaves everything where it was."""
    ali, double = [(await make_customer(client, ("phone", phone)))["id"] for phone in PHONES[:2]]
    await sms(client, "SM1", PHONES[1])
    await ask(served, "CREATE TABLE forgotten (customer_id uuid REFERENCES customer)")
    await ask(served, "INSERT INTO forgotten VALUES ($1)", double)
    response = await post_merge(client, ali, double)
    assert response.status_code == 500
    assert [await owner(client, id_) for id_ in (ali, double)] == [ali, double]
    assert {each["customer_id"] for each in await all_pages(client, "/v1/interactions")} == {double}
    await ask(served, "DROP TABLE forgotten")
    assert (await merge(client, ali, double))["moved"]["interaction"] == 1
