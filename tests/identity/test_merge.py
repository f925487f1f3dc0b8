"""Files that are one person's become one, and nothing is lost on the way."""

from typing import Any

import httpx
import pytest
from sqlalchemy import Column, ForeignKey, MetaData, String, Table, Uuid, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.customers.models import Customer
from app.identity.fields import joined, taken_back
from app.identity.merge import moving
from app.identity.references import Reference, move, move_back, references, take_out
from app.models import metadata
from tests.conftest import SavepointDatabase
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, get_file, make_customer, make_source, merge, signed_sms, tell

Client = httpx.AsyncClient
NOBODY = "01a20351-8849-7262-b2fa-12638c68a45b"
PHONE = ("phone", "+989121234567")
OTHER_PHONE = ("phone", "+989351234567")
MAIL = ("email", "ali@example.ir")
SMS = "http://onefile.test/v1/ingest/sms"


async def get(client: Client, customer_id: str) -> dict[str, Any]:
    response = await client.get(f"/v1/customers/{customer_id}")
    assert response.status_code == 200, response.text
    return dict(response.json())


async def make_pair(client: Client) -> tuple[dict[str, Any], dict[str, Any]]:
    """A survivor and another, each with an address and a call."""
    pair = []
    for address in (PHONE, MAIL):
        pair.append(await make_customer(client, address))
        await tell(client, address)
    return pair[0], pair[1]


async def suggest_pair(client: Client) -> tuple[str, str]:
    """Two files that one message speaks of: by phone, by mail."""
    by_phone, by_mail = await make_customer(client, PHONE), await make_customer(client, MAIL)
    await make_source(client, "web_form", name="form", settings={"scheme": "none"})
    response = await client.post("/v1/ingest/form", data={"message": "hi", "email": MAIL[1], "phone": PHONE[1]})
    assert response.status_code == 202, response.text
    return by_phone["id"], by_mail["id"]


async def test_addresses_messages_and_reasons_move_to_the_survivor(client: Client) -> None:
    ali, double = await make_pair(client)
    shown = await merge(client, ali["id"], double["id"])
    assert shown["id"] == ali["id"]
    assert shown["merged_ids"] == [double["id"]]
    assert {(each["kind"], each["value"]) for each in shown["identifiers"]} == {PHONE, MAIL}
    assert shown["moved"] == {"customer_identifier": 1, "identity_journal": 2, "interaction": 1}
    assert shown["version"] == ali["version"] + 1
    file = await get_file(client, ali["id"])
    assert len(file["recent_interactions"]) == 2
    assert file["customer"]["merged_ids"] == [double["id"]]
    log = await all_pages(client, f"/v1/customers/{ali['id']}/identity-log")
    assert {entry["identifier_value"] for entry in log if entry["rule"] == "given"} == {PHONE[1], MAIL[1]}
    (entry,) = [entry for entry in log if entry["rule"] == "merged"]
    assert (entry["actor"], entry["details"]) == (
        "admin-key",
        {"merge_id": shown["merge_id"], "customer_ids": [double["id"]]},
    )
    assert (await tell(client, MAIL))["customer_id"] == ali["id"]


async def test_the_old_id_works_everywhere(client: Client) -> None:
    ali, double = await make_pair(client)
    await merge(client, ali["id"], double["id"])
    old = double["id"]
    assert (await get(client, old))["id"] == ali["id"]
    assert (await get_file(client, old))["customer"]["id"] == ali["id"]
    for path in ("timeline", "identity-log"):
        assert await all_pages(client, f"/v1/customers/{old}/{path}") == await all_pages(
            client, f"/v1/customers/{ali['id']}/{path}"
        )
    assert len(await all_pages(client, "/v1/interactions", customer_id=old)) == 2
    assert len(await all_pages(client, "/v1/merges", customer_id=old)) == 1
    patched = await client.patch(f"/v1/customers/{old}", json={"given_name": "علی"})
    assert (patched.json()["id"], patched.json()["given_name"]) == (ali["id"], "علی")
    added = await client.post(f"/v1/customers/{old}/identifiers", json={"kind": "phone", "value": OTHER_PHONE[1]})
    assert added.status_code == 201
    path = f"/v1/customers/{old}/identifiers/{added.json()['id']}"
    assert (await client.patch(path, json={"label": "home"})).json()["label"] == "home"
    assert (await client.delete(path)).status_code == 204
    assert (await tell(client, customer_id=old))["customer_id"] == ali["id"]
    strange = await tell(client, OTHER_PHONE)
    refiled = await client.post(f"/v1/interactions/{strange['id']}/file", json={"customer_id": old})
    assert refiled.json()["customer_id"] == ali["id"]
    lines = await client.post("/v1/interactions/batch", content=f'{{"channel": "visit", "customer_id": "{old}"}}')
    assert lines.json()["results"][0]["customer_id"] == ali["id"]
    assert (await client.delete(f"/v1/customers/{old}")).status_code == 204
    assert (await get(client, ali["id"]))["status"] == "anonymized"


