"""Server-sent events, over a real socket: a test transport would wait for the end of what has none."""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from app.changes import service
from app.changes.feed import Feed
from tests.conftest import AUTHORIZED, open_client
from tests.factories import make_customer, make_key

Event = dict[str, str]


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield "http://{}:{}".format(*listener.getsockname())
    app.state.feed.close()
    server.should_exit = True
    await running
    listener.close()


@pytest.fixture
async def client(served: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with listening(served) as address, httpx.AsyncClient(base_url=address, headers=AUTHORIZED) as client:
        yield client


@asynccontextmanager
async def events(client: httpx.AsyncClient, headers: dict[str, str] | None = None, **query: Any) -> Any:
    async with (
        asyncio.timeout(10),
        client.stream("GET", "/v1/changes/stream", params=query, headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield _parsed(response.aiter_lines())


async def _parsed(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """Every block, heartbeats as those without data."""
    event: Event = {}
    async for line in lines:
        if not line:
            yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


async def changes(stream: AsyncIterator[Event], count: int) -> list[Event]:
    found: list[Event] = []
    while len(found) < count:
        event = await anext(stream)
        found += [event] if "data" in event else []
    return found


async def test_what_was_and_what_comes_is_streamed_in_order_as_the_list_shows_it(client: httpx.AsyncClient) -> None:
    await make_customer(client, ("phone", "+989121234567"))
    async with events(client) as stream:
        told = await changes(stream, 2)
        await make_customer(client, display_name="علی")
        told += await changes(stream, 1)
    listed = (await client.get("/v1/changes")).json()["items"]
    assert [json.loads(event["data"]) for event in told] == listed
    assert [(event["id"], event["event"]) for event in told] == [(change["id"], change["type"]) for change in listed]


async def test_a_stream_resumes_behind_the_last_event(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await make_customer(client)
    async with events(client) as stream:
        first = await changes(stream, 1)
    async with events(client, headers={"Last-Event-ID": first[0]["id"]}, after="now") as stream:
        rest = await changes(stream, 2)
    listed = (await client.get("/v1/changes")).json()["items"]
    assert [event["id"] for event in first + rest] == [change["id"] for change in listed]


async def test_only_what_is_asked_for_is_streamed(client: httpx.AsyncClient) -> None:
    async with events(client, after="now", types="identifier.added") as stream:
        customer = await make_customer(client, ("phone", "+989121234567"))
        (event,) = await changes(stream, 1)
    assert (event["event"], json.loads(event["data"])["customer_id"]) == ("identifier.added", customer["id"])


async def test_a_quiet_stream_beats_and_tells_a_place_to_resume_from(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "HEARTBEAT_S", 0.1)
    async with events(client, after="now") as stream:
        beats = [await anext(stream) for _ in range(3)]
    await make_customer(client)
    async with events(client, headers={"Last-Event-ID": beats[-1]["id"]}) as stream:
        assert [event["event"] for event in await changes(stream, 1)] == ["customer.created"]


async def test_a_revoked_key_stops_streaming(
    client: httpx.AsyncClient, served: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "HEARTBEAT_S", 0.1)
    key = await make_key(client, "read")
    async with events(client, headers=key["authorization"], after="now") as stream:
        await anext(stream)
        await client.delete(f"/v1/api-keys/{key['id']}")
        served.state.keys._seen.clear()  # five seconds pass
        assert [event async for event in stream if "data" in event] == []


async def test_whoever_leaves_a_stream_is_not_waited_for(client: httpx.AsyncClient, served: FastAPI) -> None:
    feed: Feed = served.state.feed
    async with events(client, after="now") as stream:
        await anext(stream)
        while not feed._waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        while feed._waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_streams_and_waits_end_when_the_process_is_asked_to_stop(served: FastAPI) -> None:
    """uvicorn waits for its requests first, and would for twenty seconds."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn hands the signal on when it has ended
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(served, log_config=None, access_log=False, lifespan="on"))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        address = "http://{}:{}".format(*listener.getsockname())
        async with httpx.AsyncClient(base_url=address, headers=AUTHORIZED) as client:
            waiting = asyncio.create_task(client.get("/v1/changes", params={"after": "now", "wait": 60}))
            async with events(client, after="now") as stream:
                await anext(stream)
                while served.state.feed._waiting < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                signal.raise_signal(signal.SIGTERM)
                assert [event async for event in stream] == []
            assert (await waiting).json()["items"] == []
        async with asyncio.timeout(5):
            await running
    finally:
        signal.signal(signal.SIGTERM, before)
        listener.close()


async def test_the_document_tells_that_it_is_a_stream_of_events(served: FastAPI) -> None:
    async with open_client(served, headers={}) as stranger:
        document = (await stranger.get("/openapi.json")).json()
    answer = document["paths"]["/v1/changes/stream"]["get"]["responses"]["200"]
    assert list(answer["content"]) == ["text/event-stream"]
