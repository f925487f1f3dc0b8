"""Reading the timeline: filters, one interaction in full, conversations."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import SavepointDatabase
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, configure, make_customer, make_source, tell

Client = httpx.AsyncClient
NOBODY = "01a20351-8849-7262-b2fa-12638c68a45b"
PHONE = ("phone", "+989121234567")
US = {"kind": "phone", "value": "30007732"}
POSTMARK = "http://onefile.test/v1/ingest/mail"


async def found(client: Client, **query: Any) -> set[str]:
    return {item["id"] for item in await all_pages(client, "/v1/interactions", **query)}


async def test_interactions_are_listed_by_whose_they_are_and_what(client: Client) -> None:
    ali = await make_customer(client, PHONE)
    sms = await tell(client, PHONE, channel="sms")
    call = await tell(client, PHONE, channel="voice", occurred_at="2026-02-01T12:00:00Z")
    to = {"kind": "phone", "value": "+989351234567"}
    body = {"channel": "voice", "direction": "outbound", "to": to, "occurred_at": "2026-02-02T12:00:00Z"}
    out = (await client.post("/v1/interactions", json=body)).json()
    nobody = await tell(client, ("phone", "anonymous"), channel="sms")
    everything = {sms["id"], call["id"], out["id"], nobody["id"]}
    for query, expected in (
        ({}, everything),
        ({"customer_id": ali["id"]}, {sms["id"], call["id"]}),
        ({"customer_id": NOBODY}, set()),
        ({"channel": "sms"}, {sms["id"], nobody["id"]}),
        ({"direction": "outbound"}, {out["id"]}),
        ({"conversation_id": sms["conversation_id"]}, {sms["id"]}),
        ({"filed": "false"}, {nobody["id"]}),
        ({"filed": "true"}, everything - {nobody["id"]}),
        ({"occurred_after": "2026-02-01T12:00:00Z", "occurred_before": "2026-02-02T15:30:01+03:30"}, {out["id"]}),
        ({"occurred_before": "2026-02-02T12:00:00Z"}, {call["id"]}),
        ({"channel": "sms", "filed": "true"}, {sms["id"]}),
    ):
        assert await found(client, **query) == expected, query


@pytest.mark.parametrize(
    "query",
    [
        {"channel": "pigeon"},
        {"direction": "up"},
        {"customer_id": "1"},
        {"conversation_id": "1"},
        {"filed": "maybe"},
        {"occurred_after": "yesterday"},
        {"occurred_before": "2026-02-01T12:00:00"},
        {"occurred_after": "0001-01-01T00:00:00+14:00"},
        {"occurred_before": "9999-12-31T23:59:59-14:00"},
    ],
)
async def test_a_filter_that_means_nothing_is_422(client: Client, query: dict[str, str]) -> None:
    assert_problem(await client.get("/v1/interactions", params=query), 422, "validation_failed")


async def test_lists_cut_long_text_and_the_interaction_by_id_has_all_of_it(client: Client) -> None:
    text = "س" * 1999 + "😀" * 10
    told = await tell(client, PHONE, text=text)
    assert (told["text"], told["reply_text"], told["text_truncated"]) == (text, text, False)
    for path in ("/v1/interactions", f"/v1/customers/{told['customer_id']}/timeline"):
        (listed,) = await all_pages(client, path)
        assert (listed["text"], listed["reply_text"], listed["text_truncated"]) == (text[:2000], text[:2000], True)
        assert listed.keys() == told.keys() - {"html", "statuses", "inbound_request_id"}
    full = (await client.get(f"/v1/interactions/{told['id']}")).json()
    assert (full["text"], full["text_truncated"]) == (text, False)


@pytest.mark.parametrize("path", [f"/v1/interactions/{NOBODY}", f"/v1/conversations/{NOBODY}"])
async def test_what_does_not_exist_is_404(client: Client, path: str) -> None:
    assert_problem(await client.get(path), 404, "not_found")


async def test_a_timeline_holds_one_customers_interactions_newest_first(client: Client) -> None:
    ali = await make_customer(client, PHONE)
    ids = [(await tell(client, PHONE, occurred_at=f"2026-02-0{day}T12:00:00Z"))["id"] for day in (2, 3, 1)]
    await tell(client, ("phone", "+989351234567"))
    items = await all_pages(client, f"/v1/customers/{ali['id']}/timeline", limit=2)
    assert [item["id"] for item in items] == [ids[1], ids[0], ids[2]]


async def sms(client: Client, hours_ago: float, *, us: dict[str, str] | None = US, **fields: Any) -> dict[str, Any]:
    occurred_at = (datetime.now(UTC) - timedelta(hours=hours_ago)).isoformat()
    return await tell(client, PHONE, channel="sms", to=us, occurred_at=occurred_at, **fields)


async def time_passes(database: SavepointDatabase, hours: int) -> None:
    """For conversations."""
    await database.driver.execute(
        "UPDATE conversation SET first_at = first_at - $1::interval, last_at = last_at - $1::interval",
        timedelta(hours=hours),
    )


async def test_messages_between_the_same_two_join_one_conversation_within_the_window(
    client: Client, database: SavepointDatabase
) -> None:
    first = await sms(client, 3)
    await time_passes(database, 70)
    second = await sms(client, 1.5)
    assert first["conversation_id"] == second["conversation_id"] is not None
    thread = (await client.get(f"/v1/conversations/{first['conversation_id']}")).json()
    assert (thread["status"], thread["channel"], thread["customer_id"]) == ("open", "sms", first["customer_id"])
    assert [item["id"] for item in thread["interactions"]] == [second["id"], first["id"]]
    assert datetime.fromisoformat(thread["last_at"]) == datetime.fromisoformat(second["occurred_at"])


async def test_after_the_window_a_new_conversation_begins_and_the_old_one_is_closed(
    client: Client, database: SavepointDatabase
) -> None:
    first = await sms(client, 1)
    await time_passes(database, 72)
    second = await sms(client, 0)
    assert first["conversation_id"] != second["conversation_id"]
    statuses = {thread["id"]: thread["status"] for thread in (await client.get("/v1/conversations")).json()["items"]}
    assert statuses == {first["conversation_id"]: "closed", second["conversation_id"]: "open"}


async def test_the_window_is_a_setting(app: FastAPI, client: Client, database: SavepointDatabase) -> None:
    configure(app, conversation_window_hours=2)
    first = await sms(client, 1)
    await time_passes(database, 2)
    assert (await sms(client, 0))["conversation_id"] != first["conversation_id"]


async def test_another_channel_person_or_address_of_ours_is_another_conversation(client: Client) -> None:
    threads = [
        (await sms(client, 0))["conversation_id"],
        (await sms(client, 0, us=None))["conversation_id"],
        (await sms(client, 0, us=US | {"value": "30001111"}))["conversation_id"],
        (await tell(client, PHONE, channel="whatsapp", to=US))["conversation_id"],
        (await tell(client, ("phone", "+989351234567"), channel="sms", to=US))["conversation_id"],
    ]
    assert None not in threads
    assert len(set(threads)) == 5


async def test_our_answer_joins_the_conversation(client: Client) -> None:
    question = await sms(client, 1)
    body = {"channel": "sms", "direction": "outbound", "from": US, "to": {"kind": "phone", "value": PHONE[1]}}
    answer = (await client.post("/v1/interactions", json=body)).json()
    assert answer["conversation_id"] == question["conversation_id"]


async def test_calls_visits_letters_and_old_imports_stand_alone(client: Client) -> None:
    for channel in ("voice", "visit", "letter", "fax", "web_form"):
        assert (await tell(client, PHONE, channel=channel, to=US))["conversation_id"] is None
    assert (await sms(client, 73))["conversation_id"] is None


async def test_conversations_are_listed_by_customer_channel_and_status(
    client: Client, database: SavepointDatabase
) -> None:
    one = await sms(client, 0)
    two = await tell(client, PHONE, channel="chat")
    three = await tell(client, ("phone", "+989351234567"), channel="chat")
    await database.driver.execute("UPDATE conversation SET status = 'closed' WHERE id = $1", two["conversation_id"])
    threads = {name: each["conversation_id"] for name, each in {"one": one, "two": two, "three": three}.items()}
    for query, expected in (
        ({"customer_id": one["customer_id"]}, {"one", "two"}),
        ({"channel": "chat"}, {"two", "three"}),
        ({"status": "closed"}, {"two"}),
        ({"status": "open", "channel": "chat"}, {"three"}),
    ):
        items = await all_pages(client, "/v1/conversations", **query)
        assert {item["id"] for item in items} == {threads[name] for name in expected}, query


def mail(message_id: str, *, sender: str = "ali@example.ir", answers: str = "") -> dict[str, Any]:
    """A received mail as Postmark delivers it."""
    headers = [{"Name": "Message-ID", "Value": f"<{message_id}@example.ir>"}]
    if answers:
        headers.append({"Name": "In-Reply-To", "Value": f"<{answers}@example.ir>"})
    payload = {
        "FromFull": {"Email": sender, "Name": "Ali"},
        "ToFull": [{"Email": "shop@example.org", "Name": ""}],
        "MessageID": f"postmark-{message_id}",
        "Subject": f"Order {message_id}",
        "TextBody": f"hello {message_id}",
        "HtmlBody": f"<p>hello {message_id}</p>",
        "Headers": headers,
    }
    return {"json": payload, "auth": ("postmark", "12345")}


async def test_a_mail_joins_the_conversation_of_the_mail_it_answers(client: Client) -> None:
    await make_source(client, "postmark", name="mail", credentials={"username": "postmark", "password": "12345"})
    for each in (mail("1"), mail("2"), mail("3", answers="1"), mail("4", answers="3"), mail("5", answers="unknown")):
        response = await client.post(POSTMARK, **each)
        assert response.status_code == 200, response.text
    items = await all_pages(client, "/v1/interactions")
    thread = {item["subject"]: item["conversation_id"] for item in items}
    assert thread["Order 1"] == thread["Order 3"] == thread["Order 4"]
    assert len({*thread.values()} - {None}) == 3
    full = (await client.get(f"/v1/conversations/{thread['Order 1']}")).json()
    assert full["subject"] == "Order 1"
    assert {item["subject"] for item in full["interactions"]} == {"Order 1", "Order 3", "Order 4"}


async def test_somebody_elses_answer_does_not_enter_a_customers_conversation(client: Client) -> None:
    await make_source(client, "postmark", name="mail", credentials={"username": "postmark", "password": "12345"})
    await client.post(POSTMARK, **mail("1"))
    await client.post(POSTMARK, **mail("2", sender="stranger@example.org", answers="1"))
    second, first = await all_pages(client, "/v1/conversations")
    assert first["customer_id"] != second["customer_id"]


async def test_a_mail_in_full_has_its_html_and_the_request_that_brought_it(client: Client) -> None:
    await make_source(client, "postmark", name="mail", credentials={"username": "postmark", "password": "12345"})
    await client.post(POSTMARK, **mail("1"))
    (listed,) = await all_pages(client, "/v1/interactions")
    full = (await client.get(f"/v1/interactions/{listed['id']}")).json()
    assert full["html"] == "<p>hello 1</p>"
    assert (full["source"], full["provider"], full["external_id"]) == ("mail", "postmark", "postmark-1")
    request = await client.get(f"/v1/inbound-requests/{full['inbound_request_id']}")
    assert request.json()["status"] == "filed"
