"""A merge is taken back: each side has again what was its own, and what came since through its addresses."""

from typing import Any

import httpx
from fastapi import FastAPI

from tests.conftest import open_client
from tests.core.test_errors import assert_problem
from tests.factories import (
    all_pages,
    get_file,
    give_feedback,
    make_customer,
    make_key,
    make_source,
    merge,
    signed_sms,
    tell,
    undo,
)
from tests.identity.test_merge import MAIL, NOBODY, OTHER_PHONE, PHONE, SMS, get, make_pair, suggest_pair

Client = httpx.AsyncClient
SAME = {"version", "updated_at"}
"""Whatever moves away and back has changed twice."""


def without(shown: Any, names: set[str]) -> Any:
    if isinstance(shown, dict):
        return {name: without(value, names) for name, value in shown.items() if name not in names}
    return [without(each, names) for each in shown] if isinstance(shown, list) else shown


async def whole(client: Client, *ids: str) -> list[Any]:
    """All that the API shows of these files, but versions."""
    paths = ("timeline",)
    shown: list[Any] = []
    for id_ in ids:
        shown.append(await get_file(client, id_))
        shown += [await all_pages(client, f"/v1/customers/{id_}/{path}") for path in paths]
        shown.append(await all_pages(client, "/v1/conversations", customer_id=id_))
    return list(without(shown, SAME))


async def connect_sms(client: Client) -> None:
    await make_source(client, name="sms", credentials={"auth_token": "12345"})


async def send_sms(client: Client, address: tuple[str, str], number: int) -> dict[str, Any]:
    response = await client.post(SMS, **signed_sms(address[1], "hello", f"SM{number}", url=SMS))
    assert response.status_code == 200, response.text
    (found,) = [each for each in await all_pages(client, "/v1/interactions") if each["external_id"] == f"SM{number}"]
    return found


async def test_undoing_gives_both_files_back_as_they_were(client: Client) -> None:
    await connect_sms(client)
    ali = await make_customer(client, PHONE, display_name="علی", attributes={"a": {"x": 1}}, status="provisional")
    double = await make_customer(
        client, OTHER_PHONE, given_name="Ali", language="fa", attributes={"a": {"y": 2}, "b": 3}, preferences={"c": 4}
    )
    shared = {"kind": "phone", "value": "+989111111111", "shared": True}
    for customer in (ali, double):
        await client.post(f"/v1/customers/{customer['id']}/identifiers", json=shared)
    for number, address in enumerate((PHONE, OTHER_PHONE)):
        await send_sms(client, address, number)
    before = await whole(client, ali["id"], double["id"])
    merged = await merge(client, ali["id"], double["id"])
    assert await whole(client, ali["id"]) != before[:3]
    undone = await undo(client, merged["merge_id"])
    assert (undone["status"], undone["undone_by"]) == ("undone", "admin-key")
    assert undone["undone_at"] is not None
    assert await whole(client, ali["id"], double["id"]) == before


async def test_what_arrived_since_goes_with_its_address(client: Client) -> None:
    await connect_sms(client)
    mine, theirs = [await send_sms(client, address, number) for number, address in enumerate((PHONE, OTHER_PHONE))]
    ids = mine["customer_id"], theirs["customer_id"]
    merged = await merge(client, *ids)
    later = [await send_sms(client, address, 10 + number) for number, address in enumerate((PHONE, OTHER_PHONE))]
    assert len({each["conversation_id"] for each in later}) == 1
    told = [
        await give_feedback(client, address, interaction_id=each["id"])
        for address, each in zip((PHONE, OTHER_PHONE), later, strict=True)
    ]
    await undo(client, merged["merge_id"])
    for id_, first, since, answer in zip(ids, (mine, theirs), later, told, strict=True):
        timeline = await all_pages(client, f"/v1/customers/{id_}/timeline")
        assert {each["id"] for each in timeline} == {first["id"], since["id"]}
        assert {each["conversation_id"] for each in timeline} == {first["conversation_id"]}
        (spoken,) = await all_pages(client, "/v1/feedback", customer_id=id_)
        assert (spoken["feedback_id"], spoken["conversation_id"]) == (answer["id"], first["conversation_id"])
        (conversation,) = await all_pages(client, "/v1/conversations", customer_id=id_)
        assert (conversation["customer_id"], conversation["status"]) == (id_, "open")
        assert conversation["last_at"] == (await get(client, id_))["last_contact_at"]
        log = await all_pages(client, f"/v1/customers/{id_}/identity-log")
        assert {entry["interaction_id"] for entry in log} >= {first["id"], since["id"]}
        assert [entry["rule"] for entry in log].count("unmerged") == 1


