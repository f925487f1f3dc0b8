"""The customer file: everything whoever answers should see, in one call; and its look-up by an identifier."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import httpx
import pytest
from fastapi import FastAPI

from app.customers.file_schemas import CustomerFile
from tests.conftest import SavepointDatabase
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, configure, get_file, make_customer, tell

Client = httpx.AsyncClient
PHONE = ("phone", "+989121234567")
TEHRAN = ZoneInfo("Asia/Tehran")


async def midnight(database: SavepointDatabase, zone: str) -> datetime:
    """The beginning of today there, by the database's clock."""
    now: datetime = await database.driver.fetchval("SELECT now()")
    return now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)


async def tell_at(client: Client, customer: dict[str, Any], moment: datetime, **fields: Any) -> str:
    told = await tell(client, customer_id=customer["id"], occurred_at=moment.isoformat(), **fields)
    return str(told["id"])


async def test_the_file_of_a_customer_nobody_heard_from_is_empty(client: Client) -> None:
    customer = await make_customer(client, PHONE, display_name="علی رضایی", attributes={"shoe": {"size": 42}})
    file = await get_file(client, customer["id"])
    assert_same(file.pop("customer"), customer)
    assert file == {
        "today": [],
        "recent_interactions": [],
        "channels": {},
        "conversations": [],
        "feedback": {"latest": [], "averages": {}, "trend": {}},
        "recoveries": [],
        "consents": [],
        "suggested_duplicates": [],
    }


def assert_same(shown: Any, expected: Any) -> None:
    """The same JSON; times are compared as moments."""
    if isinstance(expected, dict):
        assert shown.keys() == expected.keys()
        for name in expected:
            assert_same(shown[name], expected[name])
    elif isinstance(expected, list):
        assert len(shown) == len(expected)
        for one, other in zip(shown, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, str) and _is_time(expected):
        assert datetime.fromisoformat(shown) == datetime.fromisoformat(expected)
    else:
        assert (shown, type(shown)) == (expected, type(expected))


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


