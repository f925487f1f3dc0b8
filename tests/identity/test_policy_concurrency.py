"""Policies where many write at once, on real connections."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import open_client
from tests.factories import all_pages, make_customer, tell

PHONE = ("phone", "+989121234567")
MAIL = ("email", "ali@example.ir")


@pytest.fixture
async def client(served: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(served) as client:
        yield client


async def test_strangers_who_call_at_once_from_a_shared_number_open_one_file(client: httpx.AsyncClient) -> None:
    shared = [{"kind": PHONE[0], "value": PHONE[1], "shared": True}]
    await client.post("/v1/customers", json={"display_name": "Ali", "identifiers": shared})
    calls = await asyncio.gather(*(tell(client, PHONE) for _ in range(8)))
    assert len({call["customer_id"] for call in calls}) == 1
    assert len(await all_pages(client, "/v1/customers")) == 2


async def test_messages_that_join_two_files_at_once_are_all_in_the_established_one(client: httpx.AsyncClient) -> None:
    ali = await make_customer(client, MAIL)
    stranger = (await tell(client, PHONE))["customer_id"]
    await client.post("/v1/sources", json={"name": "form", "provider": "web_form", "settings": {"scheme": "none"}})
    forms = [
        client.post("/v1/ingest/form", data={"message": f"hello {n}", "email": MAIL[1], "phone": PHONE[1]})
        for n in range(4)
    ]
    calls = [tell(client, PHONE) for _ in range(4)]
    answers = await asyncio.gather(*forms, *calls)
    assert {answer.status_code for answer in answers[:4] if isinstance(answer, httpx.Response)} == {202}
    assert (await client.get(f"/v1/customers/{stranger}")).json()["id"] == ali["id"]
    assert len(await all_pages(client, f"/v1/customers/{ali['id']}/timeline")) == 9
    assert [each["automatic"] for each in await all_pages(client, "/v1/merges")] == [True]


async def test_messages_of_one_request_join_files_too(client: httpx.AsyncClient) -> None:
    await client.post("/v1/sources", json={"name": "events", "provider": "cloudevents", "settings": {"scheme": "none"}})
    ali = await make_customer(client, MAIL)
    stranger = (await tell(client, PHONE))["customer_id"]
    events = [
        {"specversion": "1.0", "id": str(n), "source": "/shop", "type": "told", "data": {"text": "hello"} | data}
        for n, data in enumerate([{"phone": PHONE[1]}, {"email": MAIL[1], "phone": PHONE[1]}])
    ]
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    response = await client.post("/v1/ingest/events", json=events, headers=headers)
    assert response.is_success, response.text
    assert (await client.get(f"/v1/customers/{stranger}")).json()["id"] == ali["id"]
    assert len(await all_pages(client, f"/v1/customers/{ali['id']}/timeline")) == 3