async def test_every_id_of_a_chain_leads_to_the_last_survivor(client: Client) -> None:
    first, second, third = [(await make_customer(client))["id"] for _ in range(3)]
    await merge(client, second, first)
    await merge(client, third, second)
    assert [(await get(client, each))["id"] for each in (first, second, third)] == [third] * 3
    assert (await get(client, third))["merged_ids"] == sorted([first, second])
    fourth = (await make_customer(client))["id"]
    assert (await merge(client, first, fourth))["id"] == third


async def test_an_organisation_that_was_merged_keeps_its_people(client: Client) -> None:
    shop, double = [await make_customer(client, kind="organization") for _ in range(2)]
    ali = await make_customer(client, organization_id=double["id"])
    await merge(client, shop["id"], double["id"])
    assert (await get(client, ali["id"]))["organization_id"] == shop["id"]
    vali = await make_customer(client, organization_id=double["id"])
    assert vali["organization_id"] == shop["id"]
    itself = await client.patch(f"/v1/customers/{shop['id']}", json={"organization_id": double["id"]})
    assert_problem(itself, 422, "unknown_organization")


async def test_the_survivor_is_never_its_own_organisation(client: Client) -> None:
    parent = await make_customer(client, kind="organization")
    branch = await make_customer(client, kind="organization", organization_id=parent["id"])
    assert (await merge(client, branch["id"], parent["id"]))["organization_id"] is None


async def test_the_survivors_values_win_and_empty_ones_are_filled(client: Client) -> None:
    ali = await make_customer(
        client,
        display_name="علی رضایی",
        attributes={"city": "Tehran", "tags": ["a", "b"], "size": {"shoe": 42}, "floor": 0},
        status="provisional",
    )
    double = await make_customer(
        client,
        display_name="Ali",
        family_name="Rezaei",
        language="fa",
        attributes={"city": "Shiraz", "tags": ["b", "c"], "size": {"shoe": 40, "hat": 7}, "floor": 3, "zip": "1"},
        preferences={"colour": "blue"},
    )
    merged = await merge(client, ali["id"], double["id"])
    assert (merged["display_name"], merged["family_name"], merged["language"]) == ("علی رضایی", "Rezaei", "fa")
    assert merged["status"] == "active"
    assert merged["attributes"] == {
        "city": "Tehran",
        "tags": ["a", "b", "c"],
        "size": {"shoe": 42, "hat": 7},
        "floor": 0,
        "zip": "1",
    }
    assert merged["preferences"] == {"colour": "blue"}


async def test_an_address_both_share_is_there_once_and_stays_opted_out(client: Client) -> None:
    ali, double = await make_customer(client), await make_customer(client)
    shared = {"kind": "phone", "value": PHONE[1], "shared": True}
    for each in (ali, double):
        await client.post(f"/v1/customers/{each['id']}/identifiers", json=shared)
    identifier = (await get(client, double["id"]))["identifiers"][0]["id"]
    await client.patch(f"/v1/customers/{double['id']}/identifiers/{identifier}", json={"opted_out": True})
    merged = await merge(client, ali["id"], double["id"])
    (address,) = merged["identifiers"]
    assert address["opted_out_at"] is not None


async def test_times_of_contact_span_both_files(client: Client) -> None:
    ali, double = await make_customer(client), await make_customer(client)
    await tell(client, customer_id=double["id"], occurred_at="2026-01-01T12:00:00Z")
    await tell(client, customer_id=ali["id"], occurred_at="2026-02-01T12:00:00Z")
    merged = await merge(client, ali["id"], double["id"])
    assert merged["first_contact_at"] == "2026-01-01T12:00:00+00:00"
    assert merged["last_contact_at"] == "2026-02-01T12:00:00+00:00"


