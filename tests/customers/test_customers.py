"""Customers: made, changed by merge patch, listed."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from tests.core.test_errors import assert_problem
from tests.factories import configure, make_customer, tell

NOBODY = "01a20351-8849-7262-b2fa-12638c68a45b"
Client = httpx.AsyncClient


async def patch(client: Client, customer: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    response = await client.patch(f"/v1/customers/{customer['id']}", json=changes)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_a_customer_is_shown_as_it_was_made(client: Client) -> None:
    fields = {
        "kind": "person",
        "display_name": "علی رضایی",
        "given_name": "علی",
        "family_name": "رضایی",
        "language": "fa",
        "time_zone": "Asia/Tehran",
        "attributes": {"shoe": {"size": 42}, "vip": True},
        "preferences": {"channel": "sms"},
    }
    customer = await make_customer(client, ("phone", "+989121234567"), **fields)
    (identifier,) = customer["identifiers"]
    assert UUID(customer["id"]).version == 7
    assert customer == fields | {
        "id": customer["id"],
        "status": "active",
        "organization_id": None,
        "version": 1,
        "merged_ids": [],
        "identifiers": [identifier],
        "first_contact_at": None,
        "last_contact_at": None,
        "created_at": customer["created_at"],
        "updated_at": customer["updated_at"],
    }
    assert identifier == {
        "id": identifier["id"],
        "kind": "phone",
        "value": "+989121234567",
        "raw": "+989121234567",
        "label": None,
        "confidence": "stated",
        "shared": False,
        "opted_out_at": None,
        "undeliverable_at": None,
        "first_seen_at": identifier["first_seen_at"],
        "last_seen_at": identifier["last_seen_at"],
    }
    assert (await client.get(f"/v1/customers/{customer['id']}")).json() == customer


async def test_a_customer_needs_nothing_to_begin_with(client: Client) -> None:
    customer = await make_customer(client)
    assert (customer["kind"], customer["status"], customer["attributes"]) == ("person", "active", {})


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": None},
        {"status": "merged"},
        {"status": None},
        {"status": "anonymized"},
        {"language": "Persian!"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "localtime"},
        {"time_zone": "+03:30"},
        {"organization_id": "erp"},
        {"attributes": ["a"]},
        {"display_name": "x" * 501},
    ],
)
async def test_a_field_that_cannot_be_so_is_422_on_creation_and_on_change(
    client: Client, changes: dict[str, Any]
) -> None:
    customer = await make_customer(client)
    for response in (
        await client.post("/v1/customers", json=changes),
        await client.patch(f"/v1/customers/{customer['id']}", json=changes),
    ):
        assert_problem(response, 422, "validation_failed")


async def test_a_patch_changes_what_it_names_and_null_empties(client: Client) -> None:
    customer = await make_customer(client, display_name="Ali", given_name="A", language="fa", time_zone="Asia/Tehran")
    changed = await patch(client, customer, {"display_name": "Reza", "given_name": None, "time_zone": None})
    assert changed == customer | {
        "display_name": "Reza",
        "given_name": None,
        "time_zone": None,
        "version": 2,
        "updated_at": changed["updated_at"],
    }
    assert changed["updated_at"] > customer["updated_at"]


async def test_attributes_and_preferences_merge_by_key_at_every_depth(client: Client) -> None:
    before = {"a": 1, "b": {"c": 1, "d": {"e": 1, "f": 2}}, "g": [1, 2]}
    customer = await make_customer(client, attributes=before, preferences=before)
    changes = {"a": None, "b": {"d": {"e": None, "h": 3}}, "g": [3], "i": {"j": None, "k": 4}}
    after = {"b": {"c": 1, "d": {"f": 2, "h": 3}}, "g": [3], "i": {"k": 4}}
    changed = await patch(client, customer, {"attributes": changes, "preferences": changes})
    assert (changed["attributes"], changed["preferences"]) == (after, after)
    assert (await client.get(f"/v1/customers/{customer['id']}")).json()["attributes"] == after


async def test_null_empties_all_attributes(client: Client) -> None:
    customer = await make_customer(client, attributes={"a": 1}, preferences={"b": 2})
    changed = await patch(client, customer, {"attributes": None})
    assert (changed["attributes"], changed["preferences"]) == ({}, {"b": 2})


async def test_a_scalar_and_an_object_replace_each_other(client: Client) -> None:
    customer = await make_customer(client, attributes={"a": 1, "b": {"c": 1}})
    changed = await patch(client, customer, {"attributes": {"a": {"d": 2}, "b": 3}})
    assert changed["attributes"] == {"a": {"d": 2}, "b": 3}


async def test_every_change_counts_one_version_up(client: Client) -> None:
    customer = await make_customer(client, ("phone", "+989121234567"))
    path = f"/v1/customers/{customer['id']}"
    identifier = f"{path}/identifiers/{customer['identifiers'][0]['id']}"
    versions = []
    for method, address, body in (
        ("PATCH", path, {"display_name": "Ali"}),
        ("PATCH", path, {"attributes": {"a": 1}}),
        ("POST", f"{path}/identifiers", {"kind": "email", "value": "ali@example.ir"}),
        ("PATCH", identifier, {"label": "home"}),
        ("DELETE", identifier, None),
    ):
        assert (await client.request(method, address, json=body)).is_success
        versions.append((await client.get(path)).json()["version"])
    assert versions == [2, 3, 4, 5, 6]


async def test_a_file_opened_by_a_message_becomes_active_when_somebody_writes_into_it(client: Client) -> None:
    call = await tell(client, ("phone", "+989121234567"))
    opened = (await client.get(f"/v1/customers/{call['customer_id']}")).json()
    assert (opened["status"], opened["version"]) == ("provisional", 1)
    assert (await patch(client, opened, {}))["status"] == "provisional"
    assert (await patch(client, opened, {"status": "provisional", "language": "fa"}))["status"] == "provisional"
    assert (await patch(client, opened, {"given_name": "علی"}))["status"] == "active"


async def test_an_unknown_customer_is_404_on_every_route(client: Client) -> None:
    path = f"/v1/customers/{NOBODY}"
    for response in (
        await client.get(path),
        await client.patch(path, json={}),
        await client.delete(path),
        await client.get(f"{path}/file"),
        await client.get(f"{path}/timeline"),
        await client.get(f"{path}/identity-log"),
        await client.post(f"{path}/identifiers", json={"kind": "email", "value": "ali@example.ir"}),
        await client.patch(f"{path}/identifiers/{NOBODY}", json={}),
        await client.delete(f"{path}/identifiers/{NOBODY}"),
    ):
        assert_problem(response, 404, "not_found")


async def test_a_person_may_belong_to_an_organization(client: Client) -> None:
    shop = await make_customer(client, kind="organization", display_name="Bookshop")
    ali = await make_customer(client, organization_id=shop["id"])
    assert ali["organization_id"] == shop["id"]
    assert (await patch(client, ali, {"organization_id": None}))["organization_id"] is None
    assert (await patch(client, ali, {"organization_id": shop["id"]}))["organization_id"] == shop["id"]


async def test_an_organization_must_be_another_customer_of_that_kind(client: Client) -> None:
    shop = await make_customer(client, kind="organization")
    person = await make_customer(client)
    for response in (
        await client.post("/v1/customers", json={"organization_id": NOBODY}),
        await client.post("/v1/customers", json={"organization_id": person["id"]}),
        await client.patch(f"/v1/customers/{person['id']}", json={"organization_id": NOBODY}),
        await client.patch(f"/v1/customers/{person['id']}", json={"organization_id": person["id"]}),
        await client.patch(f"/v1/customers/{shop['id']}", json={"organization_id": shop["id"]}),
    ):
        problem = assert_problem(response, 422, "unknown_organization")
        assert [error["field"] for error in problem["errors"]] == ["organization_id"]


async def test_customers_are_listed_by_status_and_kind(client: Client) -> None:
    shop = await make_customer(client, kind="organization")
    ali = await make_customer(client)
    opened = (await tell(client, ("phone", "+989121234567")))["customer_id"]
    erased = await make_customer(client)
    await client.delete(f"/v1/customers/{erased['id']}")
    for query, expected in {
        "kind=organization": {shop["id"]},
        "kind=person": {ali["id"], opened, erased["id"]},
        "status=provisional": {opened},
        "status=anonymized": {erased["id"]},
        "status=active&kind=person": {ali["id"]},
    }.items():
        page = (await client.get(f"/v1/customers?{query}")).json()
        assert {item["id"] for item in page["items"]} == expected, query


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("۰۹۱۲ ۱۲۳ ۴۵۶۷", "ali"),
        ("+98 912 123 45 67", "ali"),
        ("phone:09121234567", "ali"),
        ("fax:09121234567", None),
        ("ALI@Example.ir", "ali"),
        ("email:ali@example.ir", "ali"),
        ("erp:10023", "ali"),
        ("external:ERP:10023", "ali"),
        ("@ali_shop", "ali"),
        ("+982188776655", "office"),
        ("nobody@example.ir", None),
    ],
)
async def test_customers_are_found_by_an_identifier_as_people_write_it(
    app: FastAPI, client: Client, written: str, found: str | None
) -> None:
    configure(app, default_region="IR")
    ids = {
        "ali": (
            await make_customer(
                client,
                ("phone", "09121234567"),
                ("email", "ali@example.ir"),
                ("external", "erp:10023"),
                ("telegram", "@ali_shop"),
            )
        )["id"],
        "office": (await make_customer(client, ("fax", "02188776655")))["id"],
    }
    page = (await client.get("/v1/customers", params={"identifier": written})).json()
    assert [item["id"] for item in page["items"]] == ([ids[found]] if found else [])


async def test_everybody_who_shares_an_identifier_is_found(client: Client) -> None:
    shared = {"kind": "phone", "value": "+982188776655", "shared": True}
    ids = {(await make_customer(client, identifiers=[shared]))["id"] for _ in range(2)}
    page = (await client.get("/v1/customers", params={"identifier": "+982188776655"})).json()
    assert {item["id"] for item in page["items"]} == ids


@pytest.mark.parametrize("identifier", ["", " ", "email:nonsense", "phone:12"])
async def test_an_identifier_no_rule_can_read_is_422_as_a_filter(client: Client, identifier: str) -> None:
    response = await client.get("/v1/customers", params={"identifier": identifier})
    assert_problem(response, 422, "invalid_identifier")


async def test_an_organization_with_members_stays_one(client: Client) -> None:
    shop = await make_customer(client, kind="organization", display_name="Bookshop")
    await make_customer(client, organization_id=shop["id"])
    response = await client.patch(f"/v1/customers/{shop['id']}", json={"kind": "person"})
    assert_problem(response, 409, "has_members")


async def test_a_region_without_telephones_is_refused(client: Client) -> None:
    identifier = {"kind": "phone", "value": "0912 123 4567", "region": "XX"}
    response = await client.post("/v1/customers", json={"identifiers": [identifier]})
    problem = assert_problem(response, 422, "validation_failed")
    assert problem["errors"][0]["field"] == "identifiers.0.region"
