"""The hot paths stay hot: how often they ask PostgreSQL is part of their contract."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx

from tests.factories import make_customer, make_source, signed_sms

RoundTrips = Callable[[], AbstractAsyncContextManager[list[str]]]
PHONE = "+989121234567"
URL = "http://onefile.test/v1/ingest/sms"


async def test_the_customer_file_is_one_round_trip(client: httpx.AsyncClient, round_trips: RoundTrips) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    async with round_trips() as statements:
        response = await client.get(f"/v1/customers/{customer['id']}/file")
    assert response.json()["customer"]["id"] == customer["id"]
    assert len(statements) == 1


async def test_a_lookup_is_one_round_trip(client: httpx.AsyncClient, round_trips: RoundTrips) -> None:
    customer = await make_customer(client, ("phone", PHONE))
    async with round_trips() as statements:
        response = await client.get("/v1/lookup", params={"phone": PHONE})
    assert response.json()["customer"]["id"] == customer["id"]
    assert len(statements) == 1


async def test_an_sms_of_a_known_sender_is_one_round_trip(client: httpx.AsyncClient, round_trips: RoundTrips) -> None:
    await make_customer(client, ("phone", PHONE))
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    await client.post(URL, **signed_sms(PHONE, "first", "SM1", url=URL))  # the source is at hand from now on
    async with round_trips() as statements:
        response = await client.post(URL, **signed_sms(PHONE, "second", "SM2", url=URL))
    assert response.status_code == 200
    assert len(statements) == 1


async def test_an_sms_of_a_new_sender_is_five_round_trips(client: httpx.AsyncClient, round_trips: RoundTrips) -> None:
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    await client.post(URL, **signed_sms(PHONE, "first", "SM1", url=URL))
    async with round_trips() as statements:
        response = await client.post(URL, **signed_sms("+989351234567", "hello", "SM2", url=URL))
    assert response.status_code == 200
    assert len(statements) == 5
