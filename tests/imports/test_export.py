"""The export: everything, once, and good for an import."""

import csv
import io
import json
from typing import Any
from uuid import uuid4

import httpx

from tests.factories import make_customer, tell
from tests.imports.files import find, send

OURS = {"id", "version", "merged_ids", "created_at", "updated_at", "first_contact_at", "last_contact_at"}


async def exported(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    response = await client.get("/v1/customers/export", params=query)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in response.text.splitlines()]


async def in_csv(client: httpx.AsyncClient) -> list[dict[str, str]]:
    response = await client.get("/v1/customers/export", params={"format": "csv"})
    return list(csv.DictReader(io.StringIO(response.text)))


def _told(customer: dict[str, Any]) -> dict[str, Any]:
    """Without what another installation would say for itself."""
    identifiers = [{key: each[key] for key in each.keys() - {"id"}} for each in customer["identifiers"]]
    return {key: customer[key] for key in customer.keys() - OURS} | {"identifiers": identifiers}


async def make_some(client: httpx.AsyncClient) -> None:
    full = await make_customer(
        client,
        ("phone", "+989121234567"),
        ("external", "erp:a;b"),
        ("email", "ali@example.ir"),
        display_name="علی رضایی",
        given_name="علی",
        language="fa",
        time_zone="Asia/Tehran",
        attributes={"tier": 1, "tags": ["a", "b"], "deep": {"x": None}},
        preferences={"channel": "sms"},
    )
    path = f"/v1/customers/{full['id']}/identifiers/{full['identifiers'][0]['id']}"
    await client.patch(path, json={"opted_out": True, "label": "home"})
    await make_customer(client, ("phone", "+989121234568"), kind="organization", display_name="Pars")
    await tell(client, ("phone", "+989121234569"))


async def test_every_customer_comes_once_and_whole(client: httpx.AsyncClient) -> None:
    await make_some(client)
    customers = await exported(client)
    listed = (await client.get("/v1/customers")).json()["items"]
    by_id = {each["id"]: each for each in listed}
    assert {each["id"] for each in customers} == by_id.keys()
    assert [each["attributes"] for each in customers] == [by_id[each["id"]]["attributes"] for each in customers]
    assert [len(each["identifiers"]) for each in customers] == [3, 1, 1]
    assert [each["id"] for each in await exported(client, kind="organization")] == [customers[1]["id"]]
    assert [each["id"] for each in await exported(client, status="provisional")] == [customers[2]["id"]]
    assert await exported(client, updated_since="2100-01-01T00:00:00Z") == []


async def test_what_is_exported_and_imported_is_the_same_file(client: httpx.AsyncClient) -> None:
    await make_some(client)
    before = await exported(client)
    text = (await client.get("/v1/customers/export")).text
    assert (await send(client, text, "all.ndjson"))["counts"]["unchanged"] == 3
    await _forget_all(client, before)
    assert (await send(client, text, "all.ndjson"))["counts"]["rejected"] == 3  # erased ids stay erased
    for each in before:
        text = text.replace(each["id"], str(uuid4()))
    assert (await send(client, text, "all.ndjson"))["counts"]["created"] == 3
    after = [each for each in await exported(client) if each["status"] != "anonymized"]
    assert list(map(_told, after)) == list(map(_told, before))


async def _forget_all(client: httpx.AsyncClient, customers: list[dict[str, Any]]) -> None:
    for each in customers:
        assert (await client.delete(f"/v1/customers/{each['id']}")).status_code == 204


async def test_the_csv_goes_back_in_as_well(client: httpx.AsyncClient) -> None:
    await make_some(client)
    text = (await client.get("/v1/customers/export", params={"format": "csv"})).text
    assert (await send(client, text))["counts"]["unchanged"] == 3
    before = await exported(client)
    await _forget_all(client, before)
    answer = await send(client, text)
    assert (answer["counts"]["rejected"], answer["counts"]["created"]) == (3, 0)  # erased ids stay erased
    answer = await send(client, text, mapping='{"id": null}')
    assert answer["counts"]["created"] == 3
    customer = await find(client, external="erp:a;b")
    assert (customer["display_name"], customer["attributes"]["tags"]) == ("علی رضایی", ["a", "b"])
    phone = next(each for each in customer["identifiers"] if each["kind"] == "phone")
    assert phone["opted_out_at"] is not None


async def test_nothing_in_the_csv_is_run_by_a_spreadsheet(client: httpx.AsyncClient) -> None:
    formula = '=HYPERLINK("http://x","y")'
    await make_customer(client, ("phone", "+989121234567"), display_name=formula, given_name="-1+1", family_name="@x")
    (row,) = await in_csv(client)
    assert (row["display_name"], row["given_name"], row["family_name"]) == (f"'{formula}", "'-1+1", "'@x")
    assert row["phone"] == "+989121234567"
    text = (await client.get("/v1/customers/export", params={"format": "csv"})).text
    assert (await send(client, text))["counts"]["unchanged"] == 1
