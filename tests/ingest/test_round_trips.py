"""The hot paths stay hot: how often they ask PostgreSQL is part of their contract."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.ingest.queries import FILE_DECIDED_WITH_MEDIA
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


@pytest.mark.parametrize("pool", [Database.hot, Database.bulk])
async def test_the_longest_statement_is_planned_once_a_connection(
    served: FastAPI, pool: Callable[[Database], AbstractAsyncContextManager[asyncpg.Connection]]
) -> None:
    nothing = ("[]", *[None] * 9, timedelta(hours=1), *["[]"] * 4)
    async with pool(served.state.database) as connection:
        for _ in range(2):
            assert await connection.fetch(FILE_DECIDED_WITH_MEDIA, *nothing) == []
        kept = await connection.fetch(
            "SELECT FROM pg_prepared_statements WHERE statement = $1", FILE_DECIDED_WITH_MEDIA
        )
    assert len(kept) == 1