async def test_the_file_shows_interactions_as_the_timeline_does(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    us = {"kind": "phone", "value": "+982188776655", "name": "Reception"}
    await tell(client, PHONE, channel="sms", to=us, text="سلام", subject="s", attributes={"a": {"b": [1.5, None]}})
    await tell(client, customer_id=customer["id"], channel="visit", text="", location="Valiasr", agent="n.ahmadi")
    outbound = {"channel": "voice", "direction": "outbound", "duration_s": 184, "external_id": "pbx-1"}
    await client.post("/v1/interactions", json=outbound | {"to": {"kind": "phone", "value": PHONE[1]}, "from": us})
    for length in (1999, 2000, 2001, 5000):
        await tell(client, PHONE, text="س" * (length - 1) + "😀")
    timeline = await all_pages(client, f"/v1/customers/{customer['id']}/timeline")
    file = await get_file(client, customer["id"])
    assert [item["text_truncated"] for item in timeline[:4]] == [True, True, False, False]
    assert [len(item["text"]) for item in timeline[:4]] == [2000, 2000, 2000, 1999]
    assert_same(file["recent_interactions"], timeline)
    assert_same(file["today"], timeline)


async def test_the_file_shows_what_a_provider_delivered_as_the_timeline_does(client: Client) -> None:
    await client.post("/v1/sources", json={"name": "f", "provider": "web_form", "settings": {"scheme": "none"}})
    fields = {"email": "ali@example.ir", "name": "Ali", "subject": "Order", "message": "hello", "size": "42"}
    attachment = {"file": ("a.txt", b"text", "text/plain")}
    assert (await client.post("/v1/ingest/f", data=fields, files=attachment)).status_code == 202
    (customer,) = await all_pages(client, "/v1/customers")
    (item,) = await all_pages(client, f"/v1/customers/{customer['id']}/timeline")
    file = await get_file(client, customer["id"])
    assert [each["name"] for each in item["attachments"]] == ["a.txt"]
    assert_same(file["recent_interactions"], [item])
    assert_same(file["customer"], customer)


async def test_the_file_keeps_to_its_documented_shape(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    await tell(client, PHONE, channel="sms")
    response = await client.get(f"/v1/customers/{customer['id']}/file")
    assert response.headers["content-type"] == "application/json"
    CustomerFile.model_validate_json(response.content)


@pytest.mark.parametrize(
    ("own", "default", "zone"),
    [
        ("Asia/Tehran", "UTC", "Asia/Tehran"),
        (None, "Asia/Tehran", "Asia/Tehran"),
        (None, "UTC", "UTC"),
        ("Pacific/Kiritimati", "UTC", "Pacific/Kiritimati"),
        ("Pacific/Pago_Pago", "Asia/Tehran", "Pacific/Pago_Pago"),
    ],
)
async def test_today_begins_at_midnight_where_the_customer_is(
    app: FastAPI, client: Client, database: SavepointDatabase, own: str | None, default: str, zone: str
) -> None:
    configure(app, default_time_zone=default)
    customer = await make_customer(client, time_zone=own)
    start = await midnight(database, zone)
    await tell_at(client, customer, start - timedelta(microseconds=1))
    first = await tell_at(client, customer, start)
    later = await tell_at(client, customer, start + timedelta(microseconds=1))
    file = await get_file(client, customer["id"])
    assert [item["id"] for item in file["today"]] == [later, first]
    assert len(file["recent_interactions"]) == 3


async def test_the_20_newest_are_shown_and_of_today_more(client: Client, database: SavepointDatabase) -> None:
    customer = await make_customer(client, time_zone="Asia/Tehran")
    start = await midnight(database, "Asia/Tehran")
    old = [await tell_at(client, customer, start - timedelta(minutes=n)) for n in range(1, 4)]
    assert [item["id"] for item in (await get_file(client, customer["id"]))["recent_interactions"]] == old
    new = [await tell_at(client, customer, start + timedelta(milliseconds=n)) for n in range(22)]
    file = await get_file(client, customer["id"])
    assert [item["id"] for item in file["recent_interactions"]] == new[:1:-1]
    assert [item["id"] for item in file["today"]] == new[::-1]


async def test_channels_count_what_came_and_went(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    for hour in (9, 11, 10):
        await tell(client, PHONE, channel="sms", occurred_at=f"2026-02-01T{hour:02}:00:00Z")
    to = {"kind": "phone", "value": PHONE[1]}
    sent = {"channel": "sms", "direction": "outbound", "to": to, "occurred_at": "2026-02-01T12:00:00Z"}
    await client.post("/v1/interactions", json=sent)
    await tell(client, PHONE, channel="voice", occurred_at="2026-02-02T12:00:00Z")
    await tell(client, ("phone", "+989351234567"), channel="voice")
    channels = (await get_file(client, customer["id"]))["channels"]
    assert {name: (count["inbound"], count["outbound"]) for name, count in channels.items()} == {
        "sms": (3, 1),
        "voice": (1, 0),
    }
    assert datetime.fromisoformat(channels["sms"]["last_at"]) == datetime(2026, 2, 1, 12, tzinfo=UTC)


async def test_open_conversations_are_shown_latest_first(client: Client, database: SavepointDatabase) -> None:
    customer = await make_customer(client, PHONE)
    threads = [(await tell(client, PHONE, channel=channel))["conversation_id"] for channel in ("sms", "email", "chat")]
    await database.driver.execute("UPDATE conversation SET status = 'closed' WHERE id = $1", threads[1])
    shown = (await get_file(client, customer["id"]))["conversations"]
    assert [thread["id"] for thread in shown] == [threads[2], threads[0]]
    full = (await client.get(f"/v1/conversations/{threads[0]}")).json()
    for name in ("channel", "status", "subject", "first_at", "last_at"):
        assert_same(shown[1][name], full[name])


async def test_files_that_may_be_the_same_persons_are_suggested_in_both_until_dismissed(client: Client) -> None:
    ali = await make_customer(client, ("email", "ali@example.ir"))
    also = await make_customer(client, PHONE)
    await client.post("/v1/sources", json={"name": "f", "provider": "web_form", "settings": {"scheme": "none"}})
    await client.post("/v1/ingest/f", data={"email": "ali@example.ir", "phone": PHONE[1], "message": "hello"})
    (listed,) = await all_pages(client, "/v1/duplicates")
    for customer in (ali, also):
        (shown,) = (await get_file(client, customer["id"]))["suggested_duplicates"]
        assert_same(shown, {name: listed[name] for name in ("id", "customer_ids", "score", "reasons", "status")})
        assert sorted(shown["customer_ids"]) == sorted([ali["id"], also["id"]])
    await client.post(f"/v1/duplicates/{listed['id']}/dismiss")
    assert (await get_file(client, ali["id"]))["suggested_duplicates"] == []


async def test_contact_times_span_all_interactions(client: Client) -> None:
    customer = await make_customer(client, PHONE)
    for day in (2, 1, 3):
        await tell(client, PHONE, occurred_at=f"2026-02-0{day}T12:00:00+03:30")
    shown = (await get_file(client, customer["id"]))["customer"]
    assert datetime.fromisoformat(shown["first_contact_at"]) == datetime(2026, 2, 1, 12, tzinfo=TEHRAN)
    assert datetime.fromisoformat(shown["last_contact_at"]) == datetime(2026, 2, 3, 12, tzinfo=TEHRAN)


async def test_every_time_zone_a_customer_may_have_is_one_the_database_knows(
    client: Client, database: SavepointDatabase
) -> None:
    """Otherwise one customer's file would be a failure for ever."""
    zones = available_timezones() - {"Factory", "localtime"}
    assert "Asia/Tehran" in zones
    statement = "SELECT count(date_trunc('day', now(), zone)) FROM unnest($1::text[]) AS zone"
    assert await database.driver.fetchval(statement, sorted(zones)) == len(zones)


@pytest.mark.parametrize(
    ("kind", "written", "asked"),
    [
        ("phone", "+989121234567", "۰۹۱۲ ۱۲۳ ۴۵۶۷"),
        ("phone", "+989121234567", "+989121234567"),
        ("phone", "+989121234567", "00989121234567"),
        ("email", "ali@example.ir", " ALI@example.ir"),
        ("whatsapp", "+989121234567", "989121234567"),
        ("telegram", "@ali_shop", "@Ali_Shop"),
        ("fax", "+982188776655", "021-88776655"),
        ("external", "erp:10023", "ERP:10023"),
    ],
)
async def test_a_file_is_found_by_each_kind_of_identifier_as_people_write_it(
    app: FastAPI, client: Client, kind: str, written: str, asked: str
) -> None:
    configure(app, default_region="IR")
    await make_customer(client, ("email", "other@example.ir"))
    customer = await make_customer(client, (kind, written))
    response = await client.get("/v1/lookup", params={kind: asked})
    assert response.status_code == 200, response.text
    assert response.json() == await get_file(client, customer["id"])


async def test_a_plus_that_arrived_as_a_space_is_understood(client: Client) -> None:
    customer = await make_customer(client, ("phone", "+14155552671"), ("fax", "+4930901820"))
    for query in ("phone=+14155552671", "fax=+4930901820", "phone=%2B14155552671"):
        response = await client.get(f"/v1/lookup?{query}")
        assert response.json()["customer"]["id"] == customer["id"], query


@pytest.mark.parametrize(
    "query", ["phone=%2B989121234567", "email=nobody@example.ir", "external=erp:1", "phone=%2B17378742833"]
)
async def test_an_identifier_nobody_has_is_404(client: Client, query: str) -> None:
    await make_customer(client, ("whatsapp", "+989121234567"), ("email", "ali@example.ir"))
    assert_problem(await client.get(f"/v1/lookup?{query}"), 404, "unknown_identifier")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 422, "validation_failed"),
        ("phone=%2B989121234567&email=ali@example.ir", 422, "validation_failed"),
        ("device=a1b2", 400, "unknown_parameter"),
        ("phone=12", 422, "invalid_identifier"),
        ("email=", 422, "invalid_identifier"),
        ("phone=" + "1" * 501, 422, "validation_failed"),
    ],
)
async def test_a_lookup_names_exactly_one_readable_identifier(
    client: Client, query: str, status: int, code: str
) -> None:
    assert_problem(await client.get(f"/v1/lookup?{query}"), status, code)
