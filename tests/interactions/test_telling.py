"""Touches told by other systems: recorded once, filed by the same rules as a provider's messages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.core.test_errors import assert_problem
from tests.factories import all_pages, configure, get_file, make_customer, make_key, tell

Client = httpx.AsyncClient
NOBODY = "01a20351-8849-7262-b2fa-12638c68a45b"
PHONE = ("phone", "+989121234567")
CALLER = {"kind": "phone", "value": "+989121234567"}


async def log(client: Client, customer_id: str) -> list[tuple[str, str | None, str | None, bool]]:
    """Rule, confidence, identifier and whether a message is meant, newest first."""
    entries = await all_pages(client, f"/v1/customers/{customer_id}/identity-log")
    return [
        (each["rule"], each["confidence"], each["identifier_value"], each["interaction_id"] is not None)
        for each in entries
    ]


async def test_an_interaction_is_shown_as_it_was_told(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    told = {
        "channel": "voice",
        "direction": "inbound",
        "occurred_at": "2026-11-22T09:30:00+03:30",
        "source": "pbx",
        "external_id": "call-17",
        "subject": "سفارش ۱۲۳۴۵",
        "text": "می‌پرسد سفارشش کی می‌رسد.",
        "agent": "n.ahmadi",
        "duration_s": 184,
        "location": "Valiasr",
        "attributes": {"queue": {"name": "orders", "wait_s": 12.5}},
    }
    ends = {"from": CALLER | {"name": "مریم"}, "to": {"kind": "phone", "value": "+98 21 8877 6655"}}
    response = await client.post("/v1/interactions", json=told | ends)
    assert response.status_code == 201, response.text
    shown = response.json()
    assert shown == told | {
        "id": shown["id"],
        "customer_id": customer["id"],
        "conversation_id": None,
        "kind": "call",
        "provider": None,
        "occurred_at": "2026-11-22T06:00:00+00:00",
        "received_at": shown["received_at"],
        "text_truncated": False,
        "reply_text": told["text"],
        "language": "fa",
        "from": {"kind": "phone", "value": "+989121234567", "name": "مریم"},
        "to": {"kind": "phone", "value": "+982188776655", "name": None},
        "status": "received",
        "automatic": False,
        "attachments": [],
        "version": 1,
        "updated_at": shown["updated_at"],
        "html": None,
        "statuses": [],
        "inbound_request_id": None,
    }
    assert (await client.get(f"/v1/interactions/{shown['id']}")).json() == shown


@pytest.mark.parametrize(
    ("channel", "kind"),
    [
        ("sms", "message"),
        ("email", "message"),
        ("whatsapp", "message"),
        ("chat", "message"),
        ("voice", "call"),
        ("fax", "message"),
        ("letter", "letter"),
        ("visit", "visit"),
        ("web_form", "form"),
        ("app", "message"),
        ("social", "message"),
        ("ad", "message"),
    ],
)
async def test_each_channel_has_its_kind_unless_another_is_told(client: Client, channel: str, kind: str) -> None:
    assert (await tell(client, PHONE, channel=channel))["kind"] == kind
    assert (await tell(client, PHONE, channel=channel, kind="status"))["kind"] == "status"


async def test_what_is_not_told_is_inbound_received_now_by_the_api(client: Client) -> None:
    before = datetime.now(UTC)
    shown = await tell(client, PHONE, channel="visit")
    assert (shown["direction"], shown["status"], shown["source"]) == ("inbound", "received", "api")
    assert before <= datetime.fromisoformat(shown["occurred_at"]) <= datetime.now(UTC)
    assert shown["occurred_at"] == shown["received_at"]


async def test_told_again_it_is_the_first_one(client: Client) -> None:
    body = {"channel": "voice", "source": "pbx", "external_id": "17", "from": CALLER, "text": "first"}
    first = await client.post("/v1/interactions", json=body)
    again = await client.post("/v1/interactions", json=body | {"text": "second", "channel": "visit"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    for other in ({"source": "crm"}, {"external_id": "18"}, {"external_id": None}, {"external_id": None}):
        assert (await client.post("/v1/interactions", json=body | other)).status_code == 201


async def test_the_sender_is_filed_under_the_customer_who_owns_the_address(client: Client) -> None:
    customer = await make_customer(client, PHONE, ("email", "ali@example.ir"))
    call = await tell(client, ("phone", "+98 912 123 4567"))
    mail = await tell(client, ("email", "ALI@Example.ir"), channel="email")
    assert {call["customer_id"], mail["customer_id"]} == {customer["id"]}
    assert (await log(client, customer["id"]))[:2] == [
        ("identifier", "stated", "ali@example.ir", True),
        ("identifier", "stated", "+989121234567", True),
    ]


async def test_an_unknown_sender_opens_a_provisional_file(client: Client) -> None:
    sender = CALLER | {"value": "۰۹۱۲ ۱۲۳ ۴۵۶۷", "region": "IR", "name": "مریم"}
    body = {"channel": "voice", "from": sender, "text": "سلام، سفارش من کی می‌رسد؟"}
    customer_id = (await client.post("/v1/interactions", json=body)).json()["customer_id"]
    customer = (await client.get(f"/v1/customers/{customer_id}")).json()
    assert (customer["status"], customer["display_name"], customer["language"]) == ("provisional", "مریم", "fa")
    (identifier,) = customer["identifiers"]
    assert (identifier["value"], identifier["raw"]) == ("+989121234567", "۰۹۱۲ ۱۲۳ ۴۵۶۷")
    assert identifier["confidence"] == "stated"
    assert sorted(await log(client, customer_id)) == [
        ("opened", "stated", "+989121234567", False),
        ("opened", "stated", "+989121234567", True),
    ]
    assert (await tell(client, PHONE))["customer_id"] == customer_id


async def test_the_api_key_that_told_it_stands_in_the_log(client: Client) -> None:
    key = await make_key(client, "write")
    customer = await make_customer(client, PHONE)
    await client.post("/v1/interactions", json={"channel": "visit", "from": CALLER}, headers=key["authorization"])
    entries = await all_pages(client, f"/v1/customers/{customer['id']}/identity-log")
    assert [(entry["rule"], entry["actor"]) for entry in entries] == [("identifier", key["id"]), ("given", "admin-key")]


@pytest.mark.parametrize("value", ["anonymous", "0000", "Restricted", "+266696687", "-1", "ناشناس"])
async def test_a_withheld_number_identifies_nobody_and_the_call_is_kept(client: Client, value: str) -> None:
    call = await tell(client, ("phone", value))
    assert call["customer_id"] is None
    assert call["from"]["value"] == value
    assert await all_pages(client, "/v1/customers") == []


async def test_an_address_on_the_blocked_list_identifies_nobody(client: Client) -> None:
    mail = await tell(client, ("email", "NoReply@shop.example"), channel="email")
    assert (mail["customer_id"], mail["from"]["value"]) == (None, "noreply@shop.example")
    assert await all_pages(client, "/v1/customers") == []


async def test_an_outbound_touch_is_filed_by_whom_it_went_to(app: FastAPI, client: Client) -> None:
    configure(app, default_region="IR")
    customer = await make_customer(client, PHONE)
    us = {"kind": "phone", "value": "30007732"}
    body = {"channel": "sms", "direction": "outbound", "to": CALLER, "from": us, "text": "آماده است"}
    shown = (await client.post("/v1/interactions", json=body)).json()
    assert (shown["customer_id"], shown["status"]) == (customer["id"], "sent")
    assert (shown["to"]["value"], shown["from"]["value"]) == ("+989121234567", "30007732")


async def test_a_customer_named_by_id_needs_no_address_and_keeps_those_it_has(client: Client) -> None:
    customer = await make_customer(client)
    other = await make_customer(client, PHONE)
    shown = await tell(client, PHONE, customer_id=customer["id"], channel="visit")
    assert shown["customer_id"] == customer["id"]
    assert (await log(client, customer["id"]))[0] == ("given", None, None, True)
    assert (await client.get("/v1/lookup", params={"phone": PHONE[1]})).json()["customer"]["id"] == other["id"]


async def test_an_unknown_customer_is_404_and_nothing_is_recorded(client: Client) -> None:
    body = {"channel": "visit", "customer_id": NOBODY, "external_id": "17"}
    assert_problem(await client.post("/v1/interactions", json=body), 404, "unknown_customer")
    assert await all_pages(client, "/v1/interactions") == []


@pytest.mark.parametrize(
    "body",
    [
        {"channel": "voice"},
        {"channel": "pigeon", "from": CALLER},
        {"channel": "voice", "to": CALLER},
        {"channel": "voice", "direction": "outbound", "from": CALLER},
        {"channel": "voice", "from": CALLER, "occurred_at": "2026-11-22T09:30:00"},
        {"channel": "voice", "from": CALLER, "occurred_at": "9999-12-31T23:59:59-12:00"},
        {"channel": "voice", "from": CALLER, "occurred_at": "9999-12-31T23:59:59.999999Z"},
        {"channel": "voice", "from": CALLER, "occurred_at": "0001-01-01T00:00:00+12:00"},
        {"channel": "voice", "from": CALLER, "duration_s": -1},
        {"channel": "voice", "from": CALLER, "duration_s": 2**31},
        {"channel": "voice", "from": CALLER, "external_id": " "},
        {"channel": "voice", "from": CALLER, "source": "x" * 101},
        {"channel": "voice", "from": {"kind": "phone", "value": ""}},
        {"channel": "voice", "from": CALLER | {"region": "iran"}},
        {"channel": "voice", "sender": CALLER},
    ],
)
async def test_what_cannot_be_recorded_is_422(client: Client, body: dict[str, Any]) -> None:
    assert_problem(await client.post("/v1/interactions", json=body), 422, "validation_failed")
    assert await all_pages(client, "/v1/interactions") == []


async def test_an_address_no_rule_can_read_is_422(client: Client) -> None:
    body = {"channel": "email", "from": {"kind": "email", "value": "ali at example"}}
    assert_problem(await client.post("/v1/interactions", json=body), 422, "invalid_identifier")


async def test_the_longest_names_of_any_alphabet_fit_the_index_that_keeps_them_unique(client: Client) -> None:
    def letters(start: int, count: int) -> str:
        return "".join(chr(start + number * 37 % 40_000) for number in range(count))

    body = {"channel": "visit", "from": CALLER, "source": letters(0x20000, 100), "external_id": letters(0x20100, 500)}
    assert (await client.post("/v1/interactions", json=body)).status_code == 201
    assert (await client.post("/v1/interactions", json=body)).status_code == 200


async def test_the_ends_of_the_calendar_are_times_like_any_other(client: Client) -> None:
    customer = await make_customer(client)
    for time in ("0001-01-01T00:00:00.000001+00:00", "9999-12-31T23:59:59.999998+00:00"):
        assert (await tell(client, customer_id=customer["id"], occurred_at=time))["occurred_at"] == time
    assert len((await get_file(client, customer["id"]))["recent_interactions"]) == 2
    assert len(await all_pages(client, "/v1/interactions", limit=1)) == 2


async def test_a_name_is_learnt_from_a_message_and_never_replaced(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    path = f"/v1/customers/{customer['id']}"
    for name in ("مریم", "Maryam"):
        await client.post("/v1/interactions", json={"channel": "visit", "from": CALLER | {"name": name}})
    shown = (await client.get(path)).json()
    assert (shown["display_name"], shown["version"]) == ("مریم", 2)


async def test_an_identifier_remembers_when_it_was_last_seen(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    later = datetime.now(UTC) + timedelta(hours=1)
    await tell(client, PHONE, occurred_at=later.isoformat())
    await tell(client, PHONE, occurred_at="2020-01-01T00:00:00Z")
    (identifier,) = (await client.get(f"/v1/customers/{customer['id']}")).json()["identifiers"]
    assert datetime.fromisoformat(identifier["last_seen_at"]) == later
