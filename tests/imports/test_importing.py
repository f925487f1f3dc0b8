"""What a row does to the customer files, and how the import is told of."""

import json

import httpx
import pytest
from fastapi import FastAPI

from app.imports import service
from tests.conftest import SavepointDatabase, open_client
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, configure, make_customer, make_key, tell
from tests.imports.files import count_customers, find, results, send

PHONE, EMAIL = "+989121234567", "ali@example.ir"
CLASHING = f"name,phone,email\nC,{PHONE},{EMAIL}\n"


async def test_a_known_customer_is_filled_in_and_keeps_what_is_known(client: httpx.AsyncClient) -> None:
    made = await make_customer(client, ("phone", PHONE), given_name="Ali", attributes={"city": "Tehran"})
    text = f"first name,last name,phone,email,city,country\nAlireza,Rezaei,{PHONE},{EMAIL},Qom,Iran\n"
    answer = await send(client, text)
    customer = await find(client, email=EMAIL)
    assert customer["id"] == made["id"]
    assert (customer["given_name"], customer["family_name"]) == ("Ali", "Rezaei")
    assert customer["attributes"] == {"city": "Tehran", "country": "Iran"}
    assert customer["version"] == made["version"] + 1
    (row,) = await results(client, answer)
    assert (row["result"], row["customer_id"]) == ("updated", made["id"])
    assert [(each["code"], each["field"]) for each in row["reasons"]] == [
        ("kept", "given_name"),
        ("kept", "attributes.city"),
    ]


async def test_overwrite_lets_the_file_win(client: httpx.AsyncClient) -> None:
    await make_customer(client, ("phone", PHONE), given_name="Ali", attributes={"city": "Tehran", "tier": 1})
    await send(client, f"first name,phone,city\nAlireza,{PHONE},Qom\n", overwrite=True)
    customer = await find(client, phone=PHONE)
    assert (customer["given_name"], customer["attributes"]) == ("Alireza", {"city": "Qom", "tier": 1})


async def test_the_same_file_again_changes_nothing(client: httpx.AsyncClient) -> None:
    text = f"customer number,name,phone\n7,Ali,{PHONE}\n8,Sara,\n"
    assert (await send(client, text, source="erp"))["counts"]["created"] == 2
    before = (await client.get("/v1/customers/export")).text
    assert (await send(client, text, source="erp"))["counts"]["unchanged"] == 2
    assert (await client.get("/v1/customers/export")).text == before
    assert (await find(client, external="erp:8"))["display_name"] == "Sara"


async def test_a_file_opened_by_a_message_becomes_active(client: httpx.AsyncClient) -> None:
    await tell(client, ("phone", PHONE))
    assert (await find(client, phone=PHONE))["status"] == "provisional"
    answer = await send(client, f"name,phone\nAli,{PHONE}\n")
    customer = await find(client, phone=PHONE)
    assert (customer["status"], customer["display_name"], answer["counts"]["updated"]) == ("active", "Ali", 1)


async def test_another_id_of_one_system_is_another_customer(client: httpx.AsyncClient) -> None:
    first = await make_customer(client, ("external", "erp:1"), ("email", EMAIL))
    answer = await send(client, f"customer number,name,phone,email\n2,Sara,{PHONE},{EMAIL}\n", source="erp")
    (row,) = await results(client, answer)
    assert (row["result"], [each["code"] for each in row["reasons"]]) == ("created", ["limited"])
    assert row["customer_id"] == (await find(client, external="erp:2"))["id"] == (await find(client, phone=PHONE))["id"]
    assert (await find(client, email=EMAIL))["id"] == first["id"]
    (pair,) = await all_pages(client, "/v1/duplicates")
    assert sorted(pair["customer_ids"]) == sorted([first["id"], row["customer_id"]])
    assert (await send(client, "customer number,name\n2,Sara\n", source="erp"))["counts"]["unchanged"] == 1


async def test_addresses_of_two_customers_make_a_suggestion_and_change_nothing(client: httpx.AsyncClient) -> None:
    one, other = await make_customer(client, ("phone", PHONE)), await make_customer(client, ("email", EMAIL))
    answer = await send(client, CLASHING)
    (row,) = await results(client, answer)
    assert (row["result"], row["reasons"][0]["code"]) == ("duplicate", "several_customers")
    (pair,) = await all_pages(client, "/v1/duplicates")
    assert pair["customer_ids"] == sorted([one["id"], other["id"]])
    assert (await find(client, phone=PHONE))["display_name"] is None