async def test_an_answer_told_since_goes_with_its_address(client: Client) -> None:
    ali, double = await make_customer(client, PHONE), await make_customer(client, OTHER_PHONE)
    merged = await merge(client, ali["id"], double["id"])
    answers = [await give_feedback(client, address) for address in (PHONE, OTHER_PHONE)]
    low = [{"measure": "csat", "value": 1}]
    complaint = await give_feedback(client, OTHER_PHONE, scores=low)
    by_id = await give_feedback(client, customer_id=double["id"])
    await undo(client, merged["merge_id"])
    expected = {ali["id"]: [answers[0], by_id], double["id"]: [answers[1], complaint]}
    for id_, told in expected.items():
        rows = await all_pages(client, "/v1/feedback", customer_id=id_)
        assert {row["feedback_id"] for row in rows} == {each["id"] for each in told}
        log = await all_pages(client, f"/v1/customers/{id_}/identity-log")
        through = {entry["details"].get("feedback_id") for entry in log} - {None}
        assert through == {each["id"] for each in told} - {by_id["id"]}
    (recovery,) = await all_pages(client, "/v1/recoveries")
    assert recovery["customer_id"] == double["id"]


async def test_a_conversation_begun_since_goes_as_a_whole(client: Client) -> None:
    await connect_sms(client)
    ali, double = await make_pair(client)
    await client.post(f"/v1/customers/{double['id']}/identifiers", json={"kind": "phone", "value": OTHER_PHONE[1]})
    merged = await merge(client, ali["id"], double["id"])
    begun = await send_sms(client, OTHER_PHONE, 1)
    await undo(client, merged["merge_id"])
    (conversation,) = await all_pages(client, "/v1/conversations", customer_id=double["id"])
    assert conversation["id"] == begun["conversation_id"]
    assert await all_pages(client, "/v1/conversations", customer_id=ali["id"]) == []


async def test_an_address_that_came_with_the_others_message_goes_with_it(served: FastAPI) -> None:
    """On real commits: entries of one transaction belong together."""
    async with open_client(served) as client:
        ali, double = await make_pair(client)
        merged = await merge(client, ali["id"], double["id"])
        await make_source(client, "web_form", name="form", settings={"scheme": "none"})
        await client.post("/v1/ingest/form", data={"message": "hi", "email": MAIL[1], "phone": OTHER_PHONE[1]})
        called = await tell(client, OTHER_PHONE)
        await undo(client, merged["merge_id"])
        addresses = {(each["kind"], each["value"]) for each in (await get(client, double["id"]))["identifiers"]}
        assert addresses == {MAIL, OTHER_PHONE}
        assert (await client.get(f"/v1/interactions/{called['id']}")).json()["customer_id"] == double["id"]


async def test_what_was_filed_by_hand_since_stays_where_it_was_put(client: Client) -> None:
    ali, double = await make_pair(client)
    (mine,) = await all_pages(client, f"/v1/customers/{double['id']}/timeline")
    elsewhere = await make_customer(client)
    merged = await merge(client, ali["id"], double["id"])
    await client.post(f"/v1/interactions/{mine['id']}/file", json={"customer_id": elsewhere["id"]})
    since = await tell(client, MAIL)
    for target in (elsewhere["id"], ali["id"]):
        await client.post(f"/v1/interactions/{since['id']}/file", json={"customer_id": target})
    await undo(client, merged["merge_id"])
    assert [each["id"] for each in await all_pages(client, f"/v1/customers/{elsewhere['id']}/timeline")] == [mine["id"]]
    assert since["id"] in {each["id"] for each in await all_pages(client, f"/v1/customers/{ali['id']}/timeline")}
    assert await all_pages(client, f"/v1/customers/{double['id']}/timeline") == []


async def test_a_message_that_went_and_was_filed_here_by_hand_stays(client: Client) -> None:
    ali, double = await make_pair(client)
    (theirs,) = await all_pages(client, f"/v1/customers/{double['id']}/timeline")
    elsewhere = await make_customer(client)
    merged = await merge(client, ali["id"], double["id"])
    for target in (elsewhere["id"], ali["id"]):
        await client.post(f"/v1/interactions/{theirs['id']}/file", json={"customer_id": target})
    await undo(client, merged["merge_id"])
    assert theirs["id"] in {each["id"] for each in await all_pages(client, f"/v1/customers/{ali['id']}/timeline")}


async def test_an_answer_to_a_message_goes_with_it(client: Client) -> None:
    ali, double = await make_pair(client)
    merged = await merge(client, ali["id"], double["id"])
    since = await tell(client, MAIL)
    await give_feedback(
        client, customer_id=ali["id"], interaction_id=since["id"], scores=[{"measure": "nps", "value": 0}]
    )
    await undo(client, merged["merge_id"])
    (score,) = await all_pages(client, "/v1/feedback")
    assert (score["customer_id"], score["interaction_id"]) == (double["id"], since["id"])
    (recovery,) = await all_pages(client, "/v1/recoveries")
    assert recovery["customer_id"] == double["id"]


