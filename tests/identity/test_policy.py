"""Identity policy as data: rank, limits, blocked and shared values, validity, what may merge by itself."""

from itertools import count
from typing import Any

import httpx
import pytest

from app.core.db import now
from app.customers.policies import TRUST_S, Policies, PolicyBook, default
from app.identity.resolution import resolve
from app.identity.senders import Sender
from app.messages import Identifier, IdentifierKind
from tests.conftest import SavepointDatabase
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, get_file, make_customer, make_key, tell, undo

Client = httpx.AsyncClient
PHONE = ("phone", "+989121234567")
OTHER_PHONE = ("phone", "+989351234567")
MAIL = ("email", "ali@example.ir")
numbers = count()


async def set_policy(client: Client, kind: str, **changes: Any) -> dict[str, Any]:
    response = await client.patch(f"/v1/identity-policy/{kind}", json=changes)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def policy(client: Client, kind: str) -> dict[str, Any]:
    items = (await client.get("/v1/identity-policy")).json()["items"]
    return next(dict(each) for each in items if each["kind"] == kind)


async def send_form(client: Client, **fields: str) -> dict[str, Any]:
    """A web form, and the interaction that became of it."""
    await client.post("/v1/sources", json={"name": "form", "provider": "web_form", "settings": {"scheme": "none"}})
    fields = {"message": f"hello {next(numbers)}"} | fields
    response = await client.post("/v1/ingest/form", data=fields)
    assert response.status_code == 202, response.text
    found = await all_pages(client, "/v1/interactions", channel="web_form")
    return next(each for each in found if each["text"] == fields["message"])


async def send_event(client: Client, **data: str) -> str:
    """An event that names several identifiers; the customer it was filed under."""
    await client.post("/v1/sources", json={"name": "events", "provider": "cloudevents", "settings": {"scheme": "none"}})
    told = f"event {next(numbers)}"
    headers = {"ce-specversion": "1.0", "ce-id": told, "ce-source": "/shop", "ce-type": "told"}
    response = await client.post("/v1/ingest/events", json={"text": told} | data, headers=headers)
    assert response.is_success, response.text
    found = await all_pages(client, "/v1/interactions", channel="app")
    return next(str(each["customer_id"]) for each in found if each["text"] == told)


async def call(client: Client, number: str, name: str | None = None, **fields: Any) -> str:
    """A call; the customer it was filed under."""
    told = {"kind": "phone", "value": number} | ({"name": name} if name else {})
    return str((await tell(client, **{"from": told} | fields))["customer_id"])


