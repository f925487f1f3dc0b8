"""Interactions told piece by piece: the stages of a call and the parts of a long SMS, in any order, once or twice."""

import base64
import hmac
from collections.abc import Sequence
from itertools import permutations
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest

from tests.channels.samples import sample
from tests.conftest import SavepointDatabase
from tests.factories import all_pages, make_source

Client = httpx.AsyncClient
CALLS = "http://onefile.test/v1/ingest/calls"
STAGES = ("incoming", "completed", "recording", "transcription")
PARTS = {1: "سلام، ", 2: "سفارش من ", 3: "نرسید."}


async def tell_stage(client: Client, case: str) -> None:
    fields = parse_qsl(sample("twilio_voice", case).body.decode())
    signed = CALLS + "".join(name + value for name, value in sorted(fields))
    signature = base64.b64encode(hmac.digest(b"12345", signed.encode(), "sha1")).decode()
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    response = await client.post(CALLS, content=urlencode(fields), headers=headers)
    assert response.status_code == 200, response.text


async def part(client: Client, number: int, *, to: str = "447700900451") -> None:
    query: dict[str, Any] = {"msisdn": "989351112233", "to": to, "messageId": f"{to}-{number}"}
    query |= {"text": PARTS[number], "message-timestamp": "2026-03-21 08:30:00", "concat-ref": "201"}
    query |= {"concat": "true", "concat-total": 3, "concat-part": number}
    response = await client.get("/v1/ingest/vonage", params=query)
    assert response.is_success, response.text


async def connect_vonage(client: Client) -> None:
    await make_source(client, "vonage_sms", name="vonage", settings={"scheme": "none"})


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("order", list(permutations(STAGES)), ids="-".join)
async def test_a_call_ends_the_same_whatever_the_order_of_its_stages(
    client: Client, database: SavepointDatabase, order: Sequence[str], times: int
) -> None:
    await make_source(client, "twilio_voice", name="calls", credentials={"auth_token": "12345"})
    for case in [*order] * times:
        await tell_stage(client, case)
    (call,) = await all_pages(client, "/v1/interactions")
    assert (call["kind"], call["direction"], call["duration_s"]) == ("call", "inbound", 125)
    assert call["text"] == "Please call me back about my order."
    assert call["occurred_at"] == "2026-03-21T08:27:45+00:00"
    assert call["from"] == {"kind": "phone", "value": "+4915112345678", "name": None}
    assert call["to"]["value"] == "+4930901820"
    assert call["attributes"] == {
        "status": "completed",
        "caller_verified": "TN-Validation-Passed-A",
        "recording": "completed",
        "transcription": "completed",
    }
    assert len(call["attachments"]) == 1
    assert await database.driver.fetchval("SELECT count(*) FROM attachment") == 1
    (customer,) = await all_pages(client, "/v1/customers")
    assert call["customer_id"] == customer["id"]
    log = await all_pages(client, f"/v1/customers/{customer['id']}/identity-log")
    assert [entry["interaction_id"] for entry in log if entry["interaction_id"]] == [call["id"]]
    assert {each["status"] for each in await all_pages(client, "/v1/inbound-requests")} == {"filed"}


async def test_a_recording_before_its_call_belongs_to_nobody_until_the_call_is_told(client: Client) -> None:
    await make_source(client, "twilio_voice", name="calls", credentials={"auth_token": "12345"})
    await tell_stage(client, "recording")
    (call,) = await all_pages(client, "/v1/interactions")
    assert call["customer_id"] is None
    await tell_stage(client, "incoming")
    (call,) = await all_pages(client, "/v1/interactions")
    (customer,) = await all_pages(client, "/v1/customers")
    assert (call["customer_id"], customer["status"]) == (customer["id"], "provisional")
    assert customer["first_contact_at"] == call["occurred_at"]


@pytest.mark.parametrize("order", list(permutations(PARTS)), ids=str)
async def test_parts_of_a_long_sms_are_one_message_in_any_order(client: Client, order: Sequence[int]) -> None:
    await connect_vonage(client)
    for number in (*order, *order):
        await part(client, number)
    (message,) = await all_pages(client, "/v1/interactions")
    assert message["text"] == "".join(PARTS.values())
    assert message["customer_id"] is not None
    assert len(await all_pages(client, "/v1/inbound-requests")) == 3


@pytest.mark.parametrize(
    ("come", "text"), [([1, 3], "سلام، […]نرسید."), ([2], "[…]سفارش من […]"), ([3, 2], "[…]سفارش من نرسید.")]
)
async def test_a_part_that_never_comes_leaves_a_mark(client: Client, come: Sequence[int], text: str) -> None:
    await connect_vonage(client)
    for number in come:
        await part(client, number)
    (message,) = await all_pages(client, "/v1/interactions")
    assert message["text"] == text


async def test_parts_to_two_of_our_numbers_are_two_messages(client: Client) -> None:
    await connect_vonage(client)
    await part(client, 1)
    await part(client, 2, to="447700900452")
    assert len(await all_pages(client, "/v1/interactions")) == 2