async def test_two_open_conversations_of_one_pair_go_on_in_the_newer(client: Client) -> None:
    await make_source(client, name="sms", credentials={"auth_token": "12345"})
    for number, phone in enumerate((PHONE, OTHER_PHONE)):
        await client.post(SMS, **signed_sms(phone[1], "hello", f"SM{number}", url=SMS))
    newer, older = await all_pages(client, "/v1/conversations")
    merged = await merge(client, older["customer_id"], newer["customer_id"])
    conversations = await all_pages(client, "/v1/conversations", customer_id=merged["id"])
    assert {each["id"]: each["status"] for each in conversations} == {older["id"]: "closed", newer["id"]: "open"}
    await client.post(SMS, **signed_sms(PHONE[1], "again", "SM3", url=SMS))
    latest = (await all_pages(client, "/v1/interactions"))[0]
    assert (latest["customer_id"], latest["conversation_id"]) == (merged["id"], newer["id"])


async def test_a_mail_known_to_both_stays_with_the_survivor(client: Client) -> None:
    threads = []
    for sender in ("a@example.org", "b@example.org"):
        told = await tell(client, ("email", sender), channel="email", external_id=f"<{sender}>")
        threads.append(told)
    assert (await merge(client, *[each["customer_id"] for each in threads]))["moved"]["interaction"] == 1


async def test_a_merged_pair_is_no_suggestion_any_more(client: Client) -> None:
    by_phone, by_mail = await suggest_pair(client)
    await merge(client, by_phone, by_mail)
    (pair,) = await all_pages(client, "/v1/duplicates")
    assert (pair["status"], sorted(pair["customer_ids"])) == ("merged", sorted([by_phone, by_mail]))
    assert (await get_file(client, by_phone))["suggested_duplicates"] == []


async def test_suggestions_with_third_parties_become_the_survivors(client: Client) -> None:
    by_phone, by_mail = await suggest_pair(client)
    third = (await make_customer(client))["id"]
    await merge(client, third, by_mail)
    (pair,) = (await get_file(client, third))["suggested_duplicates"]
    assert pair["customer_ids"] == sorted([third, by_phone])


async def test_several_files_are_merged_at_once(client: Client) -> None:
    ali, *others = [(await make_customer(client))["id"] for _ in range(4)]
    assert (await merge(client, ali, *others))["merged_ids"] == sorted(others)
    (made,) = await all_pages(client, "/v1/merges", status="done")
    assert (made["survivor_id"], sorted(made["customer_ids"])) == (ali, sorted(others))
    assert (made["actor"], made["automatic"], made["undone_at"]) == ("admin-key", False, None)
    assert await all_pages(client, "/v1/merges", status="undone") == []


async def test_a_dry_run_tells_what_it_would_be_and_changes_nothing(client: Client) -> None:
    ali, double = await make_pair(client)
    before = [await get_file(client, each["id"]) for each in (ali, double)]
    dry = await merge(client, ali["id"], double["id"], dry_run=True)
    assert dry["merge_id"] is None
    assert [await get_file(client, each["id"]) for each in (ali, double)] == before
    assert await all_pages(client, "/v1/merges") == []
    wet = await merge(client, ali["id"], double["id"])
    times = {"merge_id", "updated_at", "identifiers"}
    assert {name: dry[name] for name in dry.keys() - times} == {name: wet[name] for name in wet.keys() - times}


async def refused(client: Client, survivor: str, *others: str) -> httpx.Response:
    return await client.post(f"/v1/customers/{survivor}/merge", json={"customer_ids": others})


async def test_what_cannot_be_one_is_refused(client: Client) -> None:
    ali, vali, gone, merged = [(await make_customer(client))["id"] for _ in range(4)]
    shop = (await make_customer(client, kind="organization"))["id"]
    await client.delete(f"/v1/customers/{gone}")
    await merge(client, ali, merged)
    assert_problem(await refused(client, ali, ali), 409, "same_customer")
    assert_problem(await refused(client, ali, vali, vali), 409, "same_customer")
    assert_problem(await refused(client, ali, merged), 409, "already_merged")
    assert_problem(await refused(client, ali, gone), 409, "anonymized")
    assert_problem(await refused(client, gone, ali), 409, "anonymized")
    assert_problem(await refused(client, shop, ali), 409, "different_kinds")
    assert_problem(await refused(client, ali, NOBODY), 404, "not_found")
    assert_problem(await refused(client, NOBODY, ali), 404, "not_found")
    assert_problem(await refused(client, ali), 422, "validation_failed")