async def family(client: Client) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ali and Sara, who share a phone."""
    shared = [{"kind": PHONE[0], "value": PHONE[1], "shared": True}]
    ali, sara = [
        (await client.post("/v1/customers", json={"display_name": name, "identifiers": shared})).json()
        for name in ("علی رضایی", "Sara Rezaei")
    ]
    return ali, sara


async def customers(client: Client) -> list[dict[str, Any]]:
    return await all_pages(client, "/v1/customers")


async def identifiers(client: Client, customer_id: str) -> set[tuple[str, str, bool]]:
    shown = (await client.get(f"/v1/customers/{customer_id}")).json()
    return {(each["kind"], each["value"], each["shared"]) for each in shown["identifiers"]}


async def log(client: Client, customer_id: str, rule: str) -> list[dict[str, Any]]:
    entries = await all_pages(client, f"/v1/customers/{customer_id}/identity-log")
    return [entry for entry in entries if entry["rule"] == rule]


async def test_every_kind_has_a_policy_the_strongest_first(client: Client) -> None:
    items = (await client.get("/v1/identity-policy")).json()["items"]
    assert [each["kind"] for each in items] == list(IdentifierKind)
    assert {each["kind"] for each in items if each["joins"] == "provisional"} == {
        "external",
        "email",
        "phone",
        "whatsapp",
        "telegram",
    }
    external = items[0]
    assert (external["limit_count"], external["limit_window_days"], external["version"]) == (1, None, 1)


async def test_a_policy_is_changed_by_merge_patch_and_holds_its_version(client: Client) -> None:
    path = "/v1/identity-policy/phone"
    changed = await client.patch(path, json={"limit_count": 3, "valid_days": 400}, headers={"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    assert changed.json() == await policy(client, "phone")
    assert (changed.json()["limit_count"], changed.json()["valid_days"], changed.json()["version"]) == (3, 400, 2)
    assert_problem(await client.patch(path, json={"rank": 1}, headers={"If-Match": '"1"'}), 412, "version_mismatch")
    emptied = await set_policy(client, "phone", limit_count=None, blocked_values=None)
    assert (emptied["limit_count"], emptied["blocked_values"], emptied["valid_days"]) == (None, [], 400)


async def test_values_in_a_policy_are_read_like_all_others(client: Client) -> None:
    changed = await set_policy(client, "phone", shared_values=["+۹۸ ۹۱۲ ۱۲۳ ۴۵۶۷", PHONE[1]])
    assert changed["shared_values"] == [PHONE[1]]
    answer = await client.patch("/v1/identity-policy/phone", json={"blocked_values": [PHONE[1], "a phone"]})
    assert_problem(answer, 422, "invalid_identifier")
    assert answer.json()["errors"][0]["field"] == "blocked_values.1"


@pytest.mark.parametrize(
    "body",
    [
        {"blocked_patterns": ["**"]},
        {"joins": None},
        {"rank": None},
        {"joins": "always"},
        {"limit_count": 0},
        {"valid_days": 0},
        {"pattern": "x"},
    ],
)
async def test_a_policy_that_makes_no_sense_is_refused(client: Client, body: dict[str, Any]) -> None:
    assert_problem(await client.patch("/v1/identity-policy/email", json=body), 422, "validation_failed")


async def test_only_an_administrator_changes_policies(client: Client) -> None:
    key = await make_key(client, "write")
    headers = key["authorization"]
    assert (await client.get("/v1/identity-policy", headers=headers)).status_code == 200
    refused = await client.patch("/v1/identity-policy/email", json={"rank": 1}, headers=headers)
    assert_problem(refused, 403, "wrong_scope")


async def test_a_process_learns_of_a_change_within_seconds(client: Client, database: SavepointDatabase) -> None:
    clock = [0.0]
    book = PolicyBook(database, timer=lambda: clock[0])
    await book.refresh()
    await set_policy(client, "email", blocked_values=["info@example.ir"])
    await book.refresh()
    assert not book.current.is_blocked("email", "info@example.ir")
    clock[0] += TRUST_S
    await book.refresh()
    assert book.current.is_blocked("email", "info@example.ir")


async def test_the_rank_decides_whose_message_it_is(client: Client) -> None:
    by_phone = await make_customer(client, PHONE)
    by_mail = await make_customer(client, MAIL)
    message = await send_form(client, email=MAIL[1], phone=PHONE[1])
    assert message["customer_id"] == by_mail["id"]
    await set_policy(client, "phone", rank=1)
    message = await send_form(client, email=MAIL[1], phone=PHONE[1])
    assert message["customer_id"] == by_phone["id"]


async def test_a_blocked_value_identifies_nobody(client: Client) -> None:
    ali = await make_customer(client, PHONE)
    await set_policy(client, "phone", blocked_values=[PHONE[1]])
    filed = await tell(client, PHONE)
    assert (filed["customer_id"], filed["from"]["value"]) == (None, PHONE[1])
    assert (await get_file(client, ali["id"]))["recent_interactions"] == []
    refused = await client.post("/v1/customers", json={"identifiers": [{"kind": "phone", "value": PHONE[1]}]})
    assert_problem(refused, 422, "identifier_blocked")
    assert (await tell(client, ("whatsapp", PHONE[1])))["customer_id"] is not None


async def test_a_blocked_pattern_identifies_nobody(client: Client) -> None:
    await set_policy(client, "email", blocked_patterns=["*@relay.example", "info?@*"])
    for blocked in ("x81@relay.example", "INFO1@shop.example"):
        assert (await tell(client, ("email", blocked), channel="email"))["customer_id"] is None
    for known in ("x@relay.example.ir", "info@shop.example"):
        assert (await tell(client, ("email", known), channel="email"))["customer_id"] is not None


def test_no_pattern_takes_long() -> None:
    row = default(IdentifierKind.email)
    row.blocked_patterns = ["*a" * 40 + "b[!x]*"]
    assert not Policies([row]).is_blocked("email", "a" * 300 + "@example.ir")


async def test_a_shared_number_with_a_name_goes_to_the_one_of_that_name(client: Client) -> None:
    ali, sara = await family(client)
    assert await call(client, PHONE[1], "sara  REZAEI") == sara["id"]
    assert await call(client, PHONE[1], "علي رضايي") == ali["id"]
    (entry,) = await log(client, ali["id"], "narrowed")
    assert (entry["identifier_value"], entry["interaction_id"] is not None) == (PHONE[1], True)
    assert len(await customers(client)) == 2


async def test_a_shared_number_with_another_identifier_goes_to_its_owner(client: Client) -> None:
    _, sara = await family(client)
    body = {"kind": "email", "value": "sara@example.ir"}
    await client.post(f"/v1/customers/{sara['id']}/identifiers", json=body)
    message = await send_form(client, phone=PHONE[1], email="sara@example.ir")
    assert message["customer_id"] == sara["id"]
    assert [entry["identifier_kind"] for entry in await log(client, sara["id"], "narrowed")] == ["email"]
    assert len(await customers(client)) == 2


async def test_a_name_on_a_shared_number_brings_a_further_identifier_to_its_file(client: Client) -> None:
    _, sara = await family(client)
    message = await send_form(client, phone=PHONE[1], email="sara@example.ir", name="Sara Rezaei")
    assert message["customer_id"] == sara["id"]
    assert ("email", "sara@example.ir", False) in await identifiers(client, sara["id"])


async def test_a_shared_number_alone_has_one_provisional_file_of_its_own(client: Client) -> None:
    ali, sara = await family(client)
    nobody = await call(client, PHONE[1])
    assert nobody not in (ali["id"], sara["id"])
    assert await call(client, PHONE[1]) == nobody
    assert await identifiers(client, nobody) == {(*PHONE, True)}
    assert (await client.get(f"/v1/customers/{nobody}")).json()["status"] == "provisional"
    pairs = await all_pages(client, "/v1/duplicates")
    assert {frozenset(pair["customer_ids"]) for pair in pairs} == {
        frozenset((nobody, each["id"])) for each in (ali, sara)
    }
    stranger = await call(client, PHONE[1], "Reza")
    assert stranger not in (nobody, ali["id"], sara["id"])
    assert [await call(client, PHONE[1], name) for name in ("reza", None)] == [stranger, nobody]
    assert len(await customers(client)) == 4


async def test_two_of_one_name_on_a_shared_number_are_not_taken_for_each_other(client: Client) -> None:
    shared = [{"kind": PHONE[0], "value": PHONE[1], "shared": True}]
    twins = [
        (await client.post("/v1/customers", json={"display_name": "Ali", "identifiers": shared})).json()["id"]
        for _ in range(2)
    ]
    unknown = await call(client, PHONE[1], "Ali")
    assert unknown not in twins
    assert await call(client, PHONE[1], "Ali") == unknown


async def test_what_only_one_of_them_shares_twice_tells_who_it_is(client: Client) -> None:
    def told(*each: tuple[str, str]) -> dict[str, Any]:
        return {"identifiers": [{"kind": kind, "value": value, "shared": True} for kind, value in each]}

    mother = (await client.post("/v1/customers", json=told(PHONE, MAIL))).json()
    await client.post("/v1/customers", json=told(PHONE))
    await client.post("/v1/customers", json=told(MAIL))
    message = await send_form(client, phone=PHONE[1], email=MAIL[1])
    assert message["customer_id"] == mother["id"]


async def test_a_number_shared_by_policy_no_longer_decides_for_its_owner(client: Client) -> None:
    ali = await make_customer(client, PHONE, display_name="Ali")
    assert await call(client, PHONE[1]) == ali["id"]
    await set_policy(client, "phone", shared_values=[PHONE[1]])
    nobody = await call(client, PHONE[1])
    assert nobody != ali["id"]
    assert await identifiers(client, nobody) == {(*PHONE, True)}
    assert [await call(client, PHONE[1], name) for name in ("ALI", None)] == [ali["id"], nobody]


async def test_an_identifier_given_by_hand_is_shared_if_the_policy_says_so(client: Client) -> None:
    await set_policy(client, "phone", shared_values=[PHONE[1]])
    for _ in range(2):
        customer = await make_customer(client, PHONE)
        assert await identifiers(client, customer["id"]) == {(*PHONE, True)}


async def test_two_ids_of_one_system_never_come_into_one_file(client: Client) -> None:
    first = await make_customer(client, ("external", "erp:1"), MAIL)
    second = await send_event(client, external="erp:2", email=MAIL[1])
    assert second != first["id"]
    assert await identifiers(client, second) == {("external", "erp:2", False)}
    (entry,) = await log(client, second, "limited")
    assert (entry["identifier_value"], entry["details"]) == (MAIL[1], {"stays_with": first["id"]})
    (pair,) = await all_pages(client, "/v1/duplicates")
    assert (sorted(pair["customer_ids"]), pair["status"]) == (sorted([first["id"], second]), "open")
    assert await send_event(client, external="erp:2", email=MAIL[1]) == second
    assert (await tell(client, MAIL, channel="email"))["customer_id"] == first["id"]
    assert await all_pages(client, "/v1/merges") == []


async def test_an_id_of_another_system_comes_into_the_file(client: Client) -> None:
    first = await make_customer(client, ("external", "erp:1"), MAIL)
    assert await send_event(client, external="shop:2", email=MAIL[1]) == first["id"]
    assert ("external", "shop:2", False) in await identifiers(client, first["id"])


async def test_only_what_does_not_fit_is_left_out(client: Client) -> None:
    await set_policy(client, "phone", limit_count=1)
    ali = await make_customer(client, MAIL, PHONE)
    sent = await send_event(client, email=MAIL[1], phone=OTHER_PHONE[1], device="phone of Ali")
    assert sent == ali["id"]
    assert await identifiers(client, ali["id"]) == {
        (*MAIL, False),
        (*PHONE, False),
        ("device", "phone of Ali", False),
    }


async def test_who_may_have_no_more_phones_gets_no_more(client: Client) -> None:
    await set_policy(client, "phone", limit_count=1)
    ali = await make_customer(client, MAIL, PHONE)
    message = await send_form(client, email=MAIL[1], phone=OTHER_PHONE[1])
    assert message["customer_id"] == ali["id"]
    assert await identifiers(client, ali["id"]) == {(*MAIL, False), (*PHONE, False)}
    (entry,) = await log(client, ali["id"], "limited")
    assert (entry["identifier_value"], entry["details"]) == (OTHER_PHONE[1], {})
    assert await call(client, OTHER_PHONE[1]) != ali["id"]


async def test_each_of_two_that_fit_alone_counts_before_the_other(database: SavepointDatabase) -> None:
    limited = [default(kind) for kind in (IdentifierKind.phone, IdentifierKind.device)]
    for row in limited:
        row.limit_count = 1
    told = [
        Identifier(row.kind, value)
        for row, values in zip(limited, ((PHONE[1], OTHER_PHONE[1]), ("his", "hers")), strict=True)
        for value in values
    ]
    sender = Sender(told, None, None, now(), lambda kind, value: [], Policies(limited))
    _, findings = await resolve(database.driver, [sender])
    assert [each["value"] for each in findings.identifiers] == [PHONE[1], "his"]
    assert [each["identifier_value"] for each in findings.entries if each["rule"] == "limited"] == [
        OTHER_PHONE[1],
        "hers",
    ]


async def test_what_is_shared_does_not_count(client: Client) -> None:
    await set_policy(client, "phone", limit_count=1)
    ali = await make_customer(client, MAIL)
    shared = {"kind": PHONE[0], "value": PHONE[1], "shared": True}
    assert (await client.post(f"/v1/customers/{ali['id']}/identifiers", json=shared)).status_code == 201
    await send_form(client, email=MAIL[1], phone=OTHER_PHONE[1])
    assert (*OTHER_PHONE, False) in await identifiers(client, ali["id"])


async def test_only_what_came_within_the_window_counts(client: Client) -> None:
    await set_policy(client, "phone", limit_count=1, limit_window_days=30)
    ali = await send_event(client, email=MAIL[1], phone=PHONE[1], occurred_at="2026-01-01T12:00:00Z")
    await send_event(client, email=MAIL[1], phone=OTHER_PHONE[1], occurred_at="2026-01-20T12:00:00Z")
    assert (*OTHER_PHONE, False) not in await identifiers(client, ali)
    await send_event(client, email=MAIL[1], phone=OTHER_PHONE[1], occurred_at="2026-02-20T12:00:00Z")
    assert {(*PHONE, False), (*OTHER_PHONE, False)} < await identifiers(client, ali)


async def test_a_number_not_seen_for_long_is_somebody_elses(client: Client) -> None:
    await set_policy(client, "phone", valid_days=365)
    before = await call(client, PHONE[1], occurred_at="2024-01-01T12:00:00Z")
    soon = await call(client, PHONE[1], occurred_at="2024-12-01T12:00:00Z")
    after = await call(client, PHONE[1], occurred_at="2026-01-01T12:00:00Z")
    assert soon == before != after
    assert await call(client, PHONE[1], occurred_at="2026-02-01T12:00:00Z") == after
    assert await identifiers(client, before) == set()
    assert len(await all_pages(client, f"/v1/customers/{before}/timeline")) == 2
    (taken,) = await log(client, before, "recycled")
    assert taken["details"] == {"now_of": after}
    assert len(await log(client, after, "recycled")) == 2
    (pair,) = await all_pages(client, "/v1/duplicates")
    assert (sorted(pair["customer_ids"]), pair["reasons"][0]["rule"]) == (sorted([before, after]), "recycled")


async def test_an_old_number_stays_with_whoever_gives_it_beside_a_current_address(client: Client) -> None:
    await set_policy(client, "phone", valid_days=365)
    ali = await send_event(client, email=MAIL[1], phone=PHONE[1], occurred_at="2024-01-01T12:00:00Z")
    at = "2026-01-01T12:00:00Z"
    assert await send_event(client, email=MAIL[1], phone=PHONE[1], occurred_at=at) == ali
    assert await call(client, PHONE[1], occurred_at="2026-02-01T12:00:00Z") == ali


async def test_an_old_number_goes_to_whoever_else_gives_it(client: Client) -> None:
    await set_policy(client, "phone", valid_days=365)
    before = await call(client, PHONE[1], occurred_at="2024-01-01T12:00:00Z")
    ali = await make_customer(client, MAIL)
    sent = await send_event(client, email=MAIL[1], phone=PHONE[1], occurred_at="2026-01-01T12:00:00Z")
    assert sent == ali["id"]
    assert await identifiers(client, ali["id"]) == {(*MAIL, False), (*PHONE, False)}
    assert await identifiers(client, before) == set()


async def test_our_own_call_to_an_old_number_makes_it_nobody_elses(client: Client) -> None:
    await set_policy(client, "phone", valid_days=365)
    before = await call(client, PHONE[1], occurred_at="2024-01-01T12:00:00Z")
    to = {"kind": PHONE[0], "value": PHONE[1]}
    ours = await tell(client, to=to, direction="outbound", occurred_at="2026-01-01T12:00:00Z")
    assert ours["customer_id"] == before


async def test_a_provisional_file_joins_the_established_one_that_a_message_names(client: Client) -> None:
    ali = await make_customer(client, MAIL, display_name="Ali")
    stranger = await call(client, PHONE[1])
    message = await send_form(client, email=MAIL[1], phone=PHONE[1])
    assert message["customer_id"] == ali["id"]
    assert (await client.get(f"/v1/customers/{stranger}")).json()["id"] == ali["id"]
    assert await call(client, PHONE[1]) == ali["id"]
    (merged,) = await all_pages(client, "/v1/merges")
    assert (merged["automatic"], merged["actor"], merged["customer_ids"]) == (True, None, [stranger])


async def test_what_was_parted_does_not_join_again_by_itself(client: Client) -> None:
    ali = await make_customer(client, MAIL)
    stranger = await call(client, PHONE[1])
    await send_form(client, email=MAIL[1], phone=PHONE[1])
    (merged,) = await all_pages(client, "/v1/merges")
    await undo(client, merged["id"])
    await send_form(client, email=MAIL[1], phone=PHONE[1])
    assert len(await all_pages(client, "/v1/merges")) == 1
    assert {each["id"] for each in await customers(client)} == {ali["id"], stranger}


async def test_nothing_joins_where_the_policy_says_never(client: Client) -> None:
    await set_policy(client, "phone", joins="never")
    ali = await make_customer(client, MAIL)
    stranger = await call(client, PHONE[1])
    await send_form(client, email=MAIL[1], phone=PHONE[1])
    assert await all_pages(client, "/v1/merges") == []
    (pair,) = await all_pages(client, "/v1/duplicates")
    assert sorted(pair["customer_ids"]) == sorted([ali["id"], stranger])
    await set_policy(client, "phone", joins="provisional")
    await send_form(client, email=MAIL[1], phone=PHONE[1])
    assert (await client.get(f"/v1/customers/{stranger}")).json()["id"] == ali["id"]


async def test_two_established_files_and_two_provisional_ones_are_only_suggested(client: Client) -> None:
    await make_customer(client, MAIL)
    await make_customer(client, PHONE)
    await send_form(client, email=MAIL[1], phone=PHONE[1])
    await tell(client, ("email", "sara@example.ir"), channel="email")
    await call(client, OTHER_PHONE[1])
    await send_form(client, email="sara@example.ir", phone=OTHER_PHONE[1])
    assert await all_pages(client, "/v1/merges") == []
    assert len(await all_pages(client, "/v1/duplicates", status="open")) == 2


async def test_files_whose_ids_of_one_system_differ_do_not_join(client: Client) -> None:
    ali = await make_customer(client, MAIL, ("external", "erp:1"))
    stranger = await send_event(client, external="erp:2", phone=PHONE[1])
    await send_form(client, email=MAIL[1], phone=PHONE[1])
    assert await all_pages(client, "/v1/merges") == []
    (pair,) = await all_pages(client, "/v1/duplicates", status="open")
    assert sorted(pair["customer_ids"]) == sorted([ali["id"], stranger])


async def test_merging_with_an_erased_customer_is_410(client: Client) -> None:
    ali, gone = [await make_customer(client) for _ in range(2)]
    assert (await client.delete(f"/v1/customers/{gone['id']}?mode=erase")).is_success
    for survivor, other in ((ali, gone), (gone, ali)):
        answer = await client.post(f"/v1/customers/{survivor['id']}/merge", json={"customer_ids": [other["id"]]})
        assert_problem(answer, 410, "erased")