async def test_two_rows_of_one_person_in_a_file_are_one_customer(client: httpx.AsyncClient) -> None:
    text = f"name,phone,email\nAli,{PHONE},\nAli,{PHONE},{EMAIL}\nSara,{PHONE},\n"
    answer = await send(client, text)
    assert [row["result"] for row in await results(client, answer)] == ["created", "updated", "unchanged"]
    assert (await find(client, email=EMAIL))["display_name"] == "Ali"
    assert await count_customers(client) == 1


async def test_an_address_no_rule_reads_is_left_out_and_told(client: httpx.AsyncClient) -> None:
    text = f"name,phone,email\nA,12,{EMAIL}\nB,nonsense,\nC,-,\nD,+980000000000,\nE,,anonymous@x.org\n,,\n"
    rows = await results(client, await send(client, text))
    assert [row["result"] for row in rows] == ["created", "rejected", "created", "rejected", "rejected"]
    assert [[each["code"] for each in row["reasons"]] for row in rows] == [
        ["invalid_identifier"],
        ["invalid_identifier"],
        [],
        ["invalid_identifier"],
        ["identifier_blocked"],
    ]


async def test_one_cell_may_hold_several_addresses(client: httpx.AsyncClient) -> None:
    text = "name,phone,email\nA,09121234567 / 021-88776655،۰۹۱۲۱۲۳۴۵۶۸,a@example.org; b@example.org\n"
    await send(client, text.replace("،", ";"), region="IR")
    customer = await find(client, email="b@example.org")
    assert {each["value"] for each in customer["identifiers"]} == {
        *("+989121234567", "+982188776655", "+989121234568"),
        *("a@example.org", "b@example.org"),
    }


async def test_columns_are_mapped_by_hand_guessed_by_value_or_kept_as_attributes(client: httpx.AsyncClient) -> None:
    text = f"Nick,Balance,Wo erreichbar,Shoe size\nAli,100,{EMAIL},44\nSara,200,s@example.org,38\n"
    answer = await send(client, text, mapping=json.dumps({"nick": "display_name", "Balance": None}))
    assert answer["mapping"] == {
        "Nick": "display_name",
        "Balance": None,
        "Wo erreichbar": "email",
        "Shoe size": "attributes.shoe_size",
    }
    assert answer["unmapped"] == ["Shoe size"]
    customer = await find(client, email=EMAIL)
    assert (customer["display_name"], customer["attributes"]) == ("Ali", {"shoe_size": "44"})


@pytest.mark.parametrize("mapping", ['{"nobody": "phone"}', '{"name": "shoe"}', '{"name": "email:"}', "[]", "{", '"x"'])
async def test_a_mapping_that_does_not_fit_is_refused(client: httpx.AsyncClient, mapping: str) -> None:
    response = await client.post("/v1/imports", params={"mapping": mapping}, content="name\nAli\n")
    assert response.status_code == (400 if mapping == "{" else 422)
    assert response.json()["code"] in {"bad_mapping", "malformed_json", "validation_failed"}


async def test_unknown_options_are_refused(client: httpx.AsyncClient) -> None:
    assert_problem(await client.post("/v1/imports?dryrun=1", content="name\nA\n"), 400, "unknown_parameter")
    response = await client.post("/v1/imports", files={"file": ("a.csv", b"name\nA\n")}, data={"dryrun": "1"})
    assert_problem(response, 422, "validation_failed")
    response = await client.post("/v1/imports", files={"data": ("a.csv", b"name\nA\n")})
    assert_problem(response, 422, "validation_failed")


async def test_a_dry_run_tells_the_same_and_changes_nothing(client: httpx.AsyncClient) -> None:
    await make_customer(client, ("phone", PHONE))
    before = (await client.get("/v1/customers/export")).text
    text = f"name,phone,email\nAli,{PHONE},\nNew,,n@example.org\nNew,,n@example.org\nBad,nonsense,\n"
    dry = await send(client, text, dry_run=True)
    assert (await client.get("/v1/customers/export")).text == before
    real = await send(client, text)
    assert (
        dry["counts"] == real["counts"] == {"created": 1, "updated": 1, "unchanged": 1, "duplicate": 0, "rejected": 1}
    )
    assert_problem(await client.post(f"/v1/imports/{dry['id']}/undo"), 409, "dry_run")


async def test_each_imported_address_is_journalled_and_told(
    client: httpx.AsyncClient, database: SavepointDatabase
) -> None:
    await send(client, f"name,phone\nAli,{PHONE}\n")
    customer = await find(client, phone=PHONE)
    (entry,) = await all_pages(client, f"/v1/customers/{customer['id']}/identity-log")
    assert (entry["rule"], entry["identifier_value"]) == ("imported", PHONE)
    told = await database.driver.fetch("SELECT type, customer_id::text FROM change ORDER BY number")
    assert [tuple(row) for row in told] == [
        ("customer.created", customer["id"]),
        ("identifier.added", customer["id"]),
    ]


