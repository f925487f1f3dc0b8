"""An import taken back: what it made goes, what has come of it since stays."""

import httpx
import pytest

from tests.core.test_errors import assert_problem
from tests.factories import make_customer, tell
from tests.imports.files import count_customers, find, results, send

PHONE, EMAIL = "+989121234567", "ali@example.ir"


async def undo(client: httpx.AsyncClient, answer: dict[str, str]) -> list[dict[str, str]]:
    response = await client.post(f"/v1/imports/{answer['id']}/undo")
    assert (response.status_code, response.json()["status"]) == (200, "undone"), response.text
    return await results(client, answer)


async def test_created_customers_are_deleted(client: httpx.AsyncClient) -> None:
    answer = await send(client, f"name,phone,email\nAli,{PHONE},\nAli,{PHONE},{EMAIL}\nB,,b@example.org\n")
    rows = await undo(client, answer)
    assert [row["undone"] for row in rows] == ["deleted", "deleted", "deleted"]
    assert await count_customers(client) == 0
    assert (await send(client, f"name,phone\nAli,{PHONE}\n"))["counts"]["created"] == 1


async def test_a_filled_in_customer_is_as_before(client: httpx.AsyncClient) -> None:
    made = await make_customer(client, ("phone", PHONE), given_name="Ali", attributes={"tier": 1})
    answer = await send(
        client, f"first name,last name,phone,email,city\nA,Rezaei,{PHONE},{EMAIL},Qom\n", overwrite=True
    )
    (row,) = await undo(client, answer)
    customer = await find(client, phone=PHONE)
    same = ("display_name", "given_name", "family_name", "attributes", "status")
    assert {name: customer[name] for name in same} == {name: made[name] for name in same}
    assert [each["id"] for each in customer["identifiers"]] == [each["id"] for each in made["identifiers"]]
    assert (row["undone"], await find(client, email=EMAIL)) == ("restored", None)


async def test_fields_changed_since_stay(client: httpx.AsyncClient) -> None:
    made = await make_customer(client, ("phone", PHONE))
    answer = await send(client, f"first name,last name,phone\nAli,Rezaei,{PHONE}\n")
    await client.patch(f"/v1/customers/{made['id']}", json={"given_name": "Alireza"})
    (row,) = await undo(client, answer)
    customer = await find(client, phone=PHONE)
    assert (customer["given_name"], customer["family_name"]) == ("Alireza", None)
    assert row["undone"] == "kept"
    assert "given_name" in {each.get("field") for each in row["reasons"]}  # type: ignore[attr-defined]


@pytest.mark.parametrize("what", ["message", "change", "address"])
async def test_a_created_customer_something_has_come_of_stays(client: httpx.AsyncClient, what: str) -> None:
    answer = await send(client, f"name,phone\nAli,{PHONE}\nB,+989121234568\n")
    customer = await find(client, phone=PHONE)
    path = f"/v1/customers/{customer['id']}"
    if what == "message":
        await tell(client, ("phone", PHONE))
    elif what == "change":
        await client.patch(path, json={"language": "fa"})
    else:
        await client.post(f"{path}/identifiers", json={"kind": "email", "value": EMAIL})
    rows = await undo(client, answer)
    assert [row["undone"] for row in rows] == ["kept", "deleted"]
    assert (await find(client, phone=PHONE))["id"] == customer["id"]


async def test_a_used_address_stays_with_its_customer(client: httpx.AsyncClient) -> None:
    await make_customer(client, ("phone", PHONE))
    answer = await send(client, f"phone,email,whatsapp\n{PHONE},{EMAIL},+989121234568\n")
    await tell(client, ("email", EMAIL))
    (row,) = await undo(client, answer)
    assert row["undone"] == "kept"
    assert await find(client, email=EMAIL)
    assert await find(client, whatsapp="+989121234568") is None


async def test_what_was_merged_since_stays(client: httpx.AsyncClient) -> None:
    one = await make_customer(client, ("phone", PHONE))
    answer = await send(client, f"last name,phone,email\nRezaei,{PHONE},\nAli,,{EMAIL}\nC,+989121234568,\n")
    made = await find(client, email=EMAIL)
    survivor = await find(client, phone="+989121234568")
    response = await client.post(
        f"/v1/customers/{survivor['id']}/merge", json={"customer_ids": [one["id"], made["id"]]}
    )
    assert response.status_code == 200, response.text
    assert {row["undone"] for row in await undo(client, answer)} == {"kept"}
    assert (await find(client, phone=PHONE))["id"] == survivor["id"]


async def test_an_import_is_undone_once(client: httpx.AsyncClient) -> None:
    answer = await send(client, "name\nAli\n")
    await undo(client, answer)
    assert_problem(await client.post(f"/v1/imports/{answer['id']}/undo"), 409, "import_undone")
