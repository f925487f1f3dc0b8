"""Every recorded provider request, through the route it would take: the answer its provider expects, and what is in
the database afterwards."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.channels.registry import ADAPTERS
from app.ingest import endpoints
from app.models import metadata
from app.text.identifiers import is_blocked
from tests.channels.samples import Outcome, Sample, all_samples, each_sample, samples
from tests.factories import make_source

IMPOSSIBLE_SOURCES = {"no_scheme_asked_for", "unknown_scheme"}
"""Samples of sources that could accept anybody, or nobody: they cannot even be made (`tests/api`)."""

Rows = Mapping[str, int]


async def count_rows(session: AsyncSession) -> Rows:
    return {
        table.name: await session.scalar(text(f"SELECT count(*) FROM {table.name}")) or 0  # noqa: S608
        for table in metadata.sorted_tables
    }


World = dict[str, bytes]


async def connect(client: httpx.AsyncClient, sample: Sample, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source for the sample, what its provider serves, and the clock at the moment it was recorded."""
    world.update(sample.resources)
    received_at = datetime.fromisoformat(sample.data["received_at"])
    monkeypatch.setattr(endpoints, "now", lambda: received_at)
    source = {name: value for name, value in sample.data["source"].items() if value is not None}
    await make_source(client, sample.provider, name="sample", public_url=sample.public_url, **source)


async def deliver(client: httpx.AsyncClient, sample: Sample) -> httpx.Response:
    return await client.request(**sample.as_httpx("sample"))


def complaint(sample: Sample) -> int | None:
    """The status an unreadable request is answered with; None for readable ones."""
    adapter, request, source = ADAPTERS[sample.provider], sample.request(), sample.source()
    try:
        adapter.parse(request, source)
    except Exception as error:
        return adapter.complain(request, source, error).status
    return None


def assert_expected_answer(response: httpx.Response, sample: Sample) -> None:
    if "answer" not in sample.data:
        assert response.status_code == complaint(sample) if complaint(sample) else response.is_success, response.text
        return
    expected = sample.expected_answer
    assert (response.status_code, response.content) == (expected.status, expected.body)
    assert {name: response.headers.get(name) for name in expected.headers} == dict(expected.headers)


@each_sample(Outcome.accepted)
async def test_is_recorded_once_however_often_delivered(
    sample: Sample, client: httpx.AsyncClient, session: AsyncSession, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect(client, sample, world, monkeypatch)
    assert_expected_answer(await deliver(client, sample), sample)
    once = await count_rows(session)
    assert_expected_answer(await deliver(client, sample), sample)
    assert await count_rows(session) == once
    assert once["interaction"] == sample.expected_messages
    assert once["inbound_request"] == 1


@each_sample(Outcome.accepted)
async def test_lands_in_the_file_of_its_sender(
    sample: Sample, client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect(client, sample, world, monkeypatch)
    await deliver(client, sample)
    filed = {each["external_id"]: each for each in (await client.get("/v1/interactions")).json()["items"]}
    for message in sample.expected:
        if message["type"] != "message" or "part" in message:
            continue
        interaction = filed[message["external_id"]]
        assert interaction["text"] == message.get("text", "")[:2000]
        told = message.get("identifiers", [])
        if identifiers := [each for each in told if not is_blocked(each["kind"], each["value"])]:
            assert interaction["customer_id"] is not None
            await assert_owned(client, identifiers, interaction["customer_id"])
        else:
            assert interaction["customer_id"] is None


async def assert_owned(client: httpx.AsyncClient, identifiers: list[dict[str, Any]], customer_id: str) -> None:
    customer = (await client.get(f"/v1/customers/{customer_id}")).json()
    owned = {(each["kind"], each["value"]): each["confidence"] for each in customer["identifiers"]}
    for each in identifiers:
        assert owned[each["kind"], each["value"]] == each["confidence"]


@pytest.mark.parametrize(
    "sample", [each for each in samples(Outcome.refused) if each.case not in IMPOSSIBLE_SOURCES], ids=lambda s: s.case
)
async def test_is_refused_and_nothing_is_stored(
    sample: Sample, client: httpx.AsyncClient, session: AsyncSession, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect(client, sample, world, monkeypatch)
    before = await count_rows(session)
    response = await deliver(client, sample)
    assert response.status_code in (401, 403)
    assert response.json()["code"] == "bad_signature"
    assert await count_rows(session) == before


@each_sample(Outcome.quarantined)
async def test_is_kept_in_quarantine_when_unreadable(
    sample: Sample, client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect(client, sample, world, monkeypatch)
    for _ in range(2):
        assert_expected_answer(await deliver(client, sample), sample)
    (kept,) = (await client.get("/v1/inbound-requests", params={"status": "quarantined"})).json()["items"]
    replayed = await client.post(f"/v1/inbound-requests/{kept['id']}/replay")
    assert (replayed.status_code, replayed.json()["status"]) == (200, "quarantined")


@each_sample(Outcome.handshake)
async def test_is_answered_on_the_spot(
    sample: Sample, client: httpx.AsyncClient, session: AsyncSession, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect(client, sample, world, monkeypatch)
    before = await count_rows(session)
    assert_expected_answer(await deliver(client, sample), sample)
    assert await count_rows(session) == before


@pytest.mark.parametrize("provider", sorted({sample.provider for sample in all_samples()}))
async def test_every_provider_has_samples_that_pass_and_samples_that_do_not(provider: str) -> None:
    outcomes = {sample.outcome for sample in all_samples() if sample.provider == provider}
    assert Outcome.accepted in outcomes
    assert outcomes & {Outcome.refused, Outcome.quarantined}