async def test_an_address_that_opted_out_before_it_was_forgotten_stays_opted_out(client: httpx.AsyncClient) -> None:
    made = await make_customer(client, ("phone", PHONE))
    path = f"/v1/customers/{made['id']}"
    await client.patch(f"{path}/identifiers/{made['identifiers'][0]['id']}", json={"opted_out": True})
    old = (await client.get("/v1/customers/export")).text
    assert (await client.delete(path, params={"mode": "erase"})).status_code == 204
    (row,) = await results(client, await send(client, old, "old.ndjson"))
    assert (row["result"], row["reasons"][0]["code"]) == ("rejected", "erased")
    await send(client, f"name,phone\nAli,{PHONE}\n")
    assert (await find(client, phone=PHONE))["identifiers"][0]["opted_out_at"] is not None


async def test_results_come_as_csv_too_and_by_result(client: httpx.AsyncClient) -> None:
    answer = await send(client, f"name,phone\nA,{PHONE}\nB,nonsense\n")
    assert [row["line"] for row in await results(client, answer, status="rejected")] == [3]
    response = await client.get(f"/v1/imports/{answer['id']}/results", headers={"Accept": "text/csv"})
    assert response.headers["content-type"].startswith("text/csv")
    assert response.text.splitlines()[0] == "line,result,customer_id,undone,reasons"
    assert "No rule reads this as one phone number." in response.text.splitlines()[2]


async def test_reading_needs_the_read_scope_and_importing_the_write_scope(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    reader = (await make_key(client, "read"))["authorization"]
    async with open_client(app, headers=reader) as reading:
        assert (await reading.post("/v1/imports", content="name\nA\n")).status_code == 403
        assert (await reading.get("/v1/imports")).status_code == 200
        assert (await reading.get("/v1/customers/export")).status_code == 200


async def test_a_file_beyond_the_limit_is_413(app: FastAPI, client: httpx.AsyncClient) -> None:
    configure(app)
    limit = app.state.settings.max_import_bytes
    response = await client.post("/v1/imports", content=b"x", headers={"Content-Length": str(limit + 1)})
    assert response.status_code == 413


async def test_the_same_idempotency_key_imports_once(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await client.post("/v1/imports", content="name\nAli\n", headers=headers)
    again = await client.post("/v1/imports", content="name\nAli\n", headers=headers)
    assert first.json() == again.json()
    assert await count_customers(client) == 1


async def test_a_large_file_goes_on_in_the_background(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 10)
    text = "name,email\n" + "".join(f"N{n},n{n}@example.org\n" for n in range(25))
    answer = await send(client, text)
    assert (answer["status"], answer["rows"], answer["done"]) == ("running", 25, 0)
    await service.run(app.state.desk, answer["id"])
    answer = (await client.get(f"/v1/imports/{answer['id']}")).json()
    assert (answer["status"], answer["done"], answer["counts"]["created"]) == ("finished", 25, 25)


async def test_the_file_is_forgotten_once_it_is_imported(app: FastAPI, client: httpx.AsyncClient) -> None:
    answer = await send(client, f"name,phone\nAli,{PHONE}\n")
    record = await service.get(app.state.desk, answer["id"])
    assert record.storage_key is None


async def test_what_is_erased_is_erased_from_the_import_too(
    client: httpx.AsyncClient, database: SavepointDatabase
) -> None:
    made = await make_customer(client, ("phone", PHONE))
    await send(client, f"name,phone\nAli,{PHONE}\n")
    assert "Ali" in await database.driver.fetchval("SELECT changes::text FROM import_row")
    await client.delete(f"/v1/customers/{made['id']}")
    assert await database.driver.fetchval("SELECT changes::text FROM import_row") == "{}"


async def test_an_imported_customer_is_found_by_the_names_the_file_gave(client: httpx.AsyncClient) -> None:
    await send(client, f"name,phone\nعلي رضایی,{PHONE}\n")
    (customer,) = await all_pages(client, "/v1/customers", q="علی رضا")
    await send(client, f"name,phone\nSara Rezai,{PHONE}\n", overwrite=True)

    assert [each["id"] for each in await all_pages(client, "/v1/customers", q="sara")] == [customer["id"]]
    assert await all_pages(client, "/v1/customers", q="علی") == []
