"""Why something is in a file, and putting it where it belongs."""

from typing import Any

import httpx
import pytest

from tests.core.test_errors import assert_problem
from tests.factories import all_pages, make_customer, make_key, tell

Client = httpx.AsyncClient
NOBODY = "01a20351-8849-7262-b2fa-12638c68a45b"
PHONE = ("phone", "+989121234567")
MAIL = ("email", "ali@example.ir")


async def log(client: Client, customer_id: str) -> list[dict[str, Any]]:
    return await all_pages(client, f"/v1/customers/{customer_id}/identity-log")


async def send_form(client: Client, **fields: str) -> None:
    await client.post("/v1/sources", json={"name": "form", "provider": "web_form", "settings": {"scheme": "none"}})
    response = await client.post("/v1/ingest/form", data={"message": "hello"} | fields)
    assert response.status_code == 202, response.text


async def test_the_log_tells_who_gave_and_took_each_identifier(client: Client) -> None:
    key = await make_key(client, "write")
    body = {"identifiers": [{"kind": "phone", "value": PHONE[1], "confidence": "verified"}]}
    ali = (await client.post("/v1/customers", json=body, headers=key["authorization"])).json()
    await client.delete(f"/v1/customers/{ali['id']}/identifiers/{ali['identifiers'][0]['id']}")
    released, given = await log(client, ali["id"])
    assert given == {
        "id": given["id"],
        "customer_id": ali["id"],
        "interaction_id": None,
        "rule": "given",
        "confidence": "verified",
        "identifier_kind": "phone",
        "identifier_value": PHONE[1],
        "actor": key["id"],
        "details": {},
        "at": given["at"],
    }
    assert (released["rule"], released["actor"], released["identifier_value"]) == ("released", "admin-key", PHONE[1])


async def test_a_further_address_of_a_known_sender_is_added_and_explained(client: Client) -> None:
    ali = await make_customer(client, MAIL)
    await send_form(client, email=MAIL[1], phone=PHONE[1])
    shown = (await client.get(f"/v1/customers/{ali['id']}")).json()
    assert {(each["kind"], each["value"]) for each in shown["identifiers"]} == {MAIL, PHONE}
    entries = {
        (entry["rule"], entry["identifier_value"], entry["interaction_id"] is not None)
        for entry in await log(client, ali["id"])
    }
    assert entries == {("given", MAIL[1], False), ("added", PHONE[1], False), ("identifier", MAIL[1], True)}


async def test_where_addresses_disagree_the_stronger_kind_decides_and_the_pair_is_suggested(client: Client) -> None:
    by_phone = await make_customer(client, PHONE)
    by_mail = await make_customer(client, MAIL)
    await send_form(client, email=MAIL[1], phone=PHONE[1])
    (message,) = await all_pages(client, "/v1/interactions")
    assert message["customer_id"] == by_mail["id"]
    ranked = [entry for entry in await log(client, by_mail["id"]) if entry["rule"] == "rank"]
    assert {entry["interaction_id"] for entry in ranked} == {None, message["id"]}
    assert {"conflicts_with": by_phone["id"], "over": "phone"} in [entry["details"] for entry in ranked]
    (pair,) = await all_pages(client, "/v1/duplicates")
    assert sorted(pair["customer_ids"]) == sorted([by_phone["id"], by_mail["id"]])
    assert pair["status"] == "open"
    assert 0 < pair["score"] < 1
    (reason,) = pair["reasons"]
    assert {(each["kind"], each["value"]) for each in reason["identifiers"]} == {MAIL, PHONE}


async def test_a_dismissed_pair_is_not_suggested_again(client: Client) -> None:
    await make_customer(client, PHONE)
    await make_customer(client, MAIL)
    await send_form(client, email=MAIL[1], phone=PHONE[1])
    (pair,) = await all_pages(client, "/v1/duplicates", status="open")
    path = f"/v1/duplicates/{pair['id']}/dismiss"
    dismissed = [(await client.post(path)).json() for _ in range(2)]
    assert [each["status"] for each in dismissed] == ["dismissed", "dismissed"]
    await send_form(client, email=MAIL[1], phone=PHONE[1], message="again")
    assert await all_pages(client, "/v1/duplicates", status="open") == []
    assert [each["id"] for each in await all_pages(client, "/v1/duplicates", status="dismissed")] == [pair["id"]]


async def test_an_unknown_suggestion_is_404_and_an_unknown_status_422(client: Client) -> None:
    assert_problem(await client.post(f"/v1/duplicates/{NOBODY}/dismiss"), 404, "not_found")
    assert_problem(await client.get("/v1/duplicates?status=maybe"), 422, "validation_failed")