async def test_what_somebody_wrote_since_stays(client: Client) -> None:
    ali = await make_customer(client, status="provisional")
    double = await make_customer(client, display_name="Ali", given_name="Ali", attributes={"a": 1, "b": 2})
    merged = await merge(client, ali["id"], double["id"])
    await client.patch(f"/v1/customers/{ali['id']}", json={"given_name": "علی", "attributes": {"b": 3, "c": 4}})
    await undo(client, merged["merge_id"])
    shown = await get(client, ali["id"])
    assert (shown["display_name"], shown["given_name"], shown["status"]) == (None, "علی", "active")
    assert shown["attributes"] == {"b": 3, "c": 4}
    other = await get(client, double["id"])
    assert (other["display_name"], other["attributes"]) == ("Ali", {"a": 1, "b": 2})


async def test_a_released_address_goes_back_released(client: Client) -> None:
    ali, double = await make_pair(client)
    merged = await merge(client, ali["id"], double["id"])
    (address,) = [each for each in merged["identifiers"] if each["value"] == MAIL[1]]
    await client.delete(f"/v1/customers/{ali['id']}/identifiers/{address['id']}")
    await undo(client, merged["merge_id"])
    assert (await get(client, double["id"]))["identifiers"] == []


async def test_merges_are_undone_last_first(client: Client) -> None:
    first, second, third = [(await make_customer(client))["id"] for _ in range(3)]
    inner = (await merge(client, second, first))["merge_id"]
    outer = (await merge(client, third, second))["merge_id"]
    refused = await client.post(f"/v1/merges/{inner}/undo")
    assert_problem(refused, 409, "undo_first")
    assert refused.json()["merge_id"] == outer
    await undo(client, outer)
    assert [(await get(client, each))["id"] for each in (first, second, third)] == [second, second, third]
    await undo(client, inner)
    assert [(await get(client, each))["id"] for each in (first, second, third)] == [first, second, third]
    assert (await get(client, second))["merged_ids"] == []


async def test_a_merge_is_undone_once(client: Client) -> None:
    ali, double = await make_pair(client)
    merged = await merge(client, ali["id"], double["id"])
    await undo(client, merged["merge_id"])
    assert_problem(await client.post(f"/v1/merges/{merged['merge_id']}/undo"), 409, "already_undone")
    assert_problem(await client.post(f"/v1/merges/{NOBODY}/undo"), 404, "not_found")
    again = await merge(client, double["id"], ali["id"])
    assert again["merged_ids"] == [ali["id"]]


async def test_the_journal_tells_who_undid_it(client: Client) -> None:
    ali, double = await make_pair(client)
    merged = await merge(client, ali["id"], double["id"])
    key = await make_key(client, "write")
    await client.post(f"/v1/merges/{merged['merge_id']}/undo", headers=key["authorization"])
    for id_ in (ali["id"], double["id"]):
        (entry,) = [
            entry
            for entry in await all_pages(client, f"/v1/customers/{id_}/identity-log")
            if entry["rule"] == "unmerged"
        ]
        assert (entry["actor"], entry["details"]["merge_id"]) == (key["id"], merged["merge_id"])


async def test_the_people_of_an_organisation_go_back_to_it(client: Client) -> None:
    shop, double = [await make_customer(client, kind="organization") for _ in range(2)]
    ali, vali = [await make_customer(client, organization_id=each["id"]) for each in (shop, double)]
    parent = await make_customer(client, kind="organization", organization_id=shop["id"])
    merged = await merge(client, parent["id"], shop["id"], double["id"])
    assert merged["organization_id"] is None
    await undo(client, merged["merge_id"])
    assert [(await get(client, each["id"]))["organization_id"] for each in (ali, vali, parent)] == [
        shop["id"],
        double["id"],
        shop["id"],
    ]


async def test_a_suggestion_is_open_again(client: Client) -> None:
    by_phone, by_mail = await suggest_pair(client)
    before = await whole(client, by_phone, by_mail)
    merged = await merge(client, by_phone, by_mail)
    await undo(client, merged["merge_id"])
    assert await whole(client, by_phone, by_mail) == before
    (pair,) = await all_pages(client, "/v1/duplicates")
    assert (pair["status"], pair["customer_ids"]) == ("open", sorted([by_phone, by_mail]))


async def test_a_suggestion_with_a_third_party_goes_back(client: Client) -> None:
    by_phone, by_mail = await suggest_pair(client)
    third = (await make_customer(client))["id"]
    merged = await merge(client, third, by_mail)
    await undo(client, merged["merge_id"])
    (pair,) = await all_pages(client, "/v1/duplicates")
    assert pair["customer_ids"] == sorted([by_phone, by_mail])
