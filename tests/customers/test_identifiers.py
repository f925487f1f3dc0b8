"""A customer's addresses: read as people write them, owned by one customer at a time."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.core.test_errors import assert_problem
from tests.factories import configure, make_customer, tell

NOBODY = "01a20351-8849-7262-b2fa-12638c68a45b"
Client = httpx.AsyncClient


async def add(client: Client, customer: dict[str, Any], kind: str, value: str, **fields: Any) -> httpx.Response:
    body = {"kind": kind, "value": value} | fields
    return await client.post(f"/v1/customers/{customer['id']}/identifiers", json=body)


async def values(client: Client, customer: dict[str, Any]) -> list[str]:
    shown = (await client.get(f"/v1/customers/{customer['id']}")).json()
    return [identifier["value"] for identifier in shown["identifiers"]]


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("phone", "۰۹۱۲ ۱۲۳ ۴۵۶۷", "+989121234567"),
        ("phone", "٠٩١٢-١٢٣-٤٥٦٧", "+989121234567"),
        ("phone", "+1 (415) 555-2671", "+14155552671"),
        ("fax", "021 8877 6655", "+982188776655"),
        ("whatsapp", "989121234567", "+989121234567"),
        ("email", " Ali.Rezaei@Example.IR ", "ali.rezaei@example.ir"),
        ("telegram", "@Ali_Shop", "@ali_shop"),
        ("telegram", "۱۲۳۴۵", "12345"),
        ("external", "ERP: 10023", "erp:10023"),
        ("device", "a1b2", "a1b2"),
        ("social", "instagram:ali", "instagram:ali"),
    ],
)
async def test_each_kind_has_one_form_and_the_raw_one_is_kept(
    app: FastAPI, client: Client, kind: str, written: str, value: str
) -> None:
    configure(app, default_region="IR")
    (identifier,) = (await make_customer(client, (kind, written)))["identifiers"]
    assert (identifier["kind"], identifier["value"], identifier["raw"]) == (kind, value, written)


async def test_a_region_says_whose_national_numbers_are_meant(app: FastAPI, client: Client) -> None:
    configure(app, default_region="IR")
    customer = await make_customer(client)
    response = await add(client, customer, "phone", "030 901820", region="DE")
    assert (response.status_code, response.json()["value"]) == (201, "+4930901820")


async def test_a_national_number_is_unreadable_where_no_region_is_known(client: Client) -> None:
    body = {"identifiers": [{"kind": "phone", "value": "09121234567"}]}
    problem = assert_problem(await client.post("/v1/customers", json=body), 422, "invalid_identifier")
    assert [error["field"] for error in problem["errors"]] == ["identifiers.0.value"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("phone", "12"), ("email", "ali"), ("telegram", "no name"), ("external", "10023"), ("device", " "), ("fax", "x")],
)
async def test_a_value_no_rule_can_read_is_422(client: Client, kind: str, value: str) -> None:
    customer = await make_customer(client)
    problem = assert_problem(await add(client, customer, kind, value), 422, "invalid_identifier")
    assert [error["field"] for error in problem["errors"]] == ["value"]
    assert await values(client, customer) == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [("email", "noreply@example.ir"), ("phone", "+17378742833"), ("external", "erp:0000"), ("device", "anonymous")],
)
async def test_a_value_that_identifies_nobody_is_422(client: Client, kind: str, value: str) -> None:
    customer = await make_customer(client)
    assert_problem(await add(client, customer, kind, value), 422, "identifier_blocked")
    body = {"identifiers": [{"kind": kind, "value": value}]}
    assert_problem(await client.post("/v1/customers", json=body), 422, "identifier_blocked")


async def test_an_installation_blocks_values_of_its_own(app: FastAPI, client: Client) -> None:
    configure(app, blocked_identifiers={"+982188776655"})
    customer = await make_customer(client)
    assert_problem(await add(client, customer, "phone", "+98 21 8877 6655"), 422, "identifier_blocked")
    call = await tell(client, ("phone", "+982188776655"))
    assert call["customer_id"] is None


async def test_an_identifier_of_a_live_customer_is_409_and_tells_whose(client: Client) -> None:
    ali = await make_customer(client, ("email", "ali@example.ir"))
    reza = await make_customer(client, ("phone", "+989121234567"))
    both = [{"kind": "phone", "value": "+989121234567"}, {"kind": "email", "value": "ALI@example.ir"}]
    problem = assert_problem(await client.post("/v1/customers", json={"identifiers": both}), 409, "identifier_taken")
    assert problem["customer_ids"] == sorted([ali["id"], reza["id"]])
    problem = assert_problem(await add(client, reza, "email", "ali@example.ir"), 409, "identifier_taken")
    assert problem["customer_ids"] == [ali["id"]]
    assert len((await client.get("/v1/customers")).json()["items"]) == 2


async def test_one_value_of_two_kinds_is_two_identifiers(client: Client) -> None:
    await make_customer(client, ("phone", "+989121234567"))
    await make_customer(client, ("whatsapp", "+989121234567"))


async def test_the_same_value_twice_in_one_request_is_one_identifier(client: Client) -> None:
    customer = await make_customer(client, ("phone", "+989121234567"), ("phone", "+98 912 123 4567"))
    assert await values(client, customer) == ["+989121234567"]


async def test_adding_what_the_customer_has_already_changes_nothing(client: Client) -> None:
    customer = await make_customer(client, ("phone", "+989121234567"))
    response = await add(client, customer, "phone", "+98 912 123 4567", label="work")
    assert (response.status_code, response.json()) == (201, customer["identifiers"][0])
    assert await values(client, customer) == ["+989121234567"]


async def test_an_identifier_is_added_with_what_is_known_of_it(client: Client) -> None:
    customer = await make_customer(client)
    fields = {"label": "work", "confidence": "verified", "shared": True}
    added = (await add(client, customer, "phone", "+982188776655", **fields)).json()
    assert {name: added[name] for name in fields} == fields
    assert (await client.get(f"/v1/customers/{customer['id']}")).json()["identifiers"] == [added]


async def test_an_identifiers_particulars_change_and_its_value_does_not(client: Client) -> None:
    customer = await make_customer(client, identifiers=[{"kind": "phone", "value": "+989121234567", "label": "work"}])
    (identifier,) = customer["identifiers"]
    path = f"/v1/customers/{customer['id']}/identifiers/{identifier['id']}"
    changed = (await client.patch(path, json={"label": None, "confidence": "verified"})).json()
    assert changed == identifier | {"label": None, "confidence": "verified"}
    for body in ({"value": "+989351234567"}, {"confidence": None}, {"opted_out": None}, {"confidence": "guessed"}):
        assert_problem(await client.patch(path, json=body), 422, "validation_failed")


async def test_opting_out_keeps_its_first_time_and_can_be_taken_back(client: Client) -> None:
    customer = await make_customer(client, ("phone", "+989121234567"))
    path = f"/v1/customers/{customer['id']}/identifiers/{customer['identifiers'][0]['id']}"
    first = (await client.patch(path, json={"opted_out": True})).json()["opted_out_at"]
    again = (await client.patch(path, json={"opted_out": True, "label": "home"})).json()["opted_out_at"]
    assert first == again is not None
    assert (await client.patch(path, json={"label": "work"})).json()["opted_out_at"] == first
    assert (await client.patch(path, json={"opted_out": False})).json()["opted_out_at"] is None


async def test_a_shared_identifier_belongs_to_several_until_one_claims_it(client: Client) -> None:
    shared = {"kind": "phone", "value": "+982188776655", "shared": True}
    ali, reza = [await make_customer(client, identifiers=[shared]) for _ in range(2)]
    nobody = assert_problem(await client.get("/v1/lookup", params={"phone": "+982188776655"}), 404, "shared_identifier")
    assert nobody["customer_ids"] == [reza["id"], ali["id"]]

    def path(customer: dict[str, Any]) -> str:
        return f"/v1/customers/{customer['id']}/identifiers/{customer['identifiers'][0]['id']}"

    assert (await client.patch(path(ali), json={"shared": False})).status_code == 200
    problem = assert_problem(await client.patch(path(reza), json={"shared": False}), 409, "identifier_taken")
    assert problem["customer_ids"] == [ali["id"]]
    found = (await client.get("/v1/lookup", params={"phone": "+982188776655"})).json()
    assert found["customer"]["id"] == ali["id"]


async def test_a_released_identifier_is_free_for_another_and_its_messages_stay(client: Client) -> None:
    ali = await make_customer(client, ("phone", "+989121234567"))
    call = await tell(client, ("phone", "+989121234567"))
    path = f"/v1/customers/{ali['id']}/identifiers/{ali['identifiers'][0]['id']}"
    assert (await client.delete(path)).status_code == 204
    assert await values(client, ali) == []
    assert (await client.get("/v1/lookup", params={"phone": "+989121234567"})).status_code == 404
    reza = await make_customer(client, ("phone", "+989121234567"))
    assert (await tell(client, ("phone", "+989121234567")))["customer_id"] == reza["id"]
    assert (await client.get(f"/v1/interactions/{call['id']}")).json()["customer_id"] == ali["id"]


async def test_a_released_identifier_may_come_back_to_its_owner(client: Client) -> None:
    ali = await make_customer(client, ("phone", "+989121234567"))
    (old,) = ali["identifiers"]
    await client.delete(f"/v1/customers/{ali['id']}/identifiers/{old['id']}")
    back = await add(client, ali, "phone", "+989121234567")
    assert back.status_code == 201
    assert back.json()["id"] != old["id"]
    assert await values(client, ali) == ["+989121234567"]


async def test_an_identifier_of_somebody_else_or_a_released_one_is_404(client: Client) -> None:
    ali = await make_customer(client, ("phone", "+989121234567"))
    reza = await make_customer(client)
    identifier_id = ali["identifiers"][0]["id"]
    theirs = f"/v1/customers/{reza['id']}/identifiers/{identifier_id}"
    own = f"/v1/customers/{ali['id']}/identifiers/{identifier_id}"
    unknown = f"/v1/customers/{ali['id']}/identifiers/{NOBODY}"
    for path in (theirs, unknown):
        assert_problem(await client.patch(path, json={}), 404, "not_found")
        assert_problem(await client.delete(path), 404, "not_found")
    await client.delete(own)
    assert_problem(await client.patch(own, json={}), 404, "not_found")
    assert_problem(await client.delete(own), 404, "not_found")


async def test_a_customer_has_at_most_a_hundred_identifiers_to_begin_with(client: Client) -> None:
    many = [{"kind": "external", "value": f"erp:{n}"} for n in range(101)]
    assert_problem(await client.post("/v1/customers", json={"identifiers": many}), 422, "validation_failed")
    assert (await client.post("/v1/customers", json={"identifiers": many[1:]})).status_code == 201