async def test_a_message_is_filed_by_hand_and_the_log_tells_by_whom_and_from_where(client: Client) -> None:
    key = await make_key(client, "write")
    call = await tell(client, PHONE, channel="sms", occurred_at="2026-11-01T12:00:00Z")
    ali = await make_customer(client)
    path = f"/v1/interactions/{call['id']}/file"
    response = await client.post(path, json={"customer_id": ali["id"]}, headers=key["authorization"])
    assert response.status_code == 200
    filed = response.json()
    assert (filed["customer_id"], filed["conversation_id"], filed["version"]) == (ali["id"], call["conversation_id"], 2)
    (entry,) = await log(client, ali["id"])
    assert (entry["rule"], entry["interaction_id"], entry["actor"]) == ("refiled", call["id"], key["id"])
    assert entry["details"] == {"from": call["customer_id"]}
    assert await all_pages(client, f"/v1/customers/{call['customer_id']}/timeline") == []
    shown = (await client.get(f"/v1/customers/{ali['id']}")).json()
    assert shown["first_contact_at"] == shown["last_contact_at"] == call["occurred_at"]


@pytest.mark.parametrize(
    "messages",
    [
        [{"channel": "sms"}] * 3,
        [
            {"channel": "email", "external_id": "<1@ali.ir>", "subject": "سفارش"},
            {"channel": "email", "external_id": "<2@ali.ir>", "subject": "سفارش"},
            {"channel": "email", "external_id": "<3@ali.ir>", "subject": "Re: سفارش"},
        ],
    ],
)
async def test_messages_filed_elsewhere_one_by_one_stay_one_conversation(
    client: Client, messages: list[dict[str, Any]]
) -> None:
    told = [await tell(client, MAIL if each["channel"] == "email" else PHONE, **each) for each in messages]
    (left,) = {each["conversation_id"] for each in told}
    ali = await make_customer(client)
    for number, each in enumerate(told, start=1):
        response = await client.post(f"/v1/interactions/{each['id']}/file", json={"customer_id": ali["id"]})
        conversation = (await client.get(f"/v1/conversations/{response.json()['conversation_id']}")).json()
        assert (conversation["customer_id"], conversation["status"]) == (ali["id"], "open")
        assert [one["id"] for one in conversation["interactions"]] == [one["id"] for one in reversed(told[:number])]
        assert (conversation["first_at"], conversation["last_at"]) == (told[0]["occurred_at"], each["occurred_at"])
    assert (await client.get(f"/v1/customers/{told[0]['customer_id']}/file")).json()["conversations"] == []
    again = await tell(
        client, MAIL if messages[0]["channel"] == "email" else PHONE, **messages[0] | {"external_id": "4"}
    )
    assert again["customer_id"] == told[0]["customer_id"]
    assert again["conversation_id"] not in (left, conversation["id"])


async def test_a_message_of_nobody_finds_its_customer_by_hand(client: Client) -> None:
    call = await tell(client, ("phone", "anonymous"))
    ali = await make_customer(client)
    response = await client.post(f"/v1/interactions/{call['id']}/file", json={"customer_id": ali["id"]})
    assert response.json()["customer_id"] == ali["id"]
    (entry,) = await log(client, ali["id"])
    assert (entry["rule"], entry["details"]) == ("refiled", {})


async def test_filing_where_it_is_already_changes_nothing(client: Client) -> None:
    call = await tell(client, PHONE)
    before = await log(client, call["customer_id"])
    path = f"/v1/interactions/{call['id']}/file"
    assert (await client.post(path, json={"customer_id": call["customer_id"]})).json() == call
    assert await log(client, call["customer_id"]) == before


async def test_the_senders_address_stays_where_it_was_when_one_message_is_filed_elsewhere(client: Client) -> None:
    call = await tell(client, PHONE)
    ali = await make_customer(client)
    await client.post(f"/v1/interactions/{call['id']}/file", json={"customer_id": ali["id"]})
    assert (await tell(client, PHONE))["customer_id"] == call["customer_id"]


@pytest.mark.parametrize(("interaction", "customer"), [(True, False), (False, True)])
async def test_filing_needs_a_message_and_a_customer_that_exist(
    client: Client, interaction: bool, customer: bool
) -> None:
    call = await tell(client, PHONE)
    path = f"/v1/interactions/{call['id'] if interaction else NOBODY}/file"
    body = {"customer_id": call["customer_id"] if customer else NOBODY}
    assert_problem(await client.post(path, json=body), 404, "not_found")