async def test_erasing_the_survivor_erases_what_the_merge_remembers(
    client: Client, database: SavepointDatabase
) -> None:
    ali, double = await make_pair(client)
    merged = await merge(client, ali["id"], double["id"])
    await client.delete(f"/v1/customers/{ali['id']}")
    assert await database.driver.fetchval("SELECT trace::text FROM merge") == "{}"
    assert_problem(await client.post(f"/v1/merges/{merged['merge_id']}/undo"), 409, "anonymized")


async def test_the_feed_maps_the_old_ids_to_the_new(client: Client, database: SavepointDatabase) -> None:
    ali, double = await make_pair(client)
    await merge(client, ali["id"], double["id"])
    row = await database.driver.fetchrow(
        "SELECT subject_id::text, data->>'customer_ids' FROM change WHERE type = $1", "customer.merged"
    )
    assert tuple(row) == (ali["id"], f'{{"{double["id"]}": "{ali["id"]}"}}')


async def test_every_foreign_key_to_a_customer_moves(database: SavepointDatabase) -> None:
    """The database knows the keys; the metadata must tell of the same."""
    keys = await database.driver.fetch(
        """SELECT conrelid::regclass || '.' || attname AS name FROM pg_constraint
           JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
           WHERE contype = 'f' AND confrelid = 'customer'::regclass"""
    )
    pairs = {"duplicate_suggestion.customer_a_id", "duplicate_suggestion.customer_b_id"}
    assert {each.name for each in moving()} == {key["name"] for key in keys} - pairs
    assert {each.name for each in references(metadata)} == {key["name"] for key in keys}


async def test_a_table_that_comes_later_moves_too_and_back(client: Client, session: AsyncSession) -> None:
    later = MetaData()
    table = Table(
        "badge",
        later,
        Column("customer_id", Uuid, ForeignKey(Customer.metadata.tables["customer"].c.id), primary_key=True),
        Column("name", String, primary_key=True),
    )
    ali, double = [(await make_customer(client))["id"] for _ in range(2)]
    await session.execute(
        text("CREATE TABLE badge (customer_id uuid REFERENCES customer, name text, PRIMARY KEY (customer_id, name))")
    )
    badges = [(ali, "gold"), (double, "gold"), (double, "silver")]
    insert = text("INSERT INTO badge VALUES (CAST(CAST(:id AS text) AS uuid), :name)")
    for owner, name in badges:
        await session.execute(insert, {"id": owner, "name": name})
    (reference,) = references(later)
    assert (reference.name, isinstance(reference, Reference)) == ("badge.customer_id", True)
    new, old = [(await session.get_one(Customer, each)).id for each in (ali, double)]
    removed = await take_out(session, reference, old, new)
    assert removed == [{"customer_id": double, "name": "gold"}]
    keys = await move(session, reference, old, new)
    assert keys == [["silver"]]
    await move_back(session, reference, keys, new, old)
    rows = await session.execute(table.select().order_by("name"))
    assert [(str(owner), name) for owner, name in rows] == [(ali, "gold"), (double, "silver")]


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        (None, "b", "b"),
        ("", "b", "b"),
        ("a", "b", "a"),
        (False, True, False),
        ({"x": 1}, {"x": 2, "y": 3}, {"x": 1, "y": 3}),
        ([1, 2], [2, 3], [1, 2, 3]),
        ("a", {"x": 1}, "a"),
        ({}, None, {}),
    ],
)
def test_values_are_joined(own: Any, other: Any, expected: Any) -> None:
    assert joined(own, other) == expected


def test_what_a_merge_filled_is_taken_back_unless_somebody_changed_it() -> None:
    before = {"a": 1, "b": {"x": 1}, "c": None}
    after = {"a": 1, "b": {"x": 1, "y": 2, "z": 3}, "c": "filled", "d": 4, "e": 5}
    assert taken_back(after, before, after) == before
    changed = {"a": 9, "b": {"x": 1, "y": 8, "z": 3}, "c": "mine", "d": 4, "e": 6, "f": 7}
    assert taken_back(changed, before, after) == {"a": 9, "b": {"x": 1, "y": 8}, "c": "mine", "e": 6, "f": 7}
